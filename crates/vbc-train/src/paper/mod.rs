//! "Virtual Bottleneck Compression with Flow-Based Generative Models": its models, objectives and
//! experiments, in floats. The codec's own models are in [`models`](crate::models).
//!
//! What is summed and what is averaged: a log-likelihood is the sum over the d dimensions of an
//! image in nats, and a mean over images; so is every bottleneck loss. The input is scaled to steps
//! of 1/256, and d · ln 256 is taken off, so that −LL / (d · ln 2) is bits per dimension of a
//! dequantised 8-bit image.

mod bottleneck;
mod fit;
mod mlp;
mod nice;
mod objective;
mod prior;
mod quality;
mod reading;
mod vae;

pub use fit::{Fit, write_grid};
pub use objective::{Bottleneck, Cost, Keep, Virtual, inputs};
pub use quality::{mse, psnr, ssim};

pub use bottleneck::{Chunks, Null, Redundancy, variance};
pub use mlp::Mlp;
pub use nice::PaperNice;
pub use prior::Prior;
pub use reading::{Chunking, InitInputs, InputScale, Kept, Normalisation, Reading, Split};
pub use vae::{Likelihood, Vae, spread};
