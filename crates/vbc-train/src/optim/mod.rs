//! The trained parameters and the optimiser that moves them.

mod adam;
mod params;
mod pass;
#[cfg(test)]
mod tests;

pub use adam::{Adam, AdamConfig};
pub(crate) use params::Entry;
pub use params::Params;
