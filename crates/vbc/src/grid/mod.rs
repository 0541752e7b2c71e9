//! Grids: the cells that the ink of a scanned picture was averaged over (SPEC.md section 6.8).
//!
//! A picture that was scaled from a scan of m × m pixels to 20 × 20 cells has greys that say so: how
//! the scan's pixels fall on a cell decides which sums of them there can be. Once m and the place of
//! the cells are known, a table tells which greys each cell is likely to have.

mod find;
#[cfg(feature = "training")]
mod learn;
mod naming;
mod placed;
mod symbols;
mod tables;
mod told;

pub(crate) use naming::Naming;
pub(crate) use placed::{Line, Placed, cell};
pub(crate) use symbols::{Logits, Symbols};
#[cfg(feature = "training")]
pub(crate) use tables::cell_table;
pub(crate) use tables::{CellTable, Entries, Grids, NOT_IN_A_CELL, Side};
pub(crate) use told::Told;

#[cfg(feature = "training")]
pub(crate) use learn::{learned, side_lines};

use crate::scan::{self, MAX_SIDE, MIN_SIDE};

/// Lines of cells: rows, or columns.
pub(crate) const LINES: usize = scan::BOX;
/// How many m there are.
pub(crate) const SIDES: usize = MAX_SIDE - MIN_SIDE + 1;
/// The place of a grid is from −3 to 12.
pub(crate) const BEFORE: i32 = 3;

/// The grid of one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// m less 20: 0 ..= 100.
    pub side: u8,
    /// Row of the image in which the cells begin: −3 ..= 12.
    pub top: i8,
    /// Column of the image in which the cells begin: −3 ..= 12.
    pub left: i8,
}

impl Grid {
    /// Whether all ink of an image of 28 × 28 pixels is in the cells.
    pub fn holds(self, pixels: &[u8]) -> bool {
        let of_cells = |first: i8| {
            let line = |at: i32| at.clamp(0, scan::IMAGE as i32) as usize;
            line(first.into())..line(i32::from(first) + LINES as i32)
        };
        let (rows, columns) = (of_cells(self.top), of_cells(self.left));
        let is_blank = |row: &[u8]| row.iter().all(|&v| v == 0);
        pixels.chunks_exact(scan::IMAGE).enumerate().all(|(y, row)| {
            if rows.contains(&y) {
                is_blank(&row[..columns.start]) && is_blank(&row[columns.end..])
            } else {
                is_blank(row)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scan::{IMAGE, PIXELS};

    #[test]
    fn a_grid_holds_what_is_in_its_cells() {
        for (top, left) in (-3..=12).flat_map(|top| (-3..=12).map(move |left| (top, left))) {
            let grid = Grid { side: 9, top, left };
            assert!(grid.holds(&[0; PIXELS]));
            for p in 0..PIXELS {
                let mut pixels = [0; PIXELS];
                pixels[p] = 1;
                let line = |at: usize, first: i8| at as i32 - i32::from(first);
                let inside = |at: i32| (0..LINES as i32).contains(&at);
                let expected = inside(line(p / IMAGE, top)) && inside(line(p % IMAGE, left));
                assert_eq!(grid.holds(&pixels), expected, "{top} {left} {p}");
            }
        }
    }
}
