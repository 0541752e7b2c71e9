//! Grids: the cells that the ink of a scanned picture was averaged over (SPEC.md section 6.8).
//!
//! A picture that was scaled from a scan of m × m pixels to 20 × 20 cells has greys that say so: how
//! the scan's pixels fall on a cell decides which sums of them there can be. Once m and the place of
//! the cells are known, a table tells which greys each cell is likely to have.

mod find;
#[cfg(feature = "training")]
mod learn;
mod placed;
mod symbols;
mod tables;

pub(crate) use placed::{Placed, cell};
pub(crate) use symbols::Logits;
#[cfg(feature = "training")]
pub(crate) use tables::cell_table;
pub(crate) use tables::{CellTable, Entries, Grids, NOT_IN_A_CELL, Side};

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
