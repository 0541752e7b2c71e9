//! Integer network layers (SPEC.md section 4).

mod activation;
mod kernel;
mod level;
mod linear;
mod product;
mod rows;

pub(crate) use activation::saturate;
pub(crate) use kernel::{Act, Pair, TILE, WeightTile, pack};
#[cfg(test)]
pub(crate) use level::levels;
pub use level::{INSTRUCTION_SET, instruction_sets};
pub(crate) use linear::Linear;
pub(crate) use product::{Packed, Rows};
pub(crate) use rows::TableRows;
