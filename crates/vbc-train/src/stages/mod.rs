//! The stages of making a model: the transform, all of it jointly, the latent's prior, the pixel
//! network.

mod batch;
mod blank;
mod error;
mod grids;
mod joint;
mod latent;
mod pixel;
mod run;
mod tables;
mod transform;

pub use batch::{BatchMaker, Dataset};
pub use blank::{BlankTables, blank_tables};
pub use error::StageError;
pub use grids::{GridCounts, grid_numbers};
pub use joint::{Joint, train_joint};
pub use latent::{centre, centres, escape_bits, symbols, train_prior};
pub use pixel::{evaluate_pixels, train_pixels};
pub use run::{Late, Run, Stage};
pub use tables::Tables;
pub use transform::train_transform;
