//! The Virtual Bottleneck Codec: lossless compression of small images and collections of them.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(clippy::disallowed_types, clippy::disallowed_methods, clippy::float_arithmetic)]

mod coder;
mod entropy;
mod error;
mod flow;
mod image;
mod latent;
mod limits;
mod model;
mod nn;
mod pixel;
#[cfg(feature = "training")]
pub mod training;

pub use entropy::Bits;
pub use error::{Error, Place, Section};
pub use image::{Image, PixelFormat, Shape};
pub use limits::Limits;
pub use model::{Model, ModelId};
