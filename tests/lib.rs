//! Helpers of the whole-program tests, and the properties that tests and fuzz targets share.

pub mod bad_files;
pub mod encodings_of;
pub mod fixup;
#[cfg(feature = "pictures")]
pub mod folder;
pub mod meter;
pub mod properties;
#[cfg(feature = "pictures")]
pub mod raw_png;
#[cfg(feature = "pictures")]
pub mod raw_tiff;
pub mod synthetic;
#[cfg(feature = "pictures")]
pub mod unsupported_files;

use std::path::PathBuf;

/// The path of a file under `tests/`.
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A test image of the given shape: every sample differs from its neighbours, bytes of 16-bit
/// samples differ from each other, and alpha takes all values, 0 among them.
pub fn pattern(width: u32, height: u32, format: vbc::PixelFormat) -> vbc::Image {
    let shape = vbc::Shape { width, height, format };
    let data = (0..shape.bytes()).map(|i| (i * 89 + i * i / 7) as u8).collect();
    vbc::Image::new(shape, data).expect("as many bytes as the shape has")
}
