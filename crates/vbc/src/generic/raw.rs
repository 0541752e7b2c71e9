//! The bytes as they are: the method that is never worse than its input (SPEC.md section 10.1).

use super::{latentless, only_lane, whole};
use crate::coder::{BlockCoder, CodedBlock, CodedImage, Stream, no_latent};
use crate::entropy::Bits;
use crate::error::{Error, Place, Section};
use crate::image::Shape;

/// Pixels without any coding, for images of any shape.
pub(crate) struct Raw;

impl Raw {
    fn encode(&self, _: Shape, pixels: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(pixels.to_vec())
    }

    fn decode(&self, _: Shape, bytes: &[u8], out: &mut [u8]) -> Result<(), Error> {
        if bytes.len() != out.len() {
            return Err(Error::corrupt(
                Place::of(Section::Residual),
                format!("{} raw bytes, {} expected", bytes.len(), out.len()),
            ));
        }
        out.copy_from_slice(bytes);
        Ok(())
    }
}

latentless!(Raw);
