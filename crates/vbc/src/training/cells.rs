//! Cells of images with a grid as their network and its table see them (SPEC.md section 6.9).

use super::grid::{Grid, GridTables};
use crate::cells::{self, CellState, cell_inputs, row_inputs, value_inputs, value_row_inputs};
use crate::grid::{LINES, Placed};
use crate::scan::PIXELS;

/// Levels of x̂ around a cell.
pub const CELL_LEVELS: usize = cells::LEVELS;
/// Cells of an image.
pub const CELLS: usize = cells::CELLS;

/// One cell of an image.
#[derive(Clone, Debug)]
pub struct Cell<'a> {
    /// The pixel, in raster order.
    pub position: usize,
    /// Its value.
    pub target: u8,
    /// For a cell without ink near: its place among the table's 2 · [`CELLS`], and x̂'s level.
    pub plain: Option<(usize, usize)>,
    /// Places of the inputs that are 1, as many for every cell; none for a blank cell without ink near.
    pub ones: &'a [u32],
    /// The same of a network of values; none for a blank cell.
    pub value_ones: &'a [u32],
    /// What counts of the high nibbles weigh, in units of 1/256, and counts of the values with the
    /// target's high nibble.
    pub high_counts: &'a [i16; 16],
    /// See [`high_counts`](Self::high_counts).
    pub low_counts: &'a [i16; 16],
    /// What a cell of this kind had last; 0 for none.
    pub last: u8,
}

/// Inputs of the network, each 0 or 1, of a model with these grids.
pub fn cell_inputs_len(grids: &GridTables) -> usize {
    cells::inputs_len(grids.0.classes())
}

/// Inputs of a network of values, in the same way.
pub fn value_inputs_len(grids: &GridTables) -> usize {
    cells::value_inputs_len(grids.0.classes())
}

/// Calls `sink` for the cells of an image with a grid in raster order, those of which `wanted`, asked for
/// each, says so.
pub fn walk(
    grids: &GridTables,
    grid: Grid,
    (pixels, x_hat): (&[u8; PIXELS], &[u8; PIXELS]),
    mut wanted: impl FnMut() -> bool,
    mut sink: impl FnMut(Cell),
) {
    let mut s = CellState::new(Placed::new(&grids.0, grid), x_hat);
    let (mut ones, mut value_ones) = (Vec::new(), Vec::new());
    for _ in 0..LINES {
        let of_row = row_inputs(&s);
        for x in 0..LINES {
            let Some(position) = s.position(x) else { continue };
            let (target, kind) = (pixels[position], s.kind(x));
            let plain =
                s.is_plain(x).then(|| (2 * s.cell(x) + usize::from(s.has_ink()), s.class(x)));
            ones.clear();
            value_ones.clear();
            if !wanted() {
                if target != 0 {
                    s.add(x, kind, target);
                }
                continue;
            }
            let of_cell = cell_inputs(&s, x);
            if plain.is_none() || target != 0 {
                ones.extend(of_row.into_iter().chain(of_cell));
            }
            if target != 0 {
                let of_row = value_row_inputs(of_row);
                value_ones.extend(of_row.into_iter().chain(value_inputs(&s, x, &of_cell)));
            }
            sink(Cell {
                position,
                target,
                plain,
                ones: &ones,
                value_ones: &value_ones,
                high_counts: s.seen.of_highs(),
                low_counts: s.seen.of_lows(usize::from(target >> 4)),
                last: s.last(kind),
            });
            if target != 0 {
                s.add(x, kind, target);
            }
        }
        s.end_row();
    }
}
