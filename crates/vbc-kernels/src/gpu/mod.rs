//! The launches behind each operation, for any [`Machine`] that runs kernels: a GPU, and in the tests
//! the same sources compiled for the host. So the tests cover all but the GPU's own `launch`.

pub(crate) mod adam;
pub(crate) mod bias_leaky;
pub(crate) mod coupling;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
#[cfg(feature = "cuda")]
mod launch;
pub(crate) mod logistic_rate;
mod machine;
pub(crate) mod redundancy;
pub(crate) mod window_gather;

pub(crate) use machine::{Arg, BLOCK, Grid, Machine, size};
