//! What is done with what was trained: figures and pictures.

mod chunks;
mod drawn;
pub mod eval;
mod measure;
pub mod sample;
mod saved;

pub use drawn::{Part, drawn};
pub(crate) use measure::archive;
pub use measure::{Measure, measure_file};
pub use saved::{SavedError, SavedFlow, pictures, test_figures};
