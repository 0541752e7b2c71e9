//! Integer network layers (SPEC.md section 4).

mod activation;
mod kernel;
mod linear;

pub(crate) use activation::saturate;
pub(crate) use kernel::ActiveList;
pub(crate) use linear::{Linear, Scratch};
