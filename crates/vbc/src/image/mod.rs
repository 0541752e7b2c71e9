//! Pixels in and out.

#[cfg(feature = "image")]
mod adapter;
mod idx;

#[cfg(feature = "image")]
pub use adapter::{ImageFileFormat, Warning, read_image, write_image};
pub use idx::{IdxHeader, IdxType};

use crate::error::Error;
use crate::limits::Limits;

/// How one pixel is stored. The discriminant is the format byte of SPEC.md section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PixelFormat {
    /// One 8-bit sample.
    Grey8 = 0,
    /// Grey and alpha, 8 bits each.
    GreyAlpha8 = 1,
    /// Red, green, blue, 8 bits each.
    Rgb8 = 2,
    /// Red, green, blue, alpha, 8 bits each.
    Rgba8 = 3,
    /// One 16-bit sample, little-endian.
    Grey16 = 4,
    /// Grey and alpha, 16 bits each, little-endian.
    GreyAlpha16 = 5,
    /// Red, green, blue, 16 bits each, little-endian.
    Rgb16 = 6,
    /// Red, green, blue, alpha, 16 bits each, little-endian.
    Rgba16 = 7,
}

impl PixelFormat {
    /// All formats, in the order of their format byte.
    pub const ALL: [PixelFormat; 8] = [
        PixelFormat::Grey8,
        PixelFormat::GreyAlpha8,
        PixelFormat::Rgb8,
        PixelFormat::Rgba8,
        PixelFormat::Grey16,
        PixelFormat::GreyAlpha16,
        PixelFormat::Rgb16,
        PixelFormat::Rgba16,
    ];

    /// The format of a format byte, or `None` for a reserved one.
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }

    /// Samples of a pixel: 1 to 4.
    pub fn channels(self) -> u32 {
        (self as u32 & 3) + 1
    }

    /// Bytes of a sample: 1 or 2.
    pub fn sample_bytes(self) -> u32 {
        (self as u32 >> 2) + 1
    }

    /// Bytes of a pixel: 1 to 8.
    pub fn pixel_bytes(self) -> u32 {
        self.channels() * self.sample_bytes()
    }
}

/// Width, height and pixel format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape {
    /// Pixels in a row; at least 1.
    pub width: u32,
    /// Rows; at least 1.
    pub height: u32,
    /// How a pixel is stored.
    pub format: PixelFormat,
}

impl Shape {
    /// Bytes of an image of this shape.
    pub fn bytes(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * u64::from(self.format.pixel_bytes())
    }

    /// Fails with [`Error::Input`] for an image without pixels, with [`Error::Limit`] for one of
    /// more pixels or bytes than `limits` allows.
    pub fn check(&self, limits: &Limits) -> Result<(), Error> {
        if self.width == 0 || self.height == 0 {
            return Err(Error::Input(format!(
                "an image of {} × {} pixels is empty",
                self.width, self.height
            )));
        }
        let pixels = u64::from(self.width) * u64::from(self.height);
        Limits::check("pixels of an image", pixels, limits.pixels)?;
        Limits::check("bytes of an image", self.bytes(), limits.memory)
    }
}

/// One image in memory: rows from top to bottom, pixels from left to right, samples interleaved,
/// 16-bit samples little-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    shape: Shape,
    data: Vec<u8>,
}

impl Image {
    /// An image of `shape` from its bytes.
    ///
    /// # Errors
    /// [`Error::Input`] where a side is 0 or `data` is not `shape.bytes()` long.
    pub fn new(shape: Shape, data: Vec<u8>) -> Result<Self, Error> {
        shape.check(&Limits::no_limits())?;
        if data.len() as u64 != shape.bytes() {
            return Err(Error::Input(format!(
                "{} bytes of pixels given, {} expected for {shape:?}",
                data.len(),
                shape.bytes()
            )));
        }
        Ok(Image { shape, data })
    }

    /// Width, height and format.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The pixels.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The pixels, without copying them.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }
}
