//! What the network is told of a cell: numbers, each of which is one row of a table (SPEC.md section
//! 6.9.2).

use std::ops::Range;

use super::CELLS;
use super::state::{CellState, MARGIN, Row};
use crate::grid::{LINES, SIDES};

/// Levels of a cell, and of x̂.
pub(crate) const LEVELS: usize = 16;

/// Numbers of a cell that only the rows above decide, others of its own, and those that are the same for
/// all cells of a row.
const ABOVE_INPUTS: usize = 10;
const BESIDE_INPUTS: usize = 4;
pub(crate) const CELL_INPUTS: usize = ABOVE_INPUTS + BESIDE_INPUTS;
pub(crate) const ROW_INPUTS: usize = 3;

/// `[number][column]`: the numbers of a row's cells that only the rows above decide.
pub(super) type Above = [[u16; LINES]; ABOVE_INPUTS];

const PAIR: u32 = (LEVELS * LEVELS) as u32;
const ABOVE_FROM: u32 = 7 * PAIR;
const FAR_FROM: u32 = ABOVE_FROM + 512;
const PREVIEW_FROM: u32 = FAR_FROM + 1024;
const PLACE_FROM: u32 = PREVIEW_FROM + 3 * PAIR;
const SIDE_FROM: u32 = PLACE_FROM + CELLS as u32;
const TOTALS_FROM: u32 = SIDE_FROM + SIDES as u32;

const CLASSES_FROM: u32 = TOTALS_FROM + PAIR;

/// Rows of the table of a model whose grids have so many classes of lines.
pub(crate) fn inputs_len(classes: usize) -> usize {
    CLASSES_FROM as usize + classes
}

/// Those of them that are classes of lines: the same may be that of a row and of a column.
pub(crate) fn class_inputs(classes: usize) -> Range<usize> {
    CLASSES_FROM as usize..inputs_len(classes)
}

/// The input of a line of cells.
#[inline(always)]
fn class(s: &CellState, line: usize) -> u32 {
    CLASSES_FROM + s.placed.class_among_all(line) as u32
}

/// The current row's numbers.
pub(crate) fn row_inputs(s: &CellState) -> [u32; ROW_INPUTS] {
    let [ink, full] = s.totals.map(u32::from);
    [
        SIDE_FROM + u32::from(s.placed.grid.side),
        TOTALS_FROM + 16 * (ink / 16).min(15) + 16 * full / (ink + 1),
        class(s, s.y),
    ]
}

/// The numbers of the row's cells that only the rows above decide.
#[inline(always)]
pub(super) fn above(s: &CellState, classes: &[u16; LINES]) -> Above {
    let [_, above, far] = &s.rows;
    let at = |row: &Row, x: usize, offset: usize| u16::from(row[x + offset]);
    let hat = |dy: usize, x: usize| u16::from(s.preview[s.y + dy][x]);
    let mut numbers = [[0; LINES]; ABOVE_INPUTS];
    let [sides, north, far_sides, beside, pattern, hats @ .., place, class] = &mut numbers;
    for x in 0..LINES {
        let pair = |k: u16, a: u16, b: u16| k * PAIR as u16 + 16 * a + b;
        sides[x] = pair(1, at(above, x, HERE - 1), at(above, x, HERE + 1));
        north[x] = pair(3, at(above, x, HERE), at(above, x, HERE + 1));
        far_sides[x] = pair(5, at(above, x, HERE - 2), at(above, x, HERE + 2));
        beside[x] = pair(6, at(far, x, HERE - 1), at(far, x, HERE + 1));
        pattern[x] = ABOVE_FROM as u16 + (s.ink[1] >> x & 511) as u16;
        hats[0][x] = PREVIEW_FROM as u16 + pair(0, hat(2, x + 2), hat(2, x + 3));
        hats[1][x] = PREVIEW_FROM as u16 + pair(1, hat(3, x + 2), hat(3, x + 3));
        hats[2][x] = PREVIEW_FROM as u16 + pair(2, hat(2, x + 1), hat(3, x + 1));
        place[x] = (PLACE_FROM as usize + s.y * LINES + x) as u16;
        class[x] = CLASSES_FROM as u16 + classes[x];
    }
    numbers
}

/// Where a cell stands in a row with margins.
const HERE: usize = MARGIN;

/// The numbers of the cell of column `x`.
#[inline(always)]
pub(crate) fn cell_inputs(s: &CellState, x: usize) -> [u32; CELL_INPUTS] {
    let at = |row: &Row, offset: usize| u32::from(row[x + offset]);
    let [this, above, far] = &s.rows;
    let pair = |k: u32, a: u32, b: u32| k * PAIR + 16 * a + b;
    let west = at(this, HERE - 1);
    let mut numbers = [0; CELL_INPUTS];
    let (beside, of_above) = numbers.split_at_mut(BESIDE_INPUTS);
    beside.copy_from_slice(&[
        pair(0, west, at(above, HERE)),
        pair(2, at(this, HERE - 2), at(far, HERE)),
        pair(4, west, at(above, HERE - 1)),
        FAR_FROM + ((s.ink[2] >> (x + 1) & 127) | (s.ink[0] >> (x + 1) & 7) << 7),
    ]);
    for (number, of) in of_above.iter_mut().zip(&s.above) {
        *number = u32::from(of[x]);
    }
    numbers
}

/// Numbers of a cell that is ink, for a network of values: some of those above, counted anew, then what two neighbours are,
/// and what a cell of the same kind was last.
pub(super) const VALUE_INPUTS: usize = 12;

/// How far those of pairs but the first stand before where they are above, then those of x̂, of the place and of rows,
/// then those of classes.
const PAIRS_BACK: u32 = PAIR;
const MIDDLE_BACK: u32 = PREVIEW_FROM - 4 * PAIR;
const VALUES_FROM: u32 = CLASSES_FROM - MIDDLE_BACK;
const VALUES: u32 = 256;
const VALUE_CLASSES_FROM: u32 = VALUES_FROM + 3 * VALUES;
const CLASSES_BACK: u32 = CLASSES_FROM - VALUE_CLASSES_FROM;

/// Rows of the table of a network of values, in a model whose grids have so many classes of lines.
pub(crate) fn value_inputs_len(classes: usize) -> usize {
    VALUE_CLASSES_FROM as usize + classes
}

/// Those of them that are classes of lines.
pub(crate) fn value_class_inputs(classes: usize) -> Range<usize> {
    VALUE_CLASSES_FROM as usize..value_inputs_len(classes)
}

/// A row's numbers for a network of values; `of_row` are those of all cells.
pub(crate) fn value_row_inputs([side, totals, class]: [u32; ROW_INPUTS]) -> [u32; ROW_INPUTS] {
    [side - MIDDLE_BACK, totals - MIDDLE_BACK, class - CLASSES_BACK]
}

/// Those of the cell of column `x`, of which `of_cell` are the numbers that all cells have.
#[inline(always)]
pub(crate) fn value_inputs(
    s: &CellState,
    x: usize,
    of_cell: &[u32; CELL_INPUTS],
) -> [u32; VALUE_INPUTS] {
    // Pairs stand there as 0, 2, 4, then, behind where ink is, 1, 3, 5 and 6; pair 3 is the third here.
    let &[first, second, fourth, _, _, third, _, _, _, hats @ .., place, class] = of_cell;
    let [this, above, _] = s.values.each_ref().map(|row| &row[x..]);
    let value = |k: u32, value: u8| VALUES_FROM + VALUES * k + u32::from(value);
    [
        first,
        second - PAIRS_BACK,
        third - PAIRS_BACK,
        fourth - PAIRS_BACK,
        hats[0] - MIDDLE_BACK,
        hats[1] - MIDDLE_BACK,
        hats[2] - MIDDLE_BACK,
        place - MIDDLE_BACK,
        class - CLASSES_BACK,
        value(0, this[HERE - 1]),
        value(1, above[HERE]),
        value(2, s.last(s.kind(x))),
    ]
}
