//! Encoding: what the caller may choose, and single images.

use crate::coder::Effort;
use crate::container::{choose, names};
use crate::error::Error;
use crate::image::{Image, Shape};
use crate::limits::Limits;
use crate::model::{ModelId, Registry};
use crate::scan;

/// Which model codes the images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelChoice {
    /// Every model of the image's shape and of the [`Level`], the untrained coder and the raw bytes are tried; the
    /// smallest result is kept.
    #[default]
    Auto,
    /// The model of this id, unless the image has another shape or would be larger than raw.
    Fixed(ModelId),
    /// No model: the untrained coder or the raw bytes.
    None,
}

/// How much time an image may take: which of the embedded models may code it. Decoding takes about
/// as long as encoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Small models, for speed.
    Fast,
    /// Larger models, of a third to four fifths of the speed; those of [`Fast`](Self::Fast) too for images that
    /// are not quite what such a model knows.
    #[default]
    Default,
    /// The models of every level are tried, and the smallest result is kept.
    Best,
}

/// Whether every image has a latent, where a model codes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Latent {
    /// Every image that an embedded model codes has one, and with it a preview.
    #[default]
    Keep,
    /// Embedded models without a latent are tried too; their files are smaller.
    None,
}

/// How to encode.
///
/// ```
/// let mut options = vbc::EncodeOptions::default();
/// options.block_images = 256;
/// options.threads = 4;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EncodeOptions {
    /// Which model codes the images; [`ModelChoice::Auto`] by default.
    pub model: ModelChoice,
    /// Which embedded models [`ModelChoice::Auto`] tries. Models that were added to the registry are
    /// tried at every level.
    pub level: Level,
    /// Whether [`ModelChoice::Auto`] leaves out the embedded models without a latent.
    pub latent: Latent,
    /// How often a model that knows scans (SPEC.md section 6.7) looks for the one behind an image, until
    /// it is found exactly; default 4. 0 leaves all images to the pixel network. Without meaning for
    /// other models.
    pub scan_tries: u32,
    /// How many integers of an image's latent an encoder changes to the next nearest, each on its own, to keep what
    /// makes the image smaller; default 0. Those that lie between two integers come first; with more than a
    /// latent has, it begins again from what it kept. A try costs as much as an encoding; 30 of them make
    /// MNIST's files 1 % smaller, which decode as fast as others. Latents are then no longer those nearest to the
    /// image. Without meaning for images without a latent.
    pub latent_tries: u32,
    /// Most images of a block, 1 to 65 536; default 64. More compress better, fewer are read
    /// faster on their own. Without meaning for a single image.
    pub block_images: u32,
    /// Coder lanes of a block, 1 to 64; default 2. Without meaning for a single image.
    pub lanes: u32,
    /// Whether an archive holds the models that it uses; default false.
    pub embed_model: bool,
    /// Threads that code blocks; default 1. Their number never changes a byte of the result. Beside the blocks that they
    /// code, as many wait to be coded or written.
    pub threads: usize,
    /// What an input may ask for.
    pub limits: Limits,
    /// The models at hand; by default those embedded in the crate.
    pub registry: Registry,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        EncodeOptions {
            model: ModelChoice::Auto,
            level: Level::Default,
            latent: Latent::Keep,
            scan_tries: scan::Effort::default().tries,
            latent_tries: 0,
            block_images: 64,
            lanes: 2,
            embed_model: false,
            threads: 1,
            limits: Limits::default(),
            registry: Registry::embedded(),
        }
    }
}

impl EncodeOptions {
    /// How long to look for what makes images smaller.
    pub(crate) fn effort(&self) -> Effort {
        Effort { scan: scan::Effort::new(self.scan_tries), latent_tries: self.latent_tries }
    }
}

/// Encodes one image into the bytes of a single-image file.
///
/// The result is at most 16 bytes longer than the pixels (and the name with its length).
///
/// ```
/// use vbc::{Image, PixelFormat, Shape};
///
/// let shape = Shape { width: 3, height: 2, format: PixelFormat::Grey8 };
/// let image = Image::new(shape, vec![0, 1, 2, 3, 4, 5])?;
/// let file = vbc::encode(&image, None, &vbc::EncodeOptions::default())?;
/// assert_eq!(vbc::decode(&file, &vbc::DecodeOptions::default())?, image);
/// # Ok::<(), vbc::Error>(())
/// ```
///
/// # Errors
/// [`Error::Limit`] for an image or a name beyond the limits; [`Error::UnknownModel`] for a fixed
/// model that the registry lacks.
pub fn encode(
    image: &Image,
    name: Option<&str>,
    options: &EncodeOptions,
) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    write(image.shape(), image.data(), name, options, &mut out)?;
    Ok(out)
}

/// Encodes `pixels` and appends the file to `out`, which keeps its capacity for the next image.
///
/// # Errors
/// Those of [`encode`], and [`Error::Input`] where `pixels` is not `shape.bytes()` long.
pub fn encode_into(
    shape: Shape,
    pixels: &[u8],
    options: &EncodeOptions,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    write(shape, pixels, None, options, out)
}

fn write(
    shape: Shape,
    pixels: &[u8],
    name: Option<&str>,
    options: &EncodeOptions,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    check_pixels(shape, pixels, &options.limits)?;
    name.map_or(Ok(()), names::check_input)?;
    let (header, coded) = choose::image(options, shape, pixels, name)?;
    header.write(pixels, &coded.bytes, out);
    Ok(())
}

/// Refuses an image beyond the limits, or pixels that are not one image of `shape`.
pub(crate) fn check_pixels(shape: Shape, pixels: &[u8], limits: &Limits) -> Result<(), Error> {
    shape.check(limits)?;
    if pixels.len() as u64 != shape.bytes() {
        return Err(Error::Input(format!(
            "{} bytes of pixels given, {} expected for {shape:?}",
            pixels.len(),
            shape.bytes()
        )));
    }
    Ok(())
}
