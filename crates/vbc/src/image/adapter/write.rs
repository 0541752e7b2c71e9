//! Images to picture files.

use std::io::Cursor;

use ::image::{DynamicImage, ImageFormat};

use super::format::ImageFileFormat;
use super::pnm;
use crate::error::Error;
use crate::image::Image;

/// The bytes of a picture file from which [`read_image`](crate::read_image) gives back the same
/// image.
///
/// # Errors
/// [`Error::Input`] where files of that kind cannot hold the pixel format (the message names
/// those that can) or the size.
pub fn write_image(image: &Image, format: ImageFileFormat) -> Result<Vec<u8>, Error> {
    let shape = image.shape();
    if !format.holds(shape.format) {
        let able: Vec<String> = ImageFileFormat::ALL
            .into_iter()
            .filter(|f| f.holds(shape.format))
            .map(|f| f.to_string())
            .collect();
        return Err(Error::Input(format!(
            "{format} does not hold {:?} pixels exactly; these do: {}",
            shape.format,
            able.join(", ")
        )));
    }
    let codec = match format {
        ImageFileFormat::Pgm | ImageFileFormat::Ppm | ImageFileFormat::Pnm => {
            return Ok(pnm::encode(image, false));
        }
        ImageFileFormat::Pam => return Ok(pnm::encode(image, true)),
        ImageFileFormat::Png => ImageFormat::Png,
        ImageFileFormat::Bmp => ImageFormat::Bmp,
        ImageFileFormat::Tiff => ImageFormat::Tiff,
        ImageFileFormat::WebP => ImageFormat::WebP,
        ImageFileFormat::Qoi => ImageFormat::Qoi,
    };
    let mut out = Cursor::new(Vec::new());
    DynamicImage::from(image.clone()).write_to(&mut out, codec).map_err(|e| {
        Error::Input(format!("{} × {} as {format}: {e}", shape.width, shape.height))
    })?;
    Ok(out.into_inner())
}
