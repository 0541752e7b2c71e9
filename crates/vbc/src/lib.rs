//! The Virtual Bottleneck Codec: lossless compression of small images and collections of them.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(clippy::disallowed_types, clippy::disallowed_methods, clippy::float_arithmetic)]

mod coder;
mod entropy;
mod error;
mod image;
mod limits;
mod model;

pub use entropy::Bits;
pub use error::{Error, Place, Section};
pub use image::{IdxHeader, IdxType, Image, PixelFormat, Shape};
#[cfg(feature = "image")]
pub use image::{ImageFileFormat, Warning, read_image, write_image};
pub use limits::Limits;
pub use model::ModelId;
