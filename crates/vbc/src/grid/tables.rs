//! Which greys the cells of each side have (SPEC.md section 6.8.2).

use std::sync::OnceLock;

use super::find::Costs;
use super::{LINES, SIDES};
use crate::error::Error;

/// Weights of one kind of cell: of the 16 high nibbles, then of the 16 low ones after each of them.
pub(crate) type CellTable = [[u8; 16]; 17];

/// What stands for the table of a pixel outside the cells, or of an image without a grid.
pub(crate) static NOT_IN_A_CELL: CellTable = [[0; 16]; 17];

/// The greys of the cells as a model file has them: those of a cell in ascending order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entries {
    /// `[side][line]`: the class of each line, its number within the side.
    pub lines: Vec<u8>,
    /// `[cell]`: how many greys a cell has.
    pub counts: Vec<u8>,
    /// The greys, above 0.
    pub greys: Vec<u8>,
    /// Their weights, above 0.
    pub weights: Vec<u8>,
}

/// The cells of one side.
#[derive(Debug)]
pub(crate) struct Side {
    pub tables: Vec<CellTable>,
    /// The weight of all greys of a cell together.
    pub totals: Vec<u8>,
}

/// Bytes that a cache takes at a time.
const CACHE_LINE: usize = 64;

impl Side {
    /// Reads all tables, one behind the other, which caches do many times as fast as when they are asked for one
    /// here and one there.
    pub fn touch(&self) {
        let bytes = self.tables.as_flattened().as_flattened().iter().step_by(CACHE_LINE);
        std::hint::black_box(bytes.fold(0, |sum: u8, &byte| sum.wrapping_add(byte)));
    }

    /// The weights of a kind of cells.
    #[inline(always)]
    pub fn table(&self, kind: usize) -> &CellTable {
        self.tables.get(kind).unwrap_or(&NOT_IN_A_CELL)
    }
}

/// Lines, greys and symbols.
#[derive(Debug)]
pub(crate) struct Grids {
    entries: Entries,
    /// Where the side's classes, cells and greys begin; one more than there are sides.
    starts: Vec<[usize; 3]>,
    sides: Vec<OnceLock<Side>>,
    costs: OnceLock<Costs>,
}

/// ⌊256 · 2^(k / 16)⌉.
const ROOTS: [u64; 16] =
    [256, 267, 279, 292, 304, 318, 332, 347, 362, 378, 395, 412, 431, 450, 470, 490];

/// What a weight stands for: about 256 · 2^(weight / 16).
fn power(weight: u8) -> u64 {
    ROOTS[usize::from(weight % 16)] << (weight / 16)
}

/// The largest weight whose power is not above `sum`; 0 where there is none.
pub(super) fn weight_of(sum: u64) -> u8 {
    let Some(octave) = (sum / 256).checked_ilog2() else { return 0 };
    let root = ROOTS.iter().rposition(|root| root << octave <= sum).unwrap_or(0);
    (16 * octave as usize + root).min(255) as u8
}

impl Grids {
    /// # Errors
    /// [`Error::Model`] where lengths do not fit each other, a class of a side is left out, or the
    /// greys of a cell are not in ascending order.
    pub fn new(entries: Entries) -> Result<Self, Error> {
        let wrong = |name: &str, what: String| Err(Error::model(name, what));
        if entries.lines.len() != SIDES * LINES {
            return wrong("grid.lines", format!("{} of {}", entries.lines.len(), SIDES * LINES));
        }
        let mut starts = vec![[0; 3]];
        let mut at = [0; 3];
        for lines in entries.lines.as_chunks::<LINES>().0 {
            let classes = lines.iter().max().map_or(0, |&most| usize::from(most) + 1);
            if (0..classes).any(|class| !lines.contains(&(class as u8))) {
                return wrong("grid.lines", format!("{lines:?} leaves out a class"));
            }
            let cells = at[1]..at[1] + classes * (classes + 1) / 2;
            let Some(counts) = entries.counts.get(cells) else {
                return wrong("grid.counts", format!("{} are too few", entries.counts.len()));
            };
            let greys: usize = counts.iter().map(|&count| usize::from(count)).sum();
            at = [at[0] + classes, at[1] + counts.len(), at[2] + greys];
            starts.push(at);
        }
        let [_, cells, greys] = at;
        if entries.counts.len() != cells {
            return wrong("grid.counts", format!("{}, {cells} expected", entries.counts.len()));
        }
        for (name, of) in [("grid.greys", &entries.greys), ("grid.weights", &entries.weights)] {
            if of.len() != greys {
                return wrong(name, format!("{}, {greys} expected", of.len()));
            }
            if of.contains(&0) {
                return wrong(name, "one is 0".into());
            }
        }
        let mut rest = &entries.greys[..];
        for &count in &entries.counts {
            let (now, later) = rest.split_at(usize::from(count));
            if !now.is_sorted_by(|a, b| a < b) {
                return wrong("grid.greys", "those of a cell are not in ascending order".into());
            }
            rest = later;
        }
        let sides = (0..SIDES).map(|_| OnceLock::new()).collect();
        let costs = OnceLock::new();
        Ok(Grids { entries, starts, sides, costs })
    }

    /// Classes of lines, of all sides together.
    pub fn classes(&self) -> usize {
        self.starts.last().map_or(0, |at| at[0])
    }

    /// What a side's classes begin at, and the class of each of its lines.
    pub fn lines(&self, side: usize) -> (u16, [u8; LINES]) {
        let lines = self.entries.lines.as_chunks().0.get(side).copied().unwrap_or_default();
        (self.starts[side.min(SIDES)][0] as u16, lines)
    }

    /// What a side's cells begin at among those of all sides.
    #[cfg(feature = "training")]
    pub fn first_cell(&self, side: usize) -> usize {
        self.starts[side.min(SIDES)][1]
    }

    /// The greys that each kind of a side's cells has.
    pub(super) fn greys_of_kinds(&self, side: usize) -> impl Iterator<Item = &[u8]> {
        let ([_, cells, greys], [_, end, _]) = (self.starts[side], self.starts[side + 1]);
        let mut rest = &self.entries.greys[greys..];
        self.entries.counts[cells..end].iter().map(move |&count| {
            let (now, later) = rest.split_at(usize::from(count));
            rest = later;
            now
        })
    }

    /// The tables of a side's cells, made when they are first asked for.
    #[inline(always)]
    pub fn side(&self, side: usize) -> &Side {
        self.sides[side % SIDES].get_or_init(|| self.expand(side % SIDES))
    }

    /// What an encoder looks for grids by, made when it is first asked for.
    pub(super) fn costs(&self) -> &Costs {
        self.costs.get_or_init(|| Costs::new(self))
    }

    #[cold]
    fn expand(&self, side: usize) -> Side {
        let ([_, cells, greys], [_, end, _]) = (self.starts[side], self.starts[side + 1]);
        let (greys, weights) = (&self.entries.greys[greys..], &self.entries.weights[greys..]);
        let mut all = greys.iter().zip(weights);
        let cell = |&count: &u8| {
            cell_table(all.by_ref().take(count.into()).map(|(&grey, &weight)| (grey, weight)))
        };
        let (tables, totals) = self.entries.counts[cells..end].iter().map(cell).unzip();
        Side { tables, totals }
    }
}

/// The table of a cell with these greys and weights, and the weight of all of them together.
pub(crate) fn cell_table(greys: impl Iterator<Item = (u8, u8)>) -> (CellTable, u8) {
    let (mut table, mut sums) = (NOT_IN_A_CELL, [0; 16]);
    for (grey, weight) in greys {
        let high = usize::from(grey >> 4);
        table[1 + high][usize::from(grey & 15)] = weight;
        sums[high] += power(weight);
    }
    table[0] = sums.map(weight_of);
    (table, weight_of(sums.iter().sum()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_types, reason = "a float power is the oracle")]
    fn weights_are_sixteenths_of_a_logarithm() {
        for (k, root) in ROOTS.into_iter().enumerate() {
            assert_eq!(root, (256.0 * (k as f64 / 16.0).exp2()).round() as u64);
        }
        assert_eq!([0, 255, 256, 266, 267, 511, 512].map(weight_of), [0, 0, 0, 0, 1, 15, 16]);
        assert_eq!(
            (0..=255).map(|w| weight_of(power(w))).collect::<Vec<_>>(),
            (0..=255).collect::<Vec<_>>()
        );
        assert_eq!(weight_of(u64::MAX >> 8), 255);
    }

    /// Sides of one class, but for side 3, which has three; kind q has q mod 5 greys.
    fn entries() -> Entries {
        let mut lines = vec![0; SIDES * LINES];
        lines[3 * LINES..][..5].copy_from_slice(&[2, 0, 1, 1, 2]);
        let counts: Vec<u8> = (0..SIDES - 1 + 6).map(|q| (q % 5) as u8).collect();
        let each = |count: &u8| 1..=*count;
        let greys = counts.iter().flat_map(each).map(|k| 61 * k - 54).collect();
        let weights = counts.iter().flat_map(each).map(|k| 60 * k + 15).collect();
        Entries { lines, counts, greys, weights }
    }

    #[test]
    fn sides_have_their_classes_and_cells() -> Result<(), Error> {
        let (entries, grids) = (entries(), Grids::new(entries())?);
        assert_eq!(grids.classes(), SIDES - 1 + 3);
        let firsts = [0, 1, 3, 4, SIDES - 1].map(|side| grids.lines(side).0);
        assert_eq!(firsts, [0, 1, 3, 6, SIDES as u16 + 1]);
        assert_eq!(grids.lines(3).1[..6], [2, 0, 1, 1, 2, 0]);
        let tables: Vec<(CellTable, u8)> = (0..SIDES)
            .flat_map(|side| {
                grids.side(side).tables.iter().copied().zip(grids.side(side).totals.clone())
            })
            .collect();
        assert_eq!(grids.side(3).tables.len(), 6);
        assert_eq!(tables.len(), entries.counts.len());
        let mut all = entries.greys.iter().zip(&entries.weights);
        for ((table, total), &count) in tables.iter().zip(&entries.counts) {
            let mut weights = [0; 256];
            for (&grey, &weight) in all.by_ref().take(count.into()) {
                weights[usize::from(grey)] = weight;
            }
            // SPEC.md: the largest w with p(w) ≤ S.
            let together = |weights: &[u8]| {
                let sum = weights.iter().filter(|w| **w > 0).map(|&w| power(w)).sum();
                (0..=255).rev().find(|&w| power(w) <= sum).unwrap_or(0)
            };
            assert_eq!(table[1..].as_flattened(), weights);
            let highs: Vec<u8> = weights.chunks(16).map(together).collect();
            assert_eq!(table[0][..], highs);
            assert_eq!(*total, together(&weights));
        }
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |what: &str, change: &dyn Fn(&mut Entries)| {
            let mut entries = entries();
            change(&mut entries);
            match Grids::new(entries) {
                Err(Error::Model { tensor, .. }) => assert_eq!(tensor, what),
                other => panic!("{what}: {other:?}"),
            }
        };
        refused("grid.lines", &|e| e.lines.truncate(e.lines.len() - 1));
        refused("grid.lines", &|e| e.lines.push(0));
        for class in [3, 4, 19, 20, 254, 255] {
            refused("grid.lines", &|e| e.lines[3 * LINES..][..5].fill(class));
        }
        refused("grid.lines", &|e| e.lines[..LINES].fill(1));
        refused("grid.counts", &|e| e.counts.truncate(e.counts.len() - 1));
        refused("grid.counts", &|e| e.counts.push(0));
        // Without a class the side has fewer cells, with one more it has more.
        refused("grid.counts", &|e| e.lines[3 * LINES..][..5].fill(1));
        refused("grid.counts", &|e| e.lines[0] = 1);
        refused("grid.greys", &|e| e.counts[0] = 1);
        refused("grid.greys", &|e| e.counts[1] = 0);
        refused("grid.greys", &|e| e.greys.truncate(e.greys.len() - 1));
        refused("grid.greys", &|e| e.greys[0] = 0);
        refused("grid.weights", &|e| e.weights.truncate(e.weights.len() - 1));
        refused("grid.weights", &|e| e.weights.push(1));
        refused("grid.weights", &|e| e.weights[4] = 0);
        // Numbers 1 and 2 are the greys of kind 2.
        refused("grid.greys", &|e| e.greys.swap(1, 2));
        refused("grid.greys", &|e| e.greys[1] = e.greys[2]);
    }
}
