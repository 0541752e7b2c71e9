//! Differentiable operations that replace chains of candle's own on the CPU.
//!
//! Candle builds a dense layer or a cross-entropy from a dozen passes over fresh tensors, computes
//! the gradient of constant inputs, and adds up f32 sums naively. Each operation here is one pass
//! each way. All of them work on contiguous f32 tensors on the CPU and give an error otherwise.

mod affine;
mod cross_entropy;
mod gather;
pub(crate) mod matrix;
mod slices;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use affine::clamp;
pub use affine::{Act, affine, affine_leaf};
pub use cross_entropy::{nll16_rows, softmax_nll16};
pub use gather::gather_rows;
pub use matrix::{set_threads, threads};
pub(crate) use slices::{with_f32, with_layout};
