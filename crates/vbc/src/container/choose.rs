//! Which coding method a block or an image gets.

use std::sync::Arc;

use crate::coder::{BlockCoder, CodedBlock, CodedImage, Effort};
use crate::container::block::Parts;
use crate::container::single::{Method, SingleHeader};
use crate::encoder::{EncodeOptions, Level, ModelChoice};
use crate::error::Error;
use crate::generic::{Generic, Raw};
use crate::image::Shape;
use crate::model::RegisteredModel;

/// A method that an encoder may pick.
#[derive(Clone)]
pub(crate) enum Pick {
    Generic,
    Raw,
    Model(RegisteredModel, Arc<dyn BlockCoder>),
}

impl Pick {
    fn coder(&self) -> &dyn BlockCoder {
        match self {
            Pick::Generic => &Generic,
            Pick::Raw => &Raw,
            Pick::Model(_, coder) => coder.as_ref(),
        }
    }
}

/// The generic coder.
pub(crate) fn generic() -> Arc<dyn BlockCoder> {
    Arc::new(Generic)
}

/// The coder of raw bytes.
pub(crate) fn raw() -> Arc<dyn BlockCoder> {
    Arc::new(Raw)
}

/// The models that are to code `images` images of `shape`, of those that may within the limits.
fn usable<'a>(
    options: &EncodeOptions,
    asked: impl IntoIterator<Item = &'a RegisteredModel>,
    shape: Shape,
    images: u32,
) -> Result<Vec<Pick>, Error> {
    let mut picks = Vec::new();
    for model in asked.into_iter().filter(|m| m.shape().is_none_or(|s| s == shape)) {
        let coder = model.coder()?;
        if coder.working_bytes(u64::from(images)) <= options.limits.memory {
            picks.push(Pick::Model(model.clone(), coder));
        }
    }
    Ok(picks)
}

/// The models that `options` asks first.
fn models(options: &EncodeOptions, shape: Shape, images: u32) -> Result<Vec<Pick>, Error> {
    let all = options.registry.iter();
    match &options.model {
        ModelChoice::None => Ok(Vec::new()),
        ModelChoice::Auto => {
            let asked = all.filter(|m| m.is_tried_at(options.level, options.latent));
            usable(options, asked, shape, images)
        }
        ModelChoice::Fixed(id) => usable(options, [options.registry.find(id)?], shape, images),
    }
}

/// Those of a lower level that may do better where none of these knows the images.
fn lower(options: &EncodeOptions) -> impl Iterator<Item = &RegisteredModel> {
    let is_auto = matches!(options.model, ModelChoice::Auto);
    options.registry.iter().filter(move |m| is_auto && m.helps_at(options.level, options.latent))
}

/// A block of at most this many images is coded under every method, a larger one only under the models
/// that do well on one of its samples.
const FEW: usize = 8;

/// A model stays in the running while a sample takes at most this many hundredths of the smallest.
const MARGIN: usize = 125;

/// Two images of a block that differ as much as most of its images do: an eighth from either end of
/// their order by brightness and roughness. Of a block of two kinds each kind has one, unless it is
/// so rare that the other decides.
fn samples(pixels: &[u8], images: usize) -> [usize; 2] {
    let len = pixels.len() / images;
    let measure = |image: &[u8]| {
        let light: u64 = image.iter().map(|&v| u64::from(v)).sum();
        let rough: u64 = image.windows(2).map(|p| u64::from(p[0].abs_diff(p[1]))).sum();
        light + rough
    };
    let mut order: Vec<(u64, usize)> =
        pixels.chunks_exact(len).map(measure).zip(0..images).collect();
    order.sort_unstable();
    [order[images / 8].1, order[images - 1 - images / 8].1]
}

/// Whether a model knows all of some images. If so, those that do not are left out, but for those that do not yield.
fn keep_those_that_know(
    options: &EncodeOptions,
    shape: Shape,
    images: &[u8],
    picks: &mut Vec<Pick>,
) -> bool {
    if picks.is_empty() || options.level == Level::Best {
        return false;
    }
    let mut each = images.chunks_exact(shape.bytes() as usize);
    let knows = |pick: &Pick| each.clone().all(|image| pick.coder().knows(shape, image));
    let known: Vec<bool> = picks.iter().map(knows).collect();
    let is_known = each.next().is_some() && known.contains(&true);
    if is_known {
        let mut known = known.into_iter();
        let yields = |pick: &Pick| matches!(pick, Pick::Model(m, _) if m.yields_at(options.level));
        picks.retain(|pick| known.next() == Some(true) || !yields(pick));
    }
    is_known
}

/// Bytes that two images take under each of the `picks`.
fn sizes(
    options: &EncodeOptions,
    shape: Shape,
    both: &[u8],
    picks: &[Pick],
) -> Result<Vec<[usize; 2]>, Error> {
    let size = |pick: &Pick| {
        // Image i is in lane i.
        let effort = Effort { latent_tries: 0, ..options.effort() };
        let coded = pick.coder().encode_block(shape, both, 2, effort)?;
        let latent = coded.latent.bytes.len() / 2;
        Ok([0, 1].map(|i| coded.lanes.get(i).map_or(0, |l| l.bytes.len()) + latent))
    };
    picks.iter().map(size).collect()
}

/// What is worth trying on some images; raw bytes always are.
struct Contenders {
    models: Vec<Pick>,
    /// Whether models of a lower level are asked too, should one of `models` be the smallest that knows images, but
    /// not these.
    has_helpers: bool,
    /// Whether the untrained coder is.
    has_generic: bool,
}

/// The methods worth trying on a block of `images` images. A block of few images gets all models; a larger one those
/// that do well on one of its samples, and a lower level's that do best on both together.
fn contenders(
    options: &EncodeOptions,
    shape: Shape,
    pixels: &[u8],
    images: usize,
) -> Result<Contenders, Error> {
    let mut models = models(options, shape, images as u32)?;
    if matches!(options.model, ModelChoice::Fixed(_)) && !models.is_empty() {
        return Ok(Contenders { models, has_helpers: false, has_generic: false });
    }
    let len = pixels.len() / images;
    let has_models = options.registry.iter().any(|m| m.shape().is_none_or(|s| s == shape));
    let both = (images > FEW && has_models)
        .then(|| samples(pixels, images).map(|sample| &pixels[sample * len..][..len]).concat());
    let looked_at = both.as_deref().unwrap_or(pixels);
    let is_known = keep_those_that_know(options, shape, looked_at, &mut models);
    let has_helpers = !is_known && lower(options).next().is_some();
    let Some(both) = both else {
        return Ok(Contenders { models, has_helpers, has_generic: true });
    };
    let mut helpers = Vec::new();
    if has_helpers || models.len() > 1 {
        let own = sizes(options, shape, &both, &models)?;
        let sums = own.iter().map(|s| s[0] + s[1]);
        let smallest = sums.zip(&models).min_by_key(|(sum, _)| *sum);
        if has_helpers && smallest.is_none_or(|(_, pick)| pick.coder().may_know()) {
            helpers = usable(options, lower(options), shape, images as u32)?;
            let of_helpers = sizes(options, shape, &both, &helpers)?;
            let least = smallest.map_or(usize::MAX, |(sum, _)| sum);
            let mut stays = of_helpers.iter().map(|s| s[0] + s[1] < least);
            helpers.retain(|_| stays.next() == Some(true));
        }
        let least = [0, 1].map(|i| own.iter().map(|s| s[i]).min().unwrap_or(0));
        let mut stays = own.iter().map(|s| (0..2).any(|i| s[i] * 100 <= least[i] * MARGIN));
        models.retain(|_| stays.next() == Some(true));
    }
    models.extend(helpers);
    Ok(Contenders { models, has_helpers: false, has_generic: true })
}

/// The smallest result of the `contenders` and of raw bytes. Equal ones are decided by the order
/// generic, raw, models as registered. Where a fixed model is larger than raw, the generic coder is
/// tried as well. That one is slow: it is left out where a quick look says that it loses.
fn smallest<T>(
    options: &EncodeOptions,
    shape: Shape,
    pixels: &[u8],
    images: u32,
    mut code: impl FnMut(&Pick) -> Result<(u64, T), Error>,
) -> Result<(Pick, T), Error> {
    let contenders = contenders(options, shape, pixels, images as usize)?;
    let rank = |pick: &Pick| match pick {
        Pick::Generic => 0,
        Pick::Raw => 1,
        Pick::Model(..) => 2,
    };
    let mut best: Option<(u64, Pick, T)> = None;
    let mut consider = |pick: Pick, best: &mut Option<(u64, Pick, T)>| {
        let (cost, coded) = code(&pick)?;
        let better = |(least, other, _): &(u64, Pick, T)| {
            cost < *least || (cost == *least && rank(&pick) < rank(other))
        };
        if best.as_ref().is_none_or(better) {
            *best = Some((cost, pick, coded));
        }
        Ok::<(), Error>(())
    };
    for pick in contenders.models {
        consider(pick, &mut best)?;
    }
    if contenders.has_helpers && best.as_ref().is_none_or(|(_, pick, _)| pick.coder().may_know()) {
        for pick in usable(options, lower(options), shape, images)? {
            consider(pick, &mut best)?;
        }
    }
    if contenders.has_generic
        && best.as_ref().map_or(Ok(true), |(least, ..)| {
            Generic::is_hopeless(shape, pixels, *least).map(|hopeless| !hopeless)
        })?
    {
        consider(Pick::Generic, &mut best)?;
    }
    // Raw costs its pixels at least, so it need not be copied to lose.
    if best.as_ref().is_none_or(|(least, ..)| pixels.len() as u64 <= *least) {
        consider(Pick::Raw, &mut best)?;
        if !contenders.has_generic {
            consider(Pick::Generic, &mut best)?;
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
        Pick::Model(m, _) if m.shape().is_some() => None,
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
    smallest(options, shape, pixels, images, |pick| {
        let wanted = if matches!(pick, Pick::Model(..)) { lanes } else { 1 };
        let coded = pick.coder().encode_block(shape, pixels, wanted, options.effort())?;
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
            Pick::Model(m, _) => Method::Model(m.id()),
        },
        shape: explicit_shape(pick, shape),
        name: name.map(str::to_owned),
    };
    let (pick, coded) = smallest(options, shape, pixels, 1, |pick| {
        let coded = pick.coder().encode_image(shape, pixels, options.effort())?;
        Ok(((header(pick).len() + coded.bytes.len()) as u64, coded))
    })?;
    Ok((header(&pick), coded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_two_kinds_has_a_sample_of_each() {
        // Image i is dark, or bright where i is a multiple of 5: 13 of 64.
        let dark = |i: usize| !i.is_multiple_of(5);
        let pixels: Vec<u8> =
            (0..64).flat_map(|i| [if dark(i) { i as u8 } else { 200 }; 4]).collect();
        let [low, high] = samples(&pixels, 64);
        assert!(dark(low) && !dark(high), "{low} {high}");
        assert_eq!(samples(&[0; 9], 9), [1, 7]);
    }

    #[test]
    #[cfg(all(feature = "model-mnist", feature = "model-fashion"))]
    fn a_digit_on_its_grid_needs_no_model_of_others() -> Result<(), Error> {
        use crate::image::PixelFormat;
        use crate::model::Registry;
        let shape = Shape { width: 28, height: 28, format: PixelFormat::Grey8 };
        let sample = |set: &str| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/images/");
            Ok::<_, Error>(
                std::fs::read(format!("{folder}{set}-100-images-idx3-ubyte"))?.split_off(16),
            )
        };
        let names = |options: &EncodeOptions, pixels: &[u8]| {
            let contenders = contenders(options, shape, pixels, pixels.len() / 784)?;
            assert!(contenders.has_generic);
            let name = |pick: &Pick| match pick {
                Pick::Model(model, _) => model.name().to_owned(),
                Pick::Generic | Pick::Raw => "none".into(),
            };
            let names: Vec<String> = contenders.models.iter().map(name).collect();
            Ok::<_, Error>((names.join(" "), contenders.has_helpers))
        };
        let (digits, clothes) = (sample("mnist")?, sample("fashion")?);
        let mut options = EncodeOptions::default();
        let names_of = |names: &str, has_helpers| (names.to_owned(), has_helpers);
        let all = "mnist-x8 fashion-x8";
        for images in [1, 5, 64] {
            let asked = names(&options, &digits[..images * 784])?;
            assert_eq!(asked, names_of("mnist-x8", false), "{images}");
            let (asked, has_helpers) = names(&options, &clothes[..images * 784])?;
            assert!(asked.ends_with("fashion-x8"), "{asked}");
            assert_eq!(has_helpers, images < 64);
        }
        // One that is no digit: all models are asked.
        let both = [&digits[..4 * 784], &clothes[..784]].concat();
        assert_eq!(names(&options, &both)?, names_of(all, true));
        // A digit off its grid: the models of the lower level are tried, and do no better.
        let moved: Vec<u8> = digits[3..].iter().chain(&[0; 3]).copied().collect();
        let asked = names(&options, &moved[..64 * 784])?;
        assert_eq!(asked, names_of("mnist-x8", false));
        // With 16 greys, which no grid has, one of them does better.
        let few_greys: Vec<u8> = digits[..64 * 784].iter().map(|v| v & 0xF0).collect();
        let asked = names(&options, &few_greys)?;
        assert_eq!(asked, names_of("mnist-x8 mnist-x8-fast", false));
        let smallest = |pixels: &[u8]| {
            let mut asked = 0;
            smallest(&options, shape, pixels, 1, |pick| {
                let coded = pick.coder().encode_image(shape, pixels, options.effort())?;
                asked += usize::from(matches!(pick, Pick::Model(..)));
                Ok((coded.bytes.len() as u64, ()))
            })?;
            Ok::<_, Error>(asked)
        };
        // Digits on their grids, digits moved, clothes: the models that code one image.
        let each = [&digits, &moved, &clothes].map(|set| smallest(&set[..784]));
        assert_eq!(each.into_iter().collect::<Result<Vec<_>, _>>()?, [1, 4, 2]);
        // Models that a caller added are asked in any case.
        let mut added = Registry::empty();
        for model in options.registry.iter().filter(|m| m.level() == Some(Level::Default)) {
            added.add_file(model.file(), &options.limits)?;
        }
        options.registry = added;
        assert_eq!(names(&options, &digits[..5 * 784])?, names_of(all, false));
        Ok(())
    }
}
