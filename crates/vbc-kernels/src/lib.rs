//! The trainer's kernels: operations for [candle](candle_core) that make one pass over memory where a
//! chain of candle's own makes a dozen.
//!
//! | operation | what it does |
//! | --- | --- |
//! | [`bias_leaky`] | bias and leaky ReLU over a matrix product |
//! | [`coupling`], [`uncoupling`] | the additive coupling and its inverse |
//! | [`redundancy`] | chunk mean, and the variance of the values behind it |
//! | [`window_gather`] | values of images around given pixels |
//! | [`logistic_rate`] | bits of values under a discretised logistic |
//! | [`round_through`], [`noise_through`] | rounding, and noise in its place |
//! | [`adam_step`] | one step of the optimiser, in place |
//!
//! All have gradients (but for the last) and work on f32 tensors on the CPU. With the feature `cuda`
//! they work on an NVIDIA GPU as well; a program built so does not start without the driver's
//! libcuda. A result never depends on the number of threads, and sums are not left to f32 alone where
//! they grow long: each operation says how it adds up. The CPU and the GPU agree to rounding, not to
//! the bit.
//!
//! # What is tested where
//!
//! | where | what |
//! | --- | --- |
//! | any machine, `cargo test` | the CPU's results and gradients against candle's own operations and finite differences |
//! | the same, with a C++ compiler | every kernel of `cu/`, compiled for the host with sanitizers, against the CPU, by the very launches that a GPU gets |
//! | the same, `cargo xtask cuda-check` | the Rust side of `cuda`, by type only |
//! | the same, `cargo xtask cuda` | that every kernel assembles for sm_75 to sm_90 |
//! | with a GPU, `cargo test --features cuda` | the first row's comparisons, on the GPU |
#![deny(missing_docs)]
#![cfg_attr(not(feature = "cuda"), forbid(unsafe_code))]
#![cfg_attr(feature = "cuda", deny(unsafe_code))]

mod adam;
mod bias_leaky;
mod chunking;
mod coupling;
#[cfg(any(test, feature = "cuda"))]
mod gpu;
#[cfg(test)]
mod host_tests;
mod logistic_rate;
mod norm;
mod parallel;
mod redundancy;
mod slices;
mod straight_through;
mod window;
mod window_gather;

pub use adam::{AdamConfig, AdamRates, AdamState, adam_average, adam_step};
pub use bias_leaky::{Leaky, bias_leaky, leaky_gradients};
pub use chunking::Chunking;
pub use coupling::{Part, coupling, uncoupling};
pub use logistic_rate::{LOG_SCALE_MAX, logistic_rate};
pub use norm::sum_of_squares;
pub use redundancy::{Squeezed, Weight, redundancy};
pub use straight_through::{noise_through, round_through};
pub use window::{Window, causal_offsets};
pub use window_gather::window_gather;
