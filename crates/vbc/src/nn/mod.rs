//! Integer network layers (SPEC.md section 4).

mod activation;
mod kernel;
mod linear;
mod product;
mod rows;

pub(crate) use activation::saturate;
#[cfg(test)]
pub(crate) use kernel::levels;
pub(crate) use kernel::{Act, ActiveList, Pair, TILE, WeightTile, pack};
pub(crate) use linear::Linear;
pub(crate) use product::Packed;
pub(crate) use rows::TableRows;
