//! Told sides: a latent tells the side of its image's grid (SPEC.md section 6.8.5).

use std::collections::BTreeSet;

use crate::grid::Grid;
use crate::layer::Layer;
use crate::prior::Latent;
use crate::range_coder::Decoder;
use crate::refusal::{Kind, Result, demand};
use crate::softmax::frequencies;
use crate::tensors::Tensors;

/// The tensors `told.*` of a model.
pub(super) struct Told {
    columns: Vec<i64>,
    sides: Vec<i64>,
    hidden: Layer,
    place: Layer,
}

impl Told {
    // 6.8.5 and 9.2
    /// `m` is the number of latent integers.
    pub(super) fn load(t: &mut Tensors<'_>, m: usize) -> Result<Self> {
        let (_, sides) = t.get("told.sides", 0)?;
        let all = sides.len();
        demand((1..=10).any(|k| all == 1 << k), Kind::BadModel, "told.sides")?;
        let numbers = sides.iter().all(|&number| number <= 101) && sides.contains(&0);
        demand(numbers, Kind::BadModel, "told.sides")?;
        let columns = t.flat("told.columns", 4, m)?;
        let below = columns.iter().all(|&column| column < all as i64);
        demand(below && span(&columns).len() == all, Kind::BadModel, "told.columns")?;
        let hidden = t.layer("told.hidden", m, |_| 8_128)?;
        demand(hidden.outputs > 0, Kind::BadModel, "told.hidden")?;
        let place = t.layer("told.place", hidden.outputs, |_| 32_767)?;
        demand(place.outputs == 32, Kind::BadModel, "told.place")?;
        Ok(Told { columns, sides, hidden, place })
    }

    /// m − 19 of the side m that a latent tells, or 0.
    fn number(&self, z: &[i64]) -> usize {
        let odd = self.columns.iter().zip(z).filter(|&(_, &z)| z & 1 == 1);
        let s = odd.fold(0, |s, (&column, _)| s ^ column);
        self.sides[s as usize] as usize
    }

    pub(super) fn grid(
        &self,
        (inputs, z): &Latent,
        coder: &mut Decoder<'_>,
    ) -> Result<Option<Grid>> {
        let number = self.number(z);
        if number == 0 {
            return Ok(None);
        }
        let logits = self.place.wide(&self.hidden.relu(inputs));
        let row = coder.symbol(&frequencies(&logits[..16]))?;
        let column = coder.symbol(&frequencies(&logits[16..]))?;
        Ok(Some(Grid::of_symbols(number, row, column)))
    }
}

/// All that is the exclusive or of some of the columns.
fn span(columns: &[i64]) -> BTreeSet<i64> {
    let mut span = BTreeSet::from([0]);
    for column in columns {
        if !span.contains(column) {
            let others: Vec<i64> = span.iter().map(|s| s ^ column).collect();
            span.extend(others);
        }
    }
    span
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiny::Tiny;

    fn load(tiny: &Tiny) -> Result<Told> {
        let mut tensors = tiny.tensors();
        tensors.0.retain(|name, _| name.starts_with("told."));
        let told = Told::load(&mut tensors, 4)?;
        assert!(tensors.0.is_empty(), "all tensors are taken");
        Ok(told)
    }

    /// The told sides of a small model, after a change.
    fn changed(change: impl Fn(&mut Tiny)) -> Result<Told> {
        let mut tiny = Tiny::new(true, &["told"]);
        change(&mut tiny);
        load(&tiny)
    }

    fn refused(change: impl Fn(&mut Tiny)) -> String {
        let refusal = changed(change).err().expect("a model to refuse");
        assert_eq!(refusal.0, Kind::BadModel);
        refusal.1
    }

    fn with(columns: &[i64], sides: &[i64]) -> Result<Told> {
        changed(|tiny| {
            tiny.numbers("told.columns", 4, columns);
            tiny.numbers("told.sides", 0, sides);
        })
    }

    #[test]
    fn columns_of_odd_numbers() {
        let told = with(&[1, 2, 4, 7], &[0, 1, 2, 3, 4, 5, 6, 101]).expect("told sides");
        for (z, number) in [
            ([0, 0, 0, 0], 0),
            ([1, 0, 0, 0], 1),
            ([0, 1, 2, -4], 2),
            ([1, 0, 1, 0], 5),
            ([0, 0, 0, 1], 101),
            ([0, 3, 0, 3], 5),
            ([1, 1, 1, 0], 101),
            ([1, 1, 1, 1], 0),
            ([-1, 0, 0, -7], 6),
            ([i64::from(i32::MIN), i64::from(i32::MAX), 0, 0], 2),
        ] {
            assert_eq!(told.number(&z), number, "{z:?}");
        }
    }

    #[test]
    fn what_columns_span() {
        assert!(span(&[]).into_iter().eq([0]));
        assert!(span(&[0, 0]).into_iter().eq([0]));
        assert!(span(&[3, 5]).into_iter().eq([0, 3, 5, 6]));
        assert!(span(&[3, 5, 6]).into_iter().eq([0, 3, 5, 6]));
        assert!(span(&[3, 5, 6, 7]).into_iter().eq(0..8));
        let powers: Vec<i64> = (0..10).map(|k| 1 << k).collect();
        assert!(span(&powers).into_iter().eq(0..1024));
    }

    #[test]
    fn columns_must_reach_all() {
        let refusal = |columns: &[i64], all: usize| {
            with(columns, &vec![0; all]).err().map(|refusal| (refusal.0, refusal.1))
        };
        let columns = Some((Kind::BadModel, "told.columns".to_owned()));
        assert_eq!(refusal(&[1, 2, 3, 0], 4), None);
        assert_eq!(refusal(&[1, 0, 1, 0], 2), None);
        assert_eq!(refusal(&[15, 7, 3, 1], 16), None);
        assert_eq!(refusal(&[0; 4], 2), columns);
        assert_eq!(refusal(&[2, 2, 0, 2], 4), columns);
        assert_eq!(refusal(&[3, 5, 6, 0], 8), columns, "all but the rank is there");
        assert_eq!(refusal(&[1, 2, 4, 8], 32), columns, "fewer numbers than bits");
        assert_eq!(refusal(&[1, 2, 3, 4], 4), columns, "a column that is no number of a side");
        assert_eq!(refusal(&[1, 2, 3, 0xFFFF_FFFF], 4), columns);
        assert_eq!(refusal(&[1, 2, 3], 4), columns);
        assert_eq!(refusal(&[1, 2, 3, 0, 0], 4), columns);
    }

    #[test]
    fn numbers_of_told_sides() {
        let refusal = |sides: &[i64]| with(&[1, 0, 0, 0], sides).err().map(|refusal| refusal.1);
        let sides = Some("told.sides".to_owned());
        assert_eq!(refusal(&[0, 101]), None);
        assert_eq!(refusal(&[101, 0]), None);
        assert_eq!(refusal(&[0, 102]), sides);
        assert_eq!(refusal(&[0, 255]), sides);
        assert_eq!(refusal(&[1, 2]), sides, "no side for an image without a grid");
        for all in [0, 1, 3, 5, 1023, 1025, 2048] {
            assert_eq!(refusal(&vec![0; all]), sides, "{all} elements");
        }
        // All the bits of 1024 elements, of ten numbers.
        let mut tiny = Tiny::new(true, &["told"]);
        tiny.numbers("told.columns", 4, &(0..10).map(|k| 1 << k).collect::<Vec<i64>>());
        tiny.numbers("told.sides", 0, &[0; 1024]);
        tiny.layer("told.hidden", 1, 10);
        assert!(Told::load(&mut tiny.tensors(), 10).is_ok());
    }

    #[test]
    fn types_and_layers() {
        assert!(changed(|_| ()).is_ok());
        assert_eq!(refused(|tiny| tiny.numbers("told.columns", 3, &[1, 2, 3, 0])), "told.columns");
        assert_eq!(refused(|tiny| tiny.numbers("told.sides", 1, &[0, 1, 101, 0])), "told.sides");
        for (outputs, inputs) in [(0, 4), (1, 3), (1, 5)] {
            assert_eq!(refused(|tiny| tiny.layer("told.hidden", outputs, inputs)), "told.hidden");
        }
        for (outputs, inputs) in [(31, 1), (33, 1), (16, 1), (32, 2)] {
            assert_eq!(refused(|tiny| tiny.layer("told.place", outputs, inputs)), "told.place");
        }
        let nine = |tiny: &mut Tiny| {
            tiny.layer("told.hidden", 9, 4);
            tiny.layer("told.place", 32, 9);
        };
        assert!(changed(nine).is_ok());
    }

    /// Inputs of the first layer reach 8 128, those of the second 32 767.
    #[test]
    fn bounds_of_layers() {
        for (name, outputs, magnitude) in
            [("told.hidden", 1, 4 * 8_128), ("told.place", 32, 32_767)]
        {
            let loads = |least: i64| {
                changed(|tiny| {
                    let (bias, ones) = (vec![i64::from(i32::MAX) - least; outputs], vec![-1; 32]);
                    let weights = if outputs == 1 { &ones[..4] } else { &ones };
                    let shape = [outputs, weights.len() / outputs];
                    tiny.tensor(&format!("{name}.weight"), 1, &shape, weights);
                    tiny.numbers(&format!("{name}.bias"), 3, &bias);
                })
                .map_err(|refusal| refusal.1)
            };
            assert!(loads(magnitude).is_ok());
            assert_eq!(loads(magnitude - 1).err().as_deref(), Some(name));
        }
    }

    /// Row 5 where the first number is above its centre, any if not, and column 9.
    #[test]
    fn the_latent_gives_logits_of_a_place() {
        let told = changed(|tiny| {
            tiny.tensor("told.hidden.weight", 1, &[1, 4], &[1, 0, 0, 0]);
            let only = |at: usize, value: i64| -> Vec<i64> {
                (0..32).map(|n| if n == at { value } else { 0 }).collect()
            };
            tiny.tensor("told.place.weight", 1, &[32, 1], &only(5, 127));
            tiny.numbers("told.place.bias", 3, &only(16 + 9, 20_000));
        });
        let told = told.expect("told sides");
        let found = |u: i64, side: i64| {
            let latent = (vec![64 * u, 0, 0, 0], vec![u, side, 0, 0]);
            told.grid(&latent, &mut Decoder::new(&[0x87, 0x65, 0x43])).expect("a grid or none")
        };
        let grid = |side, row: i64| Some(Grid { side, top: row - 3, left: 9 - 3 });
        assert_eq!(found(1, 0), grid(20, 5));
        assert_eq!(found(4, 1), grid(120, 5));
        assert_eq!(found(-1, 0), grid(20, 8));
        assert_eq!(found(0, 1), grid(120, 8));
        assert_eq!([found(0, 0), found(1, 1)], [None, None]);
    }
}
