//! Differentiable operations that replace chains of candle's own on the CPU.
//!
//! Candle builds a dense layer or a cross-entropy from a dozen passes over fresh tensors, computes
//! the gradient of constant inputs, and adds up f32 sums naively. Each operation here is one pass
//! each way on the CPU, over contiguous f32 tensors. On other devices it is such a chain, of candle's
//! operations and of [`vbc_kernels`]: the same to rounding, and compared with it on the CPU.

mod add_act;
mod affine;
mod binary;
mod cross_entropy;
mod fake_quant;
mod gather;
mod grouped;
mod head;
mod hot;
pub(crate) mod matrix;
mod round;
mod scale;
mod slices;
#[cfg(test)]
pub(crate) mod testing;

use candle_core::Tensor;

pub use add_act::add_act;
pub use affine::{affine, affine_into, affine_leaf};
pub use binary::binary_nll;
pub use cross_entropy::{nll16_rows, softmax_nll16};
pub use fake_quant::{MAX_FRAC, fake_quant, weight_frac};
pub use gather::gather_rows;
pub use grouped::grouped_affine;
pub use head::{HeadBatch, NO_COPY, head_nll};
pub use hot::{HotRows, add_hot};
pub use matrix::{set_threads, threads};
pub use round::with_gradient_of;
pub use scale::scale_columns;
pub(crate) use slices::{with_f32, with_layout};

/// Whether an operation on `x` takes its path for the CPU.
fn fast(x: &Tensor) -> bool {
    #[cfg(test)]
    if testing::is_composed() {
        return false;
    }
    x.device().is_cpu()
}
