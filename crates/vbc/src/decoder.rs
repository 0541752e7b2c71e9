//! Decoding: what the caller may choose, and single images.

use std::sync::Arc;

use crate::coder::BlockCoder;
use crate::coder::Effort;
use crate::container::bytes::zeroed;
use crate::container::choose;
use crate::container::single::{Method, Single};
use crate::entropy::Bits;
use crate::error::{Error, Place, Section};
use crate::image::{Image, Shape};
use crate::limits::Limits;
use crate::model::{ModelId, Registry};

/// How to decode.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DecodeOptions {
    /// What a file may ask for.
    pub limits: Limits,
    /// The models at hand; by default those embedded in the crate. A model that an archive holds
    /// comes before them.
    pub registry: Registry,
    /// Threads that decode blocks of an archive when many are read; default 1. With several, two blocks for each are in
    /// memory at a time.
    pub threads: usize,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        DecodeOptions { limits: Limits::default(), registry: Registry::embedded(), threads: 1 }
    }
}

/// What a single-image file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SingleInfo {
    /// Width, height and pixel format.
    pub shape: Shape,
    /// The model, as far as the file holds its id (4 bytes), or `None` where none was used.
    pub model: Option<ModelId>,
    /// Whether the pixels are stored as they are.
    pub raw: bool,
    /// The image's name.
    pub name: Option<String>,
    /// Bytes before the coded stream, checksum included.
    pub header_bytes: u64,
    /// Bytes of the coded stream: latent and residual in one.
    pub stream_bytes: u64,
}

/// The information in a single image's coded stream, by its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SingleCosts {
    /// Information of the latent symbols.
    pub latent_bits: Bits,
    /// Information of the residual symbols.
    pub residual_bits: Bits,
}

/// A single image whose method and shape are known.
struct Opened<'a> {
    single: Single<'a>,
    shape: Shape,
    coder: Arc<dyn BlockCoder>,
}

fn open<'a>(file: &'a [u8], options: &DecodeOptions) -> Result<Opened<'a>, Error> {
    let single = Single::decode(file)?;
    let header = &single.header;
    let coder = match &header.method {
        Method::Raw => choose::raw(),
        Method::Generic => choose::generic(),
        Method::Model(id) => options.registry.find(id)?.coder()?,
    };
    let shape = resolve_shape(coder.as_ref(), header.shape)
        .map_err(|what| Error::corrupt(Place::bytes(Section::Header, 0..3), what))?;
    shape.check(&options.limits)?;
    let limit = options.limits.memory;
    Limits::check("bytes that the model works with", coder.working_bytes(1), limit)?;
    Ok(Opened { single, shape, coder })
}

/// The shape of images under `coder`: the model's, or the one that the file states.
pub(crate) fn resolve_shape(
    coder: &dyn BlockCoder,
    stated: Option<Shape>,
) -> Result<Shape, &'static str> {
    match (coder.shape(), stated) {
        (Some(shape), None) | (None, Some(shape)) => Ok(shape),
        (Some(_), Some(_)) => Err("a shape is stated where the model implies it"),
        (None, None) => Err("no shape is stated, and the method implies none"),
    }
}

impl Opened<'_> {
    fn decode_into(&self, out: &mut [u8]) -> Result<(), Error> {
        let start = self.single.stream_start();
        let stream = start..start + self.single.stream.len() as u64;
        self.coder
            .decode_image(self.shape, self.single.stream, out)
            .map_err(|e| e.at(&Place::bytes(Section::Residual, stream.clone())))?;
        if !self.single.check(out) {
            return Err(Error::corrupt(
                Place::bytes(Section::Pixels, 0..stream.end),
                "checksum of header, pixels and coded stream does not match",
            ));
        }
        Ok(())
    }

    fn decode(&self, limits: &Limits) -> Result<Vec<u8>, Error> {
        let mut out = zeroed("bytes of an image", self.shape.bytes(), limits)?;
        self.decode_into(&mut out)?;
        Ok(out)
    }
}

/// Decodes a single-image file.
///
/// # Errors
/// [`Error::Corrupt`] for a damaged file, [`Error::Unsupported`] for one of a later version,
/// [`Error::UnknownModel`] where its model is not in the registry, [`Error::Limit`] for an image
/// beyond the limits, [`Error::Input`] for an archive.
pub fn decode(file: &[u8], options: &DecodeOptions) -> Result<Image, Error> {
    let opened = open(file, options)?;
    Image::new(opened.shape, opened.decode(&options.limits)?)
}

/// Decodes a single-image file into the beginning of `out`, and returns the image's shape.
///
/// # Errors
/// Those of [`decode`], and [`Error::Input`] where `out` is shorter than the image; after any error
/// what `out` holds is unspecified.
pub fn decode_into(file: &[u8], out: &mut [u8], options: &DecodeOptions) -> Result<Shape, Error> {
    let opened = open(file, options)?;
    opened.decode_into(beginning(out, opened.shape)?)?;
    Ok(opened.shape)
}

/// The part of a caller's buffer that an image of `shape` fills.
pub(crate) fn beginning(out: &mut [u8], shape: Shape) -> Result<&mut [u8], Error> {
    let found = out.len();
    usize::try_from(shape.bytes()).ok().and_then(|n| out.get_mut(..n)).ok_or_else(|| {
        Error::Input(format!("a buffer of {found} bytes for an image of {}", shape.bytes()))
    })
}

/// What a single-image file says of itself. The checksum is not verified: that needs the pixels.
///
/// # Errors
/// Those of [`decode`].
pub fn inspect(file: &[u8], options: &DecodeOptions) -> Result<SingleInfo, Error> {
    let opened = open(file, options)?;
    let header = &opened.single.header;
    Ok(SingleInfo {
        shape: opened.shape,
        model: match header.method {
            Method::Model(id) => Some(id),
            _ => None,
        },
        raw: header.method == Method::Raw,
        name: header.name.clone(),
        header_bytes: opened.single.stream_start(),
        stream_bytes: opened.single.stream.len() as u64,
    })
}

/// What the parts of a single image's stream hold; `None` for one without a model, and for one of
/// an encoder that chooses latents differently. The image is decoded, and coded once more.
///
/// # Errors
/// Those of [`decode`].
pub fn costs(file: &[u8], options: &DecodeOptions) -> Result<Option<SingleCosts>, Error> {
    let opened = open(file, options)?;
    let pixels = opened.decode(&options.limits)?;
    if !matches!(opened.single.header.method, Method::Model(_)) {
        return Ok(None);
    }
    let coded = opened.coder.encode_image(opened.shape, &pixels, Effort::default())?;
    // Only the same symbols have the same information.
    Ok((coded.bytes == opened.single.stream).then_some(SingleCosts {
        latent_bits: coded.latent_bits,
        residual_bits: coded.residual_bits,
    }))
}

/// The latent of a single image. The image is decoded on the way, since its checksum needs that.
///
/// # Errors
/// Those of [`decode`], and [`Error::Input`] for an image without a latent.
pub fn latent(file: &[u8], options: &DecodeOptions) -> Result<Vec<i32>, Error> {
    let opened = open(file, options)?;
    opened.decode(&options.limits)?;
    opened.coder.decode_image_latent(opened.single.stream)
}

/// What the beginning of a single-image file shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Begun {
    /// The first [`rows`](Self::rows) rows as they are, below them the preview.
    pub image: Image,
    /// Rows that are known.
    pub rows: u32,
}

/// What `file`, a single-image file or the beginning of one that is still to come, shows: the preview
/// as soon as the latent is there, and over it the rows that follow, at most `rows` of them. Nothing is
/// checked but what decoding itself finds: the checksum needs the whole file.
///
/// # Errors
/// Those of [`decode`] but for the checksum; [`Error::Corrupt`] where the file ends before the latent
/// does, [`Error::Input`] for an image that was coded without a latent.
pub fn begun(file: &[u8], rows: u32, options: &DecodeOptions) -> Result<Begun, Error> {
    let opened = open(file, options)?;
    let mut out = zeroed("bytes of an image", opened.shape.bytes(), &options.limits)?;
    let start = opened.single.stream_start();
    let place = Place::bytes(Section::Latent, start..file.len() as u64);
    let mut known = opened
        .coder
        .decode_image_rows(opened.shape, opened.single.stream, rows as usize, &mut out)
        .map_err(|e| e.at(&place))? as u32;
    // A whole stream leaves its last bytes out where they are 0, so it knows more than it seems to.
    let wanted = rows.min(opened.shape.height);
    if known < wanted
        && let Ok(pixels) = opened.decode(&options.limits)
    {
        let end = out.len() / opened.shape.height as usize * wanted as usize;
        out[..end].copy_from_slice(&pixels[..end]);
        known = wanted;
    }
    Ok(Begun { image: Image::new(opened.shape, out)?, rows: known })
}

/// The picture that the latent of a single image alone gives.
///
/// # Errors
/// Those of [`latent`].
pub fn preview(file: &[u8], options: &DecodeOptions) -> Result<Image, Error> {
    let opened = open(file, options)?;
    opened.decode(&options.limits)?;
    let latent = opened.coder.decode_image_latent(opened.single.stream)?;
    let mut out = zeroed("bytes of an image", opened.shape.bytes(), &options.limits)?;
    opened.coder.preview(&latent, &mut out)?;
    Image::new(opened.shape, out)
}
