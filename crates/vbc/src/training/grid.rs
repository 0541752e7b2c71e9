//! Grids as a trainer makes and uses them (SPEC.md section 6.8).

use std::sync::Arc;

use crate::error::Error;
use crate::grid::{self, Entries, Grids, LINES, Placed};

pub use crate::grid::Grid;

/// Sides that grids can have.
pub const GRID_SIDES: usize = grid::SIDES;

/// Weights of the high nibbles, then of the low ones after each of them, in sixteenths.
pub type CellWeights = grid::CellTable;

/// The class of each line of each side: `[side][line]`.
pub fn grid_lines() -> Vec<u8> {
    grid::side_lines().into_flattened()
}

/// The weight of a grey that was seen `count` times.
pub fn grid_weight(count: u32) -> u8 {
    grid::learned(count)
}

/// The weights of a cell whose greys have these: `weights[v]` is that of grey v, 0 for none.
pub fn cell_weights(weights: &[u8; 256]) -> CellWeights {
    grid::cell_table((0..=255).zip(weights.iter().copied()).filter(|g| g.1 > 0)).0
}

/// Tensors `grid.*` of a model file, but for the lines.
#[derive(Clone, Debug, Default)]
pub struct GridTensors {
    /// `[cell]`: how many greys a cell has.
    pub counts: Vec<u8>,
    /// The greys of each cell in ascending order.
    pub greys: Vec<u8>,
    /// Their weights.
    pub weights: Vec<u8>,
    /// Logits: `[16]`, `[16][16]`, `[16]`, `[16][16]`.
    pub side_high: Vec<i16>,
    /// See [`side_high`](Self::side_high).
    pub side_low: Vec<i16>,
    /// See [`side_high`](Self::side_high).
    pub top: Vec<i16>,
    /// See [`side_high`](Self::side_high).
    pub left: Vec<i16>,
}

/// The tables of grids, shared.
#[derive(Clone, Debug)]
pub struct GridTables(pub(super) Arc<Grids>);

impl GridTables {
    /// # Errors
    /// [`Error::Model`] where the tensors do not fit each other.
    pub fn new(tensors: &GridTensors) -> Result<Self, Error> {
        let GridTensors { counts, greys, weights, .. } = tensors.clone();
        let entries = Entries { lines: grid_lines(), counts, greys, weights };
        Ok(GridTables(Arc::new(Grids::new(entries)?)))
    }

    /// What the cell at row `y` and column `x` of an image says.
    pub fn weights(&self, grid: Grid, y: usize, x: usize) -> CellWeights {
        let cell = Placed::new(&self.0, grid).cell(y, x);
        cell.map_or(grid::NOT_IN_A_CELL, |cell| *self.0.side(grid.side.into()).table(cell))
    }

    /// The grid behind an image of 28 × 28 pixels, as the codec finds it.
    pub fn find(&self, pixels: &[u8]) -> Option<Grid> {
        self.0.find(pixels)
    }
}

/// Cells of all sides.
pub fn grid_cells() -> usize {
    let classes = |lines: &[u8; LINES]| lines.iter().max().map_or(0, |&most| usize::from(most) + 1);
    grid::side_lines().iter().map(|lines| classes(lines) * (classes(lines) + 1) / 2).sum()
}

/// Numbers of cells, for counting what they hold.
#[derive(Debug)]
pub struct GridCells(Grids);

impl GridCells {
    /// Those of the recipe.
    ///
    /// # Errors
    /// [`Error::Model`], where its lines and cells did not fit each other.
    pub fn new() -> Result<Self, Error> {
        let entries =
            Entries { lines: grid_lines(), counts: vec![0; grid_cells()], ..Entries::default() };
        Ok(GridCells(Grids::new(entries)?))
    }

    /// The cell at row `y` and column `x` of an image, among those of all sides.
    pub fn cell(&self, grid: Grid, y: usize, x: usize) -> Option<usize> {
        let cell = Placed::new(&self.0, grid).cell(y, x)?;
        Some(self.0.first_cell(grid.side.into()) + cell)
    }
}
