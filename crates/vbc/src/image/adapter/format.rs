//! The picture files that can be written.

use std::fmt;

use crate::image::PixelFormat;

/// A kind of picture file to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImageFileFormat {
    /// Portable Network Graphics: every pixel format.
    Png,
    /// Portable graymap: grey.
    Pgm,
    /// Portable pixmap: RGB.
    Ppm,
    /// Portable arbitrary map: every pixel format.
    Pam,
    /// Whichever of PGM, PPM and PAM fits.
    Pnm,
    /// Windows bitmap: 8 bits, grey, RGB and RGBA.
    Bmp,
    /// TIFF: grey, RGB and RGBA.
    Tiff,
    /// Lossless WebP: 8 bits, RGB and RGBA.
    WebP,
    /// Quite OK Image: 8 bits, RGB and RGBA.
    Qoi,
}

impl ImageFileFormat {
    /// All of them.
    pub const ALL: [ImageFileFormat; 9] = [
        ImageFileFormat::Png,
        ImageFileFormat::Pgm,
        ImageFileFormat::Ppm,
        ImageFileFormat::Pam,
        ImageFileFormat::Pnm,
        ImageFileFormat::Bmp,
        ImageFileFormat::Tiff,
        ImageFileFormat::WebP,
        ImageFileFormat::Qoi,
    ];

    /// The kind that a file name's extension (without its dot, in any case) asks for.
    pub fn from_extension(extension: &str) -> Option<Self> {
        let extension = extension.to_ascii_lowercase();
        if extension == "tif" {
            return Some(ImageFileFormat::Tiff);
        }
        Self::ALL.into_iter().find(|f| f.extension() == extension)
    }

    /// The usual extension, lower case and without its dot.
    pub fn extension(self) -> &'static str {
        match self {
            ImageFileFormat::Png => "png",
            ImageFileFormat::Pgm => "pgm",
            ImageFileFormat::Ppm => "ppm",
            ImageFileFormat::Pam => "pam",
            ImageFileFormat::Pnm => "pnm",
            ImageFileFormat::Bmp => "bmp",
            ImageFileFormat::Tiff => "tiff",
            ImageFileFormat::WebP => "webp",
            ImageFileFormat::Qoi => "qoi",
        }
    }

    /// Whether [`read_image`](crate::read_image) gives back the same image, pixel format
    /// included, from a file of this kind.
    pub fn holds(self, format: PixelFormat) -> bool {
        use PixelFormat as P;
        match self {
            ImageFileFormat::Png | ImageFileFormat::Pam | ImageFileFormat::Pnm => true,
            ImageFileFormat::Pgm => matches!(format, P::Grey8 | P::Grey16),
            ImageFileFormat::Ppm => matches!(format, P::Rgb8 | P::Rgb16),
            ImageFileFormat::Bmp => matches!(format, P::Grey8 | P::Rgb8 | P::Rgba8),
            ImageFileFormat::Tiff => !matches!(format, P::GreyAlpha8 | P::GreyAlpha16),
            ImageFileFormat::WebP | ImageFileFormat::Qoi => matches!(format, P::Rgb8 | P::Rgba8),
        }
    }
}

impl fmt::Display for ImageFileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ImageFileFormat::Png => "PNG",
            ImageFileFormat::Pgm => "PGM",
            ImageFileFormat::Ppm => "PPM",
            ImageFileFormat::Pam => "PAM",
            ImageFileFormat::Pnm => "PNM",
            ImageFileFormat::Bmp => "BMP",
            ImageFileFormat::Tiff => "TIFF",
            ImageFileFormat::WebP => "WebP",
            ImageFileFormat::Qoi => "QOI",
        })
    }
}
