//! The stages of making a model: the transform, the latent's prior, the pixel network.

mod batch;
mod blank;
mod latent;
mod pixel;
mod run;
mod tables;
mod transform;

pub use batch::{BatchMaker, Dataset};
pub use blank::{BlankTables, blank_tables};
pub use latent::{centres, symbols, train_prior};
pub use pixel::{evaluate_pixels, train_pixels};
pub use run::{Run, Stage};
pub use tables::Tables;
pub use transform::train_transform;
