//! What a flip of each free pixel would cost, kept up to date: most flips are turned down, so that looking this up
//! beats working it out each time.

use super::CELLS;
use super::prior::TEMPLATE;
use super::puzzle::{Pixel, Puzzle};

/// What a flip costs more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flip {
    /// Of the patterns.
    pub cost: i32,
    /// Of the cells' penalties.
    pub fault: i32,
}

/// Which flips cost something else once a pixel has been flipped.
#[derive(Debug)]
pub(super) struct Touched {
    /// Sites ahead to those that share a pattern with a pixel.
    patterns: Vec<isize>,
    /// Where the free pixels of each cell begin in `of_cells`.
    first: [usize; CELLS + 1],
    /// Numbers of the free pixels of each cell, cell by cell.
    of_cells: Vec<u16>,
}

impl Touched {
    /// `ahead` gives the sites ahead to those whose patterns a pixel is part of.
    pub fn new(puzzle: &Puzzle, ahead: &[usize; TEMPLATE.len() + 1]) -> Self {
        let pairs = ahead.iter().flat_map(|&a| ahead.iter().map(move |&b| a as isize - b as isize));
        let mut patterns: Vec<isize> = pairs.collect();
        patterns.sort_unstable();
        patterns.dedup();
        let of = |(n, p): (u16, &Pixel)| p.cells.map(|c| (n, usize::from(c)));
        let parts = || (0..).zip(&puzzle.free).flat_map(of);
        let mut first = [0; CELLS + 1];
        for (_, c) in parts().filter(|&(_, c)| c < CELLS) {
            first[c + 1] += 1;
        }
        for c in 0..CELLS {
            first[c + 1] += first[c];
        }
        let (mut next, mut of_cells) = (first, vec![0; first[CELLS]]);
        for (n, c) in parts().filter(|&(_, c)| c < CELLS) {
            of_cells[next[c]] = n;
            next[c] += 1;
        }
        Touched { patterns, first, of_cells }
    }

    /// Sites that share a pattern with the one at `site`, itself among them; some are none of the raster's.
    #[inline(always)]
    pub fn by_patterns(&self, site: usize) -> impl Iterator<Item = usize> + '_ {
        self.patterns.iter().map(move |&ahead| site.wrapping_add_signed(ahead))
    }

    /// Numbers of the free pixels on a cell; none on [`CELLS`].
    #[inline(always)]
    pub fn of_cell(&self, cell: usize) -> &[u16] {
        let end = self.first.get(cell + 1).copied().unwrap_or(self.of_cells.len());
        &self.of_cells[self.first[cell]..end]
    }
}
