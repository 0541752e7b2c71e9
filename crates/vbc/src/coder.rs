//! The seam between the coding methods (model, generic, raw) and the container.

use crate::entropy::Bits;
use crate::error::Error;
use crate::image::Shape;
use crate::scan;

/// One entropy-coded stream and the exact information it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stream {
    /// The bytes, coder tail included.
    pub bytes: Vec<u8>,
    /// Σ −log₂(frequency/total) over its symbols.
    pub bits: Bits,
}

/// The streams of one block of images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CodedBlock {
    /// Latent symbols of all images; empty where the method has no latent.
    pub latent: Stream,
    /// Residual symbols, one stream a lane; image i is in lane i mod lanes.
    pub lanes: Vec<Stream>,
}

/// One image coded alone: latent symbols, then residual symbols, in one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CodedImage {
    /// Both parts.
    pub bytes: Vec<u8>,
    /// Information of the latent symbols.
    pub latent_bits: Bits,
    /// Information of the residual symbols.
    pub residual_bits: Bits,
}

/// How long an encoder looks for what makes images smaller.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Effort {
    /// For the scans behind them.
    pub scan: scan::Effort,
    /// For other latents: how many of their integers are changed to see what comes of it.
    pub latent_tries: u32,
}

/// A coding method. Every call is deterministic: the same images give the same bytes on any
/// machine. Decoding any bytes ends in time and memory bounded by the shape, with the right
/// number of pixels or an [`Error::Corrupt`] whose place names the section at least.
pub(crate) trait BlockCoder: Send + Sync {
    /// The one shape that the method codes, or `None` for a method of any shape.
    fn shape(&self) -> Option<Shape>;

    /// Number of latent integers of an image; 0 without a latent.
    fn latent_len(&self) -> usize;

    /// Bytes that coding a block of `images` images takes beside their pixels, where they can be
    /// many times as much as those.
    fn working_bytes(&self, _images: u64) -> u64 {
        0
    }

    /// Whether one image of `shape` has what only images like those the method was made for have, so that a
    /// method made for others need not be tried.
    fn knows(&self, _shape: Shape, _pixels: &[u8]) -> bool {
        false
    }

    /// Whether there are images that it [`knows`](Self::knows).
    fn may_know(&self) -> bool {
        false
    }

    /// Codes `pixels.len() / shape.bytes()` images, one behind the other in `pixels`.
    fn encode_block(
        &self,
        shape: Shape,
        pixels: &[u8],
        lanes: usize,
        effort: Effort,
    ) -> Result<CodedBlock, Error>;

    /// Decodes into `out`, whose length says how many images there are.
    fn decode_block(
        &self,
        shape: Shape,
        latent: &[u8],
        lanes: &[&[u8]],
        out: &mut [u8],
    ) -> Result<(), Error>;

    /// Decodes the latents of `images` images: `images × latent_len()` integers.
    fn decode_latents(&self, images: usize, latent: &[u8]) -> Result<Vec<i32>, Error>;

    /// Codes one image as one stream.
    fn encode_image(
        &self,
        shape: Shape,
        pixels: &[u8],
        effort: Effort,
    ) -> Result<CodedImage, Error>;

    /// Decodes one image of one stream into `out` (`shape.bytes()` long).
    fn decode_image(&self, shape: Shape, bytes: &[u8], out: &mut [u8]) -> Result<(), Error>;

    /// The latent of an image coded as one stream.
    fn decode_image_latent(&self, bytes: &[u8]) -> Result<Vec<i32>, Error>;

    /// What the beginning of an image's stream shows: x̂, and over it, exactly, as many of the first
    /// `rows` rows as `bytes` decide, whose number is given back. [`Error::Input`] for a method without
    /// a latent, [`Error::Corrupt`] where `bytes` end within the latent.
    fn decode_image_rows(
        &self,
        shape: Shape,
        bytes: &[u8],
        rows: usize,
        out: &mut [u8],
    ) -> Result<usize, Error>;

    /// The pictures x̂ that latents alone give: `out` holds `latents.len() / latent_len()` images.
    fn preview(&self, latents: &[i32], out: &mut [u8]) -> Result<(), Error>;
}

/// The answer to who asks for a latent or a preview where there is none.
pub(crate) fn no_latent() -> Error {
    Error::Input(
        "images coded without a model, or by one without a latent, have no latent and no preview"
            .into(),
    )
}
