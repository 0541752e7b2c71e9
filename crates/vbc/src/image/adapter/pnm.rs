//! PGM, PPM and PAM: reading to the very end of the file, and writing.

use std::io::Cursor;

use ::image::DynamicImage;
use ::image::codecs::pnm::{PnmDecoder, PnmSubtype};

use super::read::{Warning, admit, failed};
use crate::error::Error;
use crate::image::{Image, PixelFormat};
use crate::limits::Limits;

/// Decodes a file of one picture.
///
/// A PNM file may hold several pictures, one behind the other. The `image` crate reads the first
/// and is silent on the rest, hence the look at where it stopped.
pub(super) fn decode(
    bytes: &[u8],
    limits: &Limits,
    warnings: &mut Vec<Warning>,
) -> Result<DynamicImage, Error> {
    let (_, header) = PnmDecoder::new(Cursor::new(bytes)).map_err(failed(limits))?.into_inner();
    let maxval = header.maximal_sample();
    if maxval != 255 && maxval != 65535 && !matches!(header.subtype(), PnmSubtype::Bitmap(_)) {
        warnings.push(Warning::Scaled { maxval });
    }
    let mut cursor = Cursor::new(bytes);
    let mut decoder = PnmDecoder::new(&mut cursor).map_err(failed(limits))?;
    admit(&mut decoder, limits)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(failed(limits))?;
    let end = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
    match bytes.get(end..).unwrap_or(&[]).trim_ascii_start() {
        [] => {}
        [b'P', b'1'..=b'7', ..] => {
            return Err(Error::Unsupported("a PNM file of several pictures".into()));
        }
        rest => warnings.push(Warning::Trailing { bytes: rest.len() as u64 }),
    }
    Ok(picture)
}

/// Writes a PGM (P5), PPM (P6) or PAM (P7), whichever is the plainest for the pixel format, or a
/// PAM where `pam` asks for it.
pub(super) fn encode(image: &Image, pam: bool) -> Vec<u8> {
    let shape = image.shape();
    let (w, h) = (shape.width, shape.height);
    let maxval = if shape.format.sample_bytes() == 1 { 255 } else { 65535 };
    let plain = match shape.format {
        PixelFormat::Grey8 | PixelFormat::Grey16 => Some("P5"),
        PixelFormat::Rgb8 | PixelFormat::Rgb16 => Some("P6"),
        _ => None,
    };
    let header = match plain.filter(|_| !pam) {
        Some(magic) => format!("{magic}\n{w} {h}\n{maxval}\n"),
        None => {
            let depth = shape.format.channels();
            let tuple = match depth {
                1 => "GRAYSCALE",
                2 => "GRAYSCALE_ALPHA",
                3 => "RGB",
                _ => "RGB_ALPHA",
            };
            format!("P7\nWIDTH {w}\nHEIGHT {h}\nDEPTH {depth}\nMAXVAL {maxval}\n")
                + &format!("TUPLTYPE {tuple}\nENDHDR\n")
        }
    };
    let mut out = header.into_bytes();
    if maxval == 255 {
        out.extend_from_slice(image.data());
    } else {
        // Samples of two bytes are big-endian in every PNM.
        out.extend(image.data().chunks_exact(2).flat_map(|s| [s[1], s[0]]));
    }
    out
}
