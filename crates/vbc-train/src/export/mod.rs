//! From trained floats to the integer tensors of a model file (SPEC.md section 9), and back.

mod layer;
mod model;
mod pixels;

pub use layer::{Formats, Tensors, float_layer};
pub use model::{
    Exported, FLOW, export_cells, export_grids, export_pixels, export_prior, export_scans,
    export_told, export_transform,
};
pub use pixels::import_pixels;
