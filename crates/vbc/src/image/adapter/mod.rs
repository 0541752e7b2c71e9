//! Picture files, through the `image` crate.
//!
//! Reading gives the pixels exactly as the file's decoder gives them, at its depth:
//!
//! - Grey, grey and alpha, RGB and RGBA of 8 or 16 bits are taken as they are; 16-bit samples
//!   become little-endian.
//! - PNG: palettes become RGB (RGBA where `tRNS` is present), grey of 1, 2 or 4 bits is spread
//!   over 0..=255 by repeating its bits.
//! - PNM: a maxval `m` other than 255 or 65535 is scaled: round(v × 255 / m) below 256,
//!   round(v × 65535 / m) above; PBM gives 0 for black and 255 for white.
//! - BMP: a palette whose entries are all grey gives grey, any other RGB; 16-bit pixels and
//!   bit fields become 8 bits a channel.
//! - TIFF: one bit becomes 0 or 255; white-is-zero is inverted; palettes and YCbCr are refused.
//! - WebP and GIF give RGB or RGBA of 8 bits, a lossy WebP as its decoder reconstructs it.
//!
//! What a [`Image`] cannot hold is dropped with a [`Warning`]. What would lose pixels is refused
//! with [`Error::Unsupported`]: floats, CMYK, more than one frame or page.

mod format;
mod look;
mod pnm;
mod read;
mod tiff;
mod write;

pub use format::ImageFileFormat;
pub use read::{Warning, read_image};
pub use write::write_image;

use ::image::{DynamicImage, ImageBuffer, Pixel};

use crate::error::Error;
use crate::image::{Image, PixelFormat, Shape};

impl TryFrom<DynamicImage> for Image {
    type Error = Error;

    /// Takes the pixels as they are.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for floats, [`Error::Input`] for an image without pixels.
    fn try_from(picture: DynamicImage) -> Result<Self, Error> {
        let (width, height) = (picture.width(), picture.height());
        let (format, data) = match picture {
            DynamicImage::ImageLuma8(p) => (PixelFormat::Grey8, p.into_raw()),
            DynamicImage::ImageLumaA8(p) => (PixelFormat::GreyAlpha8, p.into_raw()),
            DynamicImage::ImageRgb8(p) => (PixelFormat::Rgb8, p.into_raw()),
            DynamicImage::ImageRgba8(p) => (PixelFormat::Rgba8, p.into_raw()),
            DynamicImage::ImageLuma16(p) => (PixelFormat::Grey16, little_endian(&p)),
            DynamicImage::ImageLumaA16(p) => (PixelFormat::GreyAlpha16, little_endian(&p)),
            DynamicImage::ImageRgb16(p) => (PixelFormat::Rgb16, little_endian(&p)),
            DynamicImage::ImageRgba16(p) => (PixelFormat::Rgba16, little_endian(&p)),
            other => {
                return Err(Error::Unsupported(format!("pixels of type {:?}", other.color())));
            }
        };
        Image::new(Shape { width, height, format }, data)
    }
}

impl From<Image> for DynamicImage {
    fn from(image: Image) -> Self {
        let Shape { width, height, format } = image.shape();
        let data = image.into_data();
        let picture = match format {
            PixelFormat::Grey8 => bytes(width, height, data).map(DynamicImage::ImageLuma8),
            PixelFormat::GreyAlpha8 => bytes(width, height, data).map(DynamicImage::ImageLumaA8),
            PixelFormat::Rgb8 => bytes(width, height, data).map(DynamicImage::ImageRgb8),
            PixelFormat::Rgba8 => bytes(width, height, data).map(DynamicImage::ImageRgba8),
            PixelFormat::Grey16 => words(width, height, &data).map(DynamicImage::ImageLuma16),
            PixelFormat::GreyAlpha16 => words(width, height, &data).map(DynamicImage::ImageLumaA16),
            PixelFormat::Rgb16 => words(width, height, &data).map(DynamicImage::ImageRgb16),
            PixelFormat::Rgba16 => words(width, height, &data).map(DynamicImage::ImageRgba16),
        };
        // `None` would mean too few samples, and `Image::new` has counted them.
        picture.unwrap_or_default()
    }
}

fn bytes<P: Pixel<Subpixel = u8>>(
    w: u32,
    h: u32,
    data: Vec<u8>,
) -> Option<ImageBuffer<P, Vec<u8>>> {
    ImageBuffer::from_raw(w, h, data)
}

fn words<P: Pixel<Subpixel = u16>>(
    w: u32,
    h: u32,
    data: &[u8],
) -> Option<ImageBuffer<P, Vec<u16>>> {
    let samples = data.chunks_exact(2).map(|s| u16::from_le_bytes([s[0], s[1]])).collect();
    ImageBuffer::from_raw(w, h, samples)
}

fn little_endian(samples: &[u16]) -> Vec<u8> {
    samples.iter().flat_map(|s| s.to_le_bytes()).collect()
}
