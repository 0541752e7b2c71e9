//! Integer network layers (SPEC.md section 4).

mod activation;
mod byte_layer;
mod kernel;
mod level;
mod linear;
mod product;
mod quads;
mod rows;

pub(crate) use activation::saturate;
pub(crate) use byte_layer::{ByteLayer, Ends, as_quads};
pub(crate) use kernel::{Act, Pair, TILE, WeightTile, pack};
pub(crate) use level::level;
#[cfg(test)]
pub(crate) use level::levels;
pub use level::{INSTRUCTION_SET, instruction_sets};
pub(crate) use linear::{Linear, Stored};
pub(crate) use product::Rows;
pub(crate) use quads::{Quad, Quads};
pub(crate) use rows::TableRows;
