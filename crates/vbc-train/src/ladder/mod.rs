//! What it costs to say an image without loss once a latent is known: ideal code lengths of the rungs
//! below the codec's own. All of them come from floats, so they are lengths of codes that only one
//! kind of machine could read; the codec's networks are integers for that reason.

mod lattice;
mod logistic;
mod tables;

pub use lattice::Lattice;
pub use logistic::Logistics;
pub use tables::{Conditional, order0};
