//! Picture files, through the `image` crate.

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
