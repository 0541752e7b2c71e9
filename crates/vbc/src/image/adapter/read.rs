//! Picture files to images.

use std::fmt;
use std::io::Cursor;

use ::image::codecs::bmp::BmpDecoder;
use ::image::error::LimitErrorKind;
use ::image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use super::{look, pnm, tiff};
use crate::error::{Error, Place};
use crate::image::Image;
use crate::limits::Limits;

/// Something in a picture file that the decoded image does not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Warning {
    /// Metadata that is left behind.
    Dropped {
        /// Its name, as in "EXIF".
        what: &'static str,
    },
    /// The samples of a PNM file were scaled to the whole range of their depth.
    Scaled {
        /// The file's largest sample value.
        maxval: u32,
    },
    /// Bytes behind the picture's end are left behind.
    Trailing {
        /// Their number.
        bytes: u64,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Dropped { what } => write!(f, "{what} is not stored"),
            Warning::Scaled { maxval } => {
                let full = if *maxval < 256 { 255 } else { 65535 };
                write!(f, "samples of 0..={maxval} are stored as 0..={full}")
            }
            Warning::Trailing { bytes } => {
                write!(f, "{bytes} bytes behind the picture are not stored")
            }
        }
    }
}

/// Decodes the bytes of a PNG, PBM, PGM, PPM, PAM, BMP, TIFF, WebP, QOI or GIF file, told apart
/// by their first bytes.
///
/// Reading gives the pixels exactly as the file's decoder gives them, at its depth:
///
/// - Grey, grey and alpha, RGB and RGBA of 8 or 16 bits are taken as they are; 16-bit samples
///   become little-endian.
/// - PNG: palettes become RGB (RGBA where `tRNS` is present), grey of 1, 2 or 4 bits is spread
///   over 0..=255 by repeating its bits.
/// - PNM: a maxval `m` other than 255 or 65535 is scaled: round(v × 255 / m) below 256,
///   round(v × 65535 / m) above; PBM gives 0 for black and 255 for white.
/// - BMP: a palette whose entries are all grey gives grey, any other RGB; 16-bit pixels and
///   bit fields become 8 bits a channel.
/// - TIFF: one bit becomes 0 or 255; white-is-zero is inverted; palettes and YCbCr are refused.
/// - WebP and GIF give RGB or RGBA of 8 bits, a lossy WebP as its decoder reconstructs it.
///
/// What an [`Image`] cannot hold is dropped with a [`Warning`]. What would lose pixels is refused
/// with [`Error::Unsupported`]: floats, CMYK, more than one frame or page.
///
/// # Errors
/// [`Error::Unsupported`] for other files, and for floats, CMYK and more than one frame or page;
/// [`Error::Limit`], before any pixel is decoded, for a picture beyond `limits`;
/// [`Error::Corrupt`] for a damaged file.
pub fn read_image(bytes: &[u8], limits: &Limits) -> Result<(Image, Vec<Warning>), Error> {
    let format = format_of(bytes)?;
    let mut warnings: Vec<Warning> = Vec::new();
    let dropped = match format {
        ImageFormat::Png => look::png(bytes, &mut warnings)?,
        ImageFormat::WebP => look::webp(bytes)?,
        ImageFormat::Gif => look::gif(bytes)?,
        ImageFormat::Bmp => look::bmp(bytes),
        ImageFormat::Tiff => tiff::look(bytes)?,
        _ => Default::default(),
    };
    warnings.extend(dropped.into_iter().map(|what| Warning::Dropped { what }));
    let picture = match format {
        ImageFormat::Pnm => pnm::decode(bytes, limits, &mut warnings)?,
        ImageFormat::Bmp => decode_bmp(bytes, limits)?,
        _ => {
            let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
            reader.limits(allowed(limits));
            let mut decoder = reader.into_decoder().map_err(failed(limits))?;
            admit(&mut decoder, limits)?;
            DynamicImage::from_decoder(decoder).map_err(failed(limits))?
        }
    };
    Ok((Image::try_from(picture)?, warnings))
}

/// The kind of file that the first bytes announce.
fn format_of(bytes: &[u8]) -> Result<ImageFormat, Error> {
    use ImageFormat as F;
    if matches!(bytes, [b'I', b'I', 43, 0, ..] | [b'M', b'M', 0, 43, ..]) {
        return Err(Error::Unsupported("BigTIFF".into()));
    }
    match ::image::guess_format(bytes) {
        Ok(f @ (F::Png | F::Pnm | F::Bmp | F::Tiff | F::WebP | F::Qoi | F::Gif)) => Ok(f),
        Ok(other) => Err(Error::Unsupported(format!("a file of type {other:?}"))),
        Err(_) => Err(Error::Unsupported(
            "not a PNG, PNM, BMP, TIFF, WebP, QOI or GIF file, going by its first bytes".into(),
        )),
    }
}

/// A BMP has no grey pixels but for its palette, so a palette of greys is taken for grey.
fn decode_bmp(bytes: &[u8], limits: &Limits) -> Result<DynamicImage, Error> {
    let mut decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(failed(limits))?;
    let grey = decoder
        .get_palette()
        .is_some_and(|palette| palette.iter().all(|[r, g, b]| r == g && g == b));
    admit(&mut decoder, limits)?;
    match DynamicImage::from_decoder(decoder).map_err(failed(limits))? {
        DynamicImage::ImageRgb8(rgb) if grey => {
            let mut luma = ::image::GrayImage::new(rgb.width(), rgb.height());
            for (to, from) in luma.pixels_mut().zip(rgb.pixels()) {
                to.0[0] = from.0[0];
            }
            Ok(DynamicImage::ImageLuma8(luma))
        }
        picture => Ok(picture),
    }
}

/// Compares a picture's size with `limits` and hands the memory limit on to its decoder.
pub(super) fn admit(decoder: &mut impl ImageDecoder, limits: &Limits) -> Result<(), Error> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    Limits::check("pixels of an image", pixels, limits.pixels)?;
    Limits::check("bytes of an image", decoder.total_bytes(), limits.memory)?;
    decoder.set_limits(allowed(limits)).map_err(failed(limits))
}

fn allowed(limits: &Limits) -> ::image::Limits {
    let mut allowed = ::image::Limits::no_limits();
    allowed.max_alloc = Some(limits.memory);
    allowed
}

/// Turns the `image` crate's errors into ours: a file that it cannot read is damaged, unless it
/// says that it knows the feature and lacks it.
pub(super) fn failed(limits: &Limits) -> impl Fn(ImageError) -> Error {
    let limit = limits.memory;
    move |error| match error {
        ImageError::Unsupported(e) => Error::Unsupported(e.to_string()),
        ImageError::Limits(e) if matches!(e.kind(), LimitErrorKind::InsufficientMemory) => {
            // The decoder does not say how much it wanted: one byte more is the least.
            let found = limit.saturating_add(1);
            Error::Limit { what: "bytes to decode the picture", found, limit }
        }
        e => Error::corrupt(Place::default(), e.to_string()),
    }
}
