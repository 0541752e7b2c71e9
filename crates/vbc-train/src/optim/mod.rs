//! The trained parameters and the optimiser that moves them.

mod adam;
mod gradients;
mod params;
#[cfg(test)]
mod tests;

pub use adam::{Adam, AdamConfig};
pub use gradients::Gradients;
pub use params::Params;
