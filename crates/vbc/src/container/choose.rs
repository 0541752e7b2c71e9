//! Which coding method a block or an image gets.

use std::sync::Arc;

use crate::coder::{BlockCoder, CodedBlock, CodedImage};
use crate::container::block::Parts;
use crate::container::single::{Method, SingleHeader};
use crate::encoder::{EncodeOptions, ModelChoice};
use crate::error::Error;
use crate::generic::{self, Generic, Raw};
use crate::image::Shape;
use crate::model::RegisteredModel;

/// A method that an encoder may pick.
#[derive(Clone, Debug)]
pub(crate) enum Pick {
    Generic,
    Raw,
    Model(RegisteredModel),
}

/// The generic coder.
pub(crate) fn generic() -> Arc<dyn BlockCoder> {
    Arc::new(Generic)
}

/// The coder of raw bytes.
pub(crate) fn raw() -> Arc<dyn BlockCoder> {
    Arc::new(Raw)
}

/// The models that may code `images` images of `shape` within the limits.
fn models(
    options: &EncodeOptions,
    shape: Shape,
    images: u32,
) -> Result<Vec<RegisteredModel>, Error> {
    let fits = |m: &&RegisteredModel| {
        m.shape().is_none_or(|s| s == shape)
            && m.coder.working_bytes(u64::from(images)) <= options.limits.memory
    };
    Ok(match &options.model {
        ModelChoice::None => Vec::new(),
        ModelChoice::Auto => options.registry.iter().filter(fits).cloned().collect(),
        ModelChoice::Fixed(id) => {
            Some(options.registry.find(id)?).filter(fits).cloned().into_iter().collect()
        }
    })
}

/// The smallest result. Equal ones are decided by the order generic, raw, models as registered.
///
/// A model that the caller fixed has only raw against it; the generic coder is not tried where a
/// fast guess says that it would be twice as large as a model's result.
fn smallest<T>(
    options: &EncodeOptions,
    shape: Shape,
    pixels: &[u8],
    images: u32,
    mut code: impl FnMut(&Pick, &dyn BlockCoder) -> Result<(u64, T), Error>,
) -> Result<(Pick, T), Error> {
    let mut best: Option<(u64, Pick, T)> = None;
    for model in models(options, shape, images)? {
        let coder = Arc::clone(&model.coder);
        let pick = Pick::Model(model);
        let (cost, coded) = code(&pick, coder.as_ref())?;
        if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
            best = Some((cost, pick, coded));
        }
    }
    let fixed = matches!(options.model, ModelChoice::Fixed(_)) && best.is_some();
    let raw_len = pixels.len() as u64;
    // Raw costs its pixels at least, so it need not be copied to lose.
    if best.as_ref().is_none_or(|(least, ..)| raw_len <= *least) {
        let (cost, coded) = code(&Pick::Raw, &Raw)?;
        if best.as_ref().is_none_or(|(least, ..)| cost <= *least) {
            best = Some((cost, Pick::Raw, coded));
        }
    }
    let hopeless = match &best {
        Some((least, Pick::Model(_), _)) => {
            fixed || generic::probe(pixels)? as u64 > least.saturating_mul(2)
        }
        _ => false,
    };
    if !hopeless {
        let (cost, coded) = code(&Pick::Generic, &Generic)?;
        if best.as_ref().is_none_or(|(least, ..)| cost <= *least) {
            best = Some((cost, Pick::Generic, coded));
        }
    }
    match best {
        Some((_, pick, coded)) => Ok((pick, coded)),
        None => Err(Error::Input("no coding method at hand".into())),
    }
}

/// Shape field of what `pick` codes: a model of one shape implies it.
pub(crate) fn explicit_shape(pick: &Pick, shape: Shape) -> Option<Shape> {
    match pick {
        Pick::Model(m) if m.shape().is_some() => None,
        _ => Some(shape),
    }
}

/// Codes a block under the method that `options` asks for.
pub(crate) fn block(
    options: &EncodeOptions,
    shape: Shape,
    pixels: &[u8],
    images: u32,
    lanes: usize,
) -> Result<(Pick, CodedBlock), Error> {
    smallest(options, shape, pixels, images, |pick, coder| {
        let wanted = if matches!(pick, Pick::Model(_)) { lanes } else { 1 };
        let coded = coder.encode_block(shape, pixels, wanted)?;
        if coded.lanes.len() != wanted {
            let found = coded.lanes.len();
            return Err(Error::Input(format!("a coder made {found} lanes, not {wanted}")));
        }
        let shape = explicit_shape(pick, shape);
        let parts = Parts { images, shape, names: &[], coded: &coded, pixels_crc: 0 };
        let cost = parts.cost();
        Ok((cost, coded))
    })
}

/// Codes one image under the method that `options` asks for.
pub(crate) fn image(
    options: &EncodeOptions,
    shape: Shape,
    pixels: &[u8],
    name: Option<&str>,
) -> Result<(SingleHeader, CodedImage), Error> {
    let header = |pick: &Pick| SingleHeader {
        method: match pick {
            Pick::Generic => Method::Generic,
            Pick::Raw => Method::Raw,
            Pick::Model(m) => Method::Model(m.id()),
        },
        shape: explicit_shape(pick, shape),
        name: name.map(str::to_owned),
    };
    let (pick, coded) = smallest(options, shape, pixels, 1, |pick, coder| {
        let coded = coder.encode_image(shape, pixels)?;
        Ok(((header(pick).len() + coded.bytes.len()) as u64, coded))
    })?;
    Ok((header(&pick), coded))
}
