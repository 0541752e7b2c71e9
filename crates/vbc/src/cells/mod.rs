//! The pixels of images with a grid, cell by cell (SPEC.md section 6.9): what `fast` and `default` code
//! digits by.
//!
//! Where the cells of a scaled scan are known, nothing lies outside them, and what a cell can hold is
//! half of what there is to know. So a network suffices whose first layer only adds up rows of a table: each
//! of its inputs is the number of one of a few things, such as two neighbours' levels or eight
//! neighbours' being ink. Whether a cell is ink is said by few units; what ink is, by those too (`fast`), or by a
//! network of its own with a hidden layer, which only ink is asked of.

mod inputs;
mod lockstep;
mod network;
mod state;
mod values;
mod whole;

pub(crate) use inputs::{class_inputs, value_class_inputs};
pub(crate) use lockstep::{CellImage, code};
pub(crate) use network::{CellModel, Layers};
pub(crate) use values::ValueLayers;
pub(crate) use whole::write;

#[cfg(feature = "training")]
pub(crate) use inputs::{
    LEVELS, cell_inputs, inputs_len, row_inputs, value_inputs, value_inputs_len, value_row_inputs,
};
#[cfg(feature = "training")]
pub(crate) use state::CellState;

use crate::grid::LINES;

/// Cells of an image.
pub(crate) const CELLS: usize = LINES * LINES;
