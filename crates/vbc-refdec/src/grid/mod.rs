//! Grids: where cells lie in an image, and which greys they are likely to have (SPEC.md section 6.8).

mod symbols;
mod told;

use std::collections::BTreeSet;

use crate::grid::symbols::Symbols;
use crate::grid::told::Told;
use crate::prior::Latent;
use crate::range_coder::Decoder;
use crate::refusal::{Kind, Result, demand};
use crate::tensors::Tensors;

/// t of section 6.8.2.
const POWERS: [i64; 16] =
    [256, 267, 279, 292, 304, 318, 332, 347, 362, 378, 395, 412, 431, 450, 470, 490];
/// A one-hot's input.
const ONE: i64 = 128;

/// The grid of an image: the side, and the first row and column of the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) side: usize,
    pub(crate) top: i64,
    pub(crate) left: i64,
}

/// Greys of a kind of cell, each with its weight.
pub(crate) type Greys = Vec<(i64, i64)>;

/// What a grid is read by.
enum Reading {
    Symbols(Symbols),
    Told(Told),
}

/// The tensors `grid.*` and `told.*` of a model.
pub(crate) struct Grids {
    /// The classes of the 20 lines of each side, from 20 on.
    lines: Vec<Vec<usize>>,
    kinds: Vec<Greys>,
    reading: Reading,
}

impl Grids {
    // 6.8.1, 6.8.2 and 9.2
    /// `told` is the number of latent integers in a model with told sides.
    pub(crate) fn load(t: &mut Tensors<'_>, told: Option<usize>) -> Result<Self> {
        let lines = t.flat("grid.lines", 0, 101 * 20)?;
        let line = |side: &[i64]| side.iter().map(|&class| class as usize).collect();
        let lines: Vec<Vec<usize>> = lines.chunks(20).map(line).collect();
        let gapless = |side: &Vec<usize>| {
            let found: BTreeSet<usize> = side.iter().copied().collect();
            found.into_iter().eq(0..classes(side))
        };
        demand(lines.iter().all(gapless), Kind::BadModel, "grid.lines")?;
        let counts = t.flat("grid.counts", 0, kinds(&lines))?;
        let all = counts.iter().sum::<i64>() as usize;
        let greys = t.flat("grid.greys", 0, all)?;
        let weights = t.flat("grid.weights", 0, all)?;
        demand(greys.iter().all(|&v| v > 0), Kind::BadModel, "grid.greys")?;
        demand(weights.iter().all(|&w| w > 0), Kind::BadModel, "grid.weights")?;
        let mut pairs = greys.into_iter().zip(weights);
        let kinds = counts.iter().map(|&count| pairs.by_ref().take(count as usize).collect());
        let kinds: Vec<Greys> = kinds.collect();
        let ascend = |kind: &Greys| kind.windows(2).all(|pair| pair[0].0 < pair[1].0);
        demand(kinds.iter().all(ascend), Kind::BadModel, "grid.greys")?;
        let reading = match told {
            Some(m) => Reading::Told(Told::load(t, m)?),
            None => Reading::Symbols(Symbols::load(t)?),
        };
        Ok(Grids { lines, kinds, reading })
    }

    /// K.
    pub(crate) fn classes(&self) -> usize {
        self.lines.iter().map(|side| classes(side)).sum()
    }

    /// How many inputs of the row part are those of section 6.8.4.
    pub(crate) fn row_inputs(&self) -> usize {
        40 + 2 * self.classes()
    }

    // 6.8.3 and 6.8.5
    /// The grid of an image, from its latent and the symbols that come next.
    pub(crate) fn grid(&self, latent: &Latent, coder: &mut Decoder<'_>) -> Result<Option<Grid>> {
        match &self.reading {
            Reading::Symbols(symbols) => symbols.grid(coder),
            Reading::Told(told) => told.grid(latent, coder),
        }
    }

    // 6.8.4
    pub(crate) fn inputs(&self, grid: Option<Grid>, (x, y): (i64, i64)) -> Vec<i64> {
        let mut a = vec![0; self.row_inputs()];
        let Some(grid) = grid else { return a };
        let lines = &self.lines[grid.side - 20];
        let f: usize = self.lines[..grid.side - 20].iter().map(|side| classes(side)).sum();
        let (row, column) = grid.cell(x, y);
        if let Some(line) = row {
            a[line] = ONE;
            a[40 + f + lines[line]] = ONE;
        }
        if let Some(line) = column {
            a[20 + line] = ONE;
            a[40 + self.classes() + f + lines[line]] = ONE;
        }
        a
    }

    // 6.8.1
    /// The greys of the cell at (x, y): none outside the cells.
    pub(crate) fn greys(&self, grid: Option<Grid>, place: (i64, i64)) -> &[(i64, i64)] {
        grid.and_then(|grid| self.kind(grid, place)).map_or(&[], |kind| &self.kinds[kind])
    }

    /// The number of the kind of the cell at (x, y).
    pub(crate) fn kind(&self, grid: Grid, (x, y): (i64, i64)) -> Option<usize> {
        let (Some(row), Some(column)) = grid.cell(x, y) else { return None };
        let (below, lines) = self.lines.split_at(grid.side - 20);
        let (a, b) = (lines[0][row], lines[0][column]);
        let m = a.max(b);
        Some(kinds(below) + m * (m + 1) / 2 + a.min(b))
    }

    // 6.8.4
    /// f, and the class of a line of the side.
    pub(crate) fn class(&self, grid: Grid, line: usize) -> usize {
        let (below, lines) = self.lines.split_at(grid.side - 20);
        below.iter().map(|side| classes(side)).sum::<usize>() + lines[0][line]
    }
}

impl Grid {
    // 6.8.3
    /// From m − 19 and two symbols.
    fn of_symbols(number: usize, row: usize, column: usize) -> Self {
        Grid { side: number + 19, top: row as i64 - 3, left: column as i64 - 3 }
    }

    /// Whether one of the cells is the pixel at (x, y).
    pub(crate) fn has_cell(self, x: i64, y: i64) -> bool {
        matches!(self.cell(x, y), (Some(_), Some(_)))
    }

    /// The lines of the cells that row y and column x are.
    fn cell(self, x: i64, y: i64) -> (Option<usize>, Option<usize>) {
        let line = |n: i64| (0..20).contains(&n).then_some(n as usize);
        (line(y - self.top), line(x - self.left))
    }
}

/// k: how many classes the lines of a side are of, where there is no gap.
fn classes(side: &[usize]) -> usize {
    side.iter().max().map_or(0, |most| most + 1)
}

/// How many kinds some sides have.
fn kinds(sides: &[Vec<usize>]) -> usize {
    sides.iter().map(|side| classes(side) * (classes(side) + 1) / 2).sum()
}

// 6.8.2
fn p(w: i64) -> i64 {
    POWERS[w as usize % 16] << (w / 16)
}

/// The weight of a grey.
pub(crate) fn grey_weight(greys: &[(i64, i64)], v: u8) -> i64 {
    greys.iter().find(|&&(grey, _)| grey == i64::from(v)).map_or(0, |&(_, weight)| weight)
}

/// The weight of a high nibble.
pub(crate) fn high_weight(greys: &[(i64, i64)], h: u8) -> i64 {
    let of_h = greys.iter().filter(|&&(grey, _)| grey >> 4 == i64::from(h));
    let s: i64 = of_h.map(|&(_, weight)| p(weight)).sum();
    (0..256).rev().find(|&w| p(w) <= s).unwrap_or(0)
}

// 6.8.4
/// F of the two gates of a weight.
pub(crate) fn gates(w: i64) -> [i64; 2] {
    [16 * w, if w > 0 { 256 } else { 0 }]
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Every fourth side has one class, every other up to four; kind q has the one grey 1 + q mod 255.
    pub(crate) fn grids() -> Grids {
        let line = |side: usize| (0..20).map(|i| (7 * i + side) % (1 + side % 4)).collect();
        let lines: Vec<Vec<usize>> = (0..101).map(line).collect();
        let kinds = (0..kinds(&lines)).map(|q| vec![(1 + q as i64 % 255, 7)]).collect();
        Grids { lines, kinds, reading: Reading::Symbols(symbols::tests::symbols()) }
    }

    #[test]
    fn weights_of_nibbles() {
        // The power doubles with each 16 of a weight.
        for w in 1..=239 {
            assert_eq!(high_weight(&[(16, w), (31, w), (32, 255)], 1), w + 16);
            assert_eq!(high_weight(&[(15, 255), (17, w), (32, 255)], 1), w);
        }
        assert!((0..255).all(|w| p(w) < p(w + 1)));
        assert_eq!(high_weight(&[(16, 255), (17, 255)], 1), 255);
        assert_eq!(high_weight(&[(16, 255)], 2), 0);
        assert_eq!([16, 17, 15].map(|v| grey_weight(&[(15, 3), (17, 4)], v)), [0, 4, 3]);
        assert_eq!([0, 1, 255].map(gates), [[0, 0], [16, 256], [4080, 256]]);
    }

    #[test]
    fn kinds_of_cells() {
        let grids = grids();
        let mut seen = BTreeSet::new();
        for side in 20..=120 {
            let lines = &grids.lines[side - 20];
            let grid = Some(Grid { side, top: 4, left: -3 });
            let mut of_classes = std::collections::BTreeMap::new();
            for (row, column) in (0..400).map(|n| (n / 20, n % 20)) {
                let greys = grids.greys(grid, (column as i64 - 3, row as i64 + 4));
                let kind = grids.kinds.iter().position(|kind| std::ptr::eq(&kind[..], greys));
                let classes = BTreeSet::from([lines[row], lines[column]]);
                // One kind for two classes, whichever is the row's.
                assert_eq!(*of_classes.entry(classes).or_insert(kind), kind);
                seen.insert(kind.expect("a kind"));
            }
            for (x, y) in [(17, 5), (-4, 5), (5, 3), (5, 24)] {
                assert!(grids.greys(grid, (x, y)).is_empty());
            }
        }
        assert!(seen.into_iter().eq(0..grids.kinds.len()), "no other kinds");
        assert!(grids.greys(None, (14, 14)).is_empty());
    }

    #[test]
    fn inputs_are_one_hot() {
        let (grids, mut seen) = (grids(), BTreeSet::new());
        let k = grids.classes();
        for side in 20..=120 {
            for place in 0..28 {
                let grid = Some(Grid { side, top: 2, left: 5 });
                let a = grids.inputs(grid, (place, place));
                let hot: Vec<usize> = (0..a.len()).filter(|&i| a[i] == ONE).collect();
                let of = |from, to| hot.iter().filter(|&&i| from <= i && i < to).count();
                for (from, to, line) in [(0, 20, place - 2), (20, 40, place - 5)] {
                    let there = usize::from((0..20).contains(&line));
                    assert_eq!(of(from, to), there);
                    let classes = 40 + if from > 0 { k } else { 0 };
                    assert_eq!(of(classes, classes + k), there);
                }
                assert_eq!(a.iter().sum::<i64>(), ONE * hot.len() as i64);
                seen.extend(hot);
            }
        }
        assert!(seen.into_iter().eq(0..40 + 2 * k), "each input is one side's class or a line");
        assert!(grids.inputs(None, (9, 9)).into_iter().eq(vec![0; 40 + 2 * k]));
    }
}
