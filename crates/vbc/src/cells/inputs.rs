//! What the network is told of a cell: numbers, each of which is one row of a table (SPEC.md section
//! 6.9.2).

use super::CELLS;
use super::state::{CellState, MARGIN, Row};
use crate::grid::SIDES;

/// Levels of a cell, and of x̂.
pub(crate) const LEVELS: usize = 16;

/// Numbers of a cell's own, and those that are the same for all cells of a row.
pub(crate) const CELL_INPUTS: usize = 13;
pub(crate) const ROW_INPUTS: usize = 2;

const PAIR: u32 = (LEVELS * LEVELS) as u32;
const ABOVE_FROM: u32 = 7 * PAIR;
const FAR_FROM: u32 = ABOVE_FROM + 512;
const PREVIEW_FROM: u32 = FAR_FROM + 1024;
const PLACE_FROM: u32 = PREVIEW_FROM + 3 * PAIR;
const SIDE_FROM: u32 = PLACE_FROM + CELLS as u32;
const TOTALS_FROM: u32 = SIDE_FROM + SIDES as u32;

/// Rows of the table.
pub(crate) const INPUTS: usize = (TOTALS_FROM + PAIR) as usize;

/// The current row's numbers.
pub(crate) fn row_inputs(s: &CellState) -> [u32; ROW_INPUTS] {
    let [ink, full] = s.totals.map(u32::from);
    [
        SIDE_FROM + u32::from(s.placed.grid.side),
        TOTALS_FROM + 16 * (ink / 16).min(15) + 16 * full / (ink + 1),
    ]
}

/// The numbers of the cell of column `x`.
#[inline(always)]
pub(crate) fn cell_inputs(s: &CellState, x: usize) -> [u32; CELL_INPUTS] {
    let at = |row: &Row, offset: usize| u32::from(row[x + offset]);
    let [this, above, far] = &s.rows;
    const HERE: usize = MARGIN;
    let pair = |k: u32, a: u32, b: u32| k * PAIR + 16 * a + b;
    let (west, north) = (at(this, HERE - 1), at(above, HERE));
    let (north_west, north_east) = (at(above, HERE - 1), at(above, HERE + 1));
    let hat = |dy: usize, dx: usize| u32::from(s.preview[s.y + dy][x + dx]);
    [
        pair(0, west, north),
        pair(1, north_west, north_east),
        pair(2, at(this, HERE - 2), at(far, HERE)),
        pair(3, north, north_east),
        pair(4, west, north_west),
        pair(5, at(above, HERE - 2), at(above, HERE + 2)),
        pair(6, at(far, HERE - 1), at(far, HERE + 1)),
        ABOVE_FROM + (s.ink[1] >> x & 511),
        FAR_FROM + ((s.ink[2] >> (x + 1) & 127) | (s.ink[0] >> (x + 1) & 7) << 7),
        PREVIEW_FROM + pair(0, hat(2, 2), hat(2, 3)),
        PREVIEW_FROM + pair(1, hat(3, 2), hat(3, 3)),
        PREVIEW_FROM + pair(2, hat(2, 1), hat(3, 1)),
        PLACE_FROM + s.cell(x) as u32,
    ]
}
