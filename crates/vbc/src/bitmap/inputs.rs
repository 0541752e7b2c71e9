//! What the network is told of a pixel: numbers, each of which is one row of a table.

use super::history::History;
use super::places::{COARSE, FINE};
use super::preview::{POINTS, POINTS_LEN};
use super::runs::{RUNS, RUNS_LEN, runs};
use super::window::{WINDOW, WINDOW_LEN, around, patterns};
use crate::scan::{MAX_SIDE, MIN_SIDE};

/// Numbers that are the same for all pixels of a row.
pub(crate) const ROW_INPUTS: usize = 9;

/// Numbers of a pixel's own.
pub(crate) const PIXEL_INPUTS: usize = WINDOW + RUNS + COLUMN;

const COLUMN: usize = 4;

/// Degrees of a distance from the border, of a total; places of row and column together.
const BORDER: u32 = 16;
const TOTALS: u32 = 64;
const BOTH: u32 = (COARSE * COARSE) as u32;

const RUNS_FROM: u32 = WINDOW_LEN;
const COLUMN_FROM: u32 = RUNS_FROM + RUNS_LEN;
const COLUMN_LEN: u32 = FINE as u32 + 2 * BORDER + BOTH;
const ROW_FROM: u32 = COLUMN_FROM + COLUMN_LEN;
const SIDES: u32 = (MAX_SIDE - MIN_SIDE + 1) as u32;
const ROW_LEN: u32 = SIDES + MAX_SIDE as u32 / 8 + 1 + FINE as u32 + 2 * BORDER + 4 * TOTALS;

/// Rows of the table of a model without a latent.
pub(crate) const INPUTS: usize = (ROW_FROM + ROW_LEN) as usize;

/// Rows that a model with a latent has more.
pub(crate) const POINT_INPUTS: usize = POINTS_LEN as usize;

/// Numbers with room for `len` values each, one behind the other.
fn behind<const N: usize>(first: u32, values: [(u32, u32); N]) -> [u32; N] {
    let mut base = first;
    values.map(|(value, len)| {
        let number = base + value.min(len - 1);
        base += len;
        number
    })
}

/// The current row's numbers.
pub(crate) fn row_inputs(h: &History) -> [u32; ROW_INPUTS] {
    let (side, y) = (h.side() as u32, h.y() as u32);
    let [black, edges] = h.totals();
    behind(
        ROW_FROM,
        [
            (side - MIN_SIDE as u32, SIDES),
            (side / 8, MAX_SIDE as u32 / 8 + 1),
            (h.places(0)[0].fine.into(), FINE as u32),
            (side - 1 - y, BORDER),
            (y, BORDER),
            (black * 128 / (side * side), TOTALS),
            (black * 8 / (edges + 1), TOTALS),
            (black * 64 / ((y + 1) * side), TOTALS),
            (edges / 8, TOTALS),
        ],
    )
}

/// What x̂ adds to the numbers of column `x`; `None` without one.
#[inline(always)]
pub(crate) fn point_inputs(h: &History, x: usize) -> Option<[u32; POINTS]> {
    h.points(x).map(|points| points.map(|number| INPUTS as u32 + number))
}

/// The numbers of the pixel of column `x`.
#[inline(always)]
pub(crate) fn pixel_inputs(h: &History, x: usize) -> [u32; PIXEL_INPUTS] {
    let mut numbers = [0; PIXEL_INPUTS];
    let (window, rest) = numbers.split_at_mut(WINDOW);
    let (in_runs, column) = rest.split_at_mut(RUNS);
    window.copy_from_slice(&patterns(&around(h, x)));
    for (number, run) in in_runs.iter_mut().zip(runs(h, x)) {
        *number = RUNS_FROM + run;
    }
    let [row, place] = h.places(x);
    let both = u32::from(row.coarse) * COARSE as u32 + u32::from(place.coarse);
    let (side, x) = (h.side() as u32, x as u32);
    column.copy_from_slice(&behind(
        COLUMN_FROM,
        [(place.fine.into(), FINE as u32), (side - 1 - x, BORDER), (x, BORDER), (both, BOTH)],
    ));
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_to_their_parts_of_the_table() {
        for side in [MIN_SIDE, 57, MAX_SIDE] {
            let mut h = History::new(side, None);
            for y in 0..side {
                let row = row_inputs(&h);
                assert!(row.is_sorted() && row[0] >= ROW_FROM && row[8] < INPUTS as u32);
                for x in 0..side {
                    let pixel = pixel_inputs(&h, x);
                    assert!(pixel.is_sorted() && pixel[PIXEL_INPUTS - 1] < ROW_FROM, "{y} {x}");
                    if y * y + x * x / 3 > 500 {
                        h.add(x);
                    }
                }
                h.end_row();
            }
        }
    }
}
