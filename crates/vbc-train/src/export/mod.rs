//! From trained floats to the integer tensors of a model file (SPEC.md section 9).

mod layer;
mod model;

pub use layer::{Formats, Tensors};
pub use model::{Exported, export_pixels, export_prior, export_transform};
