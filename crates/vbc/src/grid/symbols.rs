//! How the grid of an image is coded, before its pixels (SPEC.md section 6.8.3).

use super::{BEFORE, Grid, SIDES};
use crate::entropy::Distribution;
use crate::error::Error;
use crate::pixel::Coder;

/// Logits of the symbols.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logits {
    /// `[16]` and `[16][16]`: nibbles of m less 19, or of 0 for an image without a grid.
    pub side_high: Vec<i16>,
    pub side_low: Vec<i16>,
    /// `[16]`: the first row.
    pub top: Vec<i16>,
    /// `[16][16]`: the first column after the first row.
    pub left: Vec<i16>,
}

/// The symbols' distributions.
#[derive(Debug)]
pub(crate) struct Symbols {
    side_high: Distribution<16>,
    side_low: Vec<Distribution<16>>,
    top: Distribution<16>,
    left: Vec<Distribution<16>>,
}

impl Symbols {
    /// # Errors
    /// [`Error::Model`] where there are not as many logits as there should be.
    pub fn new(logits: &Logits) -> Result<Self, Error> {
        let some = |name: &str, logits: &[i16], rows: usize| {
            if logits.len() != 16 * rows {
                let what = format!("{} logits, {} expected", logits.len(), 16 * rows);
                return Err(Error::model(name, what));
            }
            let rows = logits.as_chunks::<16>().0.iter();
            Ok(rows.map(|row| Distribution::new(&row.map(i32::from))).collect::<Vec<_>>())
        };
        let one = |name: &str, logits: &[i16]| {
            let mut rows = some(name, logits, 1)?;
            rows.pop().ok_or_else(|| Error::model(name, "no logits"))
        };
        Ok(Symbols {
            side_high: one("grid.side.high", &logits.side_high)?,
            side_low: some("grid.side.low", &logits.side_low, 16)?,
            top: one("grid.top", &logits.top)?,
            left: some("grid.left", &logits.left, 16)?,
        })
    }

    /// Codes the grid of an image; a decoder's `known` means nothing.
    pub fn code<C: Coder>(&self, coder: &mut C, known: Option<Grid>) -> Option<Grid> {
        let side = known.map_or(0, |g| usize::from(g.side) + 1);
        let high = coder.symbol(&self.side_high, side >> 4);
        let low = coder.symbol(&self.side_low[high % 16], side & 15);
        let side = high << 4 | low;
        if side > SIDES {
            coder.refuse();
        }
        let side = side.checked_sub(1)?.min(SIDES - 1) as u8;
        let place = |first: i8| ((i32::from(first) + BEFORE) & 15) as usize;
        let top = coder.symbol(&self.top, known.map_or(0, |g| place(g.top)));
        let left = coder.symbol(&self.left[top % 16], known.map_or(0, |g| place(g.left)));
        let [top, left] = [top, left].map(|at| (at as i32 - BEFORE) as i8);
        Some(Grid { side, top, left })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::{Decoder, Encoder};
    use crate::error::{Place, Section};

    fn logits() -> Logits {
        let table = |rows: i32| (0..16 * rows).map(|k| (k * 631 % 4001 - 2000) as i16).collect();
        Logits { side_high: table(1), side_low: table(16), top: table(1), left: table(16) }
    }

    fn symbols() -> Result<Symbols, Error> {
        Symbols::new(&logits())
    }

    #[test]
    fn logits_are_counted() {
        let refused = |what: &str, change: &dyn Fn(&mut Logits)| {
            let mut logits = logits();
            change(&mut logits);
            match Symbols::new(&logits) {
                Err(Error::Model { tensor, .. }) => assert_eq!(tensor, what),
                other => panic!("{what}: {other:?}"),
            }
        };
        for more in [15, 17, 0, 32] {
            refused("grid.side.high", &|l| l.side_high.resize(more, 0));
            refused("grid.side.low", &|l| l.side_low.resize(240 + more, 0));
            refused("grid.top", &|l| l.top.resize(more, 0));
            refused("grid.left", &|l| l.left.resize(240 + more, 0));
        }
    }

    #[test]
    fn what_is_coded_is_decoded() -> Result<(), Error> {
        let symbols = symbols()?;
        let grid = |n: usize| Grid {
            side: (n * 7 % SIDES) as u8,
            top: (n % 16) as i8 - 3,
            left: (n / 16 % 16) as i8 - 3,
        };
        let all: Vec<Option<Grid>> = (0..256).map(|n| (n % 5 > 0).then(|| grid(n))).collect();
        for some in [&all[..], &[None], &all[1..2], &all[255..]] {
            let mut encoder = Encoder::new();
            for &known in some {
                assert_eq!(symbols.code(&mut encoder, known), known);
            }
            let bytes = encoder.finish();
            let mut decoder = Decoder::new(&bytes);
            for &known in some {
                assert_eq!(symbols.code(&mut decoder, None), known);
            }
            decoder.finish(Place::of(Section::Residual))?;
        }
        Ok(())
    }

    /// Whatever stands behind it.
    #[test]
    fn a_number_of_no_side_is_refused() -> Result<(), Error> {
        let symbols = symbols()?;
        for number in 0..256 {
            let mut encoder = Encoder::new();
            symbols.side_high.encode(number >> 4, &mut encoder);
            symbols.side_low[number >> 4].encode(number & 15, &mut encoder);
            if number > 0 {
                symbols.top.encode(9, &mut encoder);
                symbols.left[9].encode(4, &mut encoder);
            }
            let bytes = encoder.finish();
            let mut decoder = Decoder::new(&bytes);
            let found = symbols.code(&mut decoder, None);
            let is_good = decoder.finish(Place::of(Section::Residual)).is_ok();
            assert_eq!(is_good, number <= SIDES, "{number}");
            if is_good {
                let side = number.checked_sub(1);
                let wanted = side.map(|side| Grid { side: side as u8, top: 6, left: 1 });
                assert_eq!(found, wanted);
            }
        }
        Ok(())
    }
}
