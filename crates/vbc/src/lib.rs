//! The Virtual Bottleneck Codec: lossless compression of small images and collections of them.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(clippy::disallowed_types, clippy::disallowed_methods, clippy::float_arithmetic)]

pub mod archive;
mod bitmap;
mod cells;
mod coder;
mod container;
mod decoder;
mod encoder;
mod entropy;
mod error;
mod flow;
mod generic;
mod grid;
mod image;
mod latent;
mod limits;
mod model;
mod nn;
mod pixel;
mod pool;
mod scan;
pub mod single;
#[cfg(test)]
mod toy;
#[cfg(feature = "training")]
pub mod training;

pub use archive::{Archive, ArchiveWriter};
pub use decoder::{DecodeOptions, decode};
pub use encoder::{EncodeOptions, Latent, Level, ModelChoice, encode};
pub use entropy::Bits;
pub use error::{Error, Place, Section};
pub use image::{IdxHeader, IdxType, Image, PixelFormat, Shape};
#[cfg(feature = "image")]
pub use image::{ImageFileFormat, Warning, read_image, write_image};
pub use limits::Limits;
pub use model::{Model, ModelId, RegisteredModel, Registry};
pub use nn::{INSTRUCTION_SET, instruction_sets};

/// The README's examples, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
