//! From tensors to layers, with every check that makes later arithmetic safe (SPEC.md section 9).

use std::borrow::Cow;
use std::ops::Range;

use super::file::TensorFile;
use super::id::{HASHED_METADATA, ModelId, identify};
use super::{Latent, Model, Transform};
use crate::bitmap::{self, BitmapModel};
use crate::cells::{self, CellModel, ValueLayers};
use crate::error::Error;
use crate::flow::{Coupling, Flow};
use crate::grid::{Entries, Grids, Logits, Naming, Symbols, Told};
use crate::image::{PixelFormat, Shape};
use crate::latent::{Bottleneck, LATENT_INPUT_MAX, Nvb, Prior, Rvb, Steps, masks};
use crate::nn::{ByteLayer, Linear, Stored};
use crate::pixel::{Blank, Head, HeadTables, Ink, Layers, Layout, PixelModel, Reach};
use crate::scan::IMAGE;

/// The version of the model format that this crate reads.
const FORMAT: &str = "vbc-model-3";

/// Largest magnitude of an activation.
const ACTIVATION_MAX: u32 = 32_767;

/// Pixels of a model's image: positions are inputs and table rows, so there is no use for more.
const MAX_PIXELS: usize = 1 << 14;

/// The model of a file whose id is `id`, or what the file's own numbers make it.
pub(crate) fn build(file: &TensorFile, id: Option<ModelId>) -> Result<Model, Error> {
    let format = file.metadata("format")?;
    if format != FORMAT {
        return Err(match format.starts_with("vbc-model-") {
            true => Error::Unsupported(format!(
                "model format {format:?}; this program reads {FORMAT:?}"
            )),
            false => Error::model("format", format!("{format:?}, {FORMAT:?} expected")),
        });
    }
    for key in HASHED_METADATA {
        file.metadata(key)?;
    }
    let (width, height) = shape(file.metadata("shape")?)?;
    let latent = latent(file, width * height)?;
    let pixel = pixel(file, width, height, latent.as_ref().map_or(0, |l| l.transform.len()))?;
    let naming = match &pixel.layers.grids {
        Some(_) => Some(naming(file, latent.as_ref().map_or(0, |l| l.transform.len()))?),
        None => None,
    };
    let scan = if file.has("scan.plain") {
        Some(bitmap(file, width, height, latent.is_some())?)
    } else {
        None
    };
    let cells = if file.has("cells.plain") {
        let grids = pixel.layers.grids.as_ref();
        let grids = grids.ok_or_else(|| Error::model("cells.plain", "no grids"))?;
        Some(cells(file, grids.classes(), latent.as_ref().map_or(0, |l| l.transform.len()))?)
    } else {
        None
    };
    file.finish()?;
    Ok(Model {
        id: id.map_or_else(|| identify(file), Ok)?,
        name: file.optional_metadata("name").unwrap_or_default().to_owned(),
        provenance: file.optional_metadata("provenance").unwrap_or_default().to_owned(),
        shape: Shape { width: width as u32, height: height as u32, format: PixelFormat::Grey8 },
        compression_factor: if latent.is_some() { file.number("c")? } else { 0 },
        latent,
        pixel,
        naming,
        scan,
        cells,
    })
}

/// `HxWxC` with C = 1.
pub(crate) fn shape(text: &str) -> Result<(usize, usize), Error> {
    let numbers: Result<Vec<usize>, _> = text.split('x').map(str::parse).collect();
    match numbers.as_deref() {
        Ok(&[height, width, 1])
            if height > 0 && width > 0 && height.saturating_mul(width) <= MAX_PIXELS =>
        {
            Ok((width, height))
        }
        Ok(&[_, _, channels]) if channels != 1 => {
            Err(Error::Unsupported(format!("a model of {channels} channels: {text}")))
        }
        _ => Err(Error::model(
            "shape",
            format!("{text:?}, HxWx1 of at most {MAX_PIXELS} pixels expected"),
        )),
    }
}

/// A layer as it is stored.
struct Tensors<'w> {
    inputs: usize,
    outputs: usize,
    weights: &'w [i8],
    bias: Vec<i32>,
    shift: Vec<u8>,
}

impl<'w> Tensors<'w> {
    fn read(file: &TensorFile<'w>, name: &str) -> Result<Self, Error> {
        let weight = format!("{name}.weight");
        let [outputs, inputs] = file.dims(&weight)?;
        let weights = file.i8s(&weight)?;
        let bias = file.i32s(&format!("{name}.bias"))?;
        let shift = file.u8s(&format!("{name}.shift"))?;
        Ok(Tensors { inputs, outputs, weights, bias, shift })
    }
}

fn layer(file: &TensorFile, name: &str, max_input: impl Fn(usize) -> u32) -> Result<Linear, Error> {
    let t = Tensors::read(file, name)?;
    Linear::new(name, t.inputs, t.outputs, t.weights, &t.bias, &t.shift, max_input)
}

fn stored<'w>(
    file: &TensorFile<'w>,
    name: &str,
    max_input: impl Fn(usize) -> u32,
) -> Result<Stored<'w>, Error> {
    let t = Tensors::read(file, name)?;
    Stored::new(name, (t.inputs, t.outputs), t.weights, &t.bias, &t.shift, max_input)
}

fn byte_layer(file: &TensorFile, name: &str) -> Result<ByteLayer<'static>, Error> {
    let t = Tensors::read(file, name)?;
    ByteLayer::new(name, t.inputs, t.outputs, t.weights, &t.bias, &t.shift)
}

/// Flow, bottleneck and steps; `None` for a model without a latent.
pub(crate) fn transform(file: &TensorFile, pixels: usize) -> Result<Option<Transform>, Error> {
    let kind = file.metadata("bottleneck")?;
    if kind == "none" {
        return Ok(None);
    }
    let c: usize = file.number("c")?;
    let len = pixels / c.max(1);
    if c == 0 || len * c != pixels {
        return Err(Error::model("c", format!("{c} does not divide {pixels} pixels")));
    }
    let chunks = file.u32s("latent.chunks")?;
    if chunks.len() != pixels {
        return Err(Error::model(
            "latent.chunks",
            format!("{} positions, {pixels} expected", chunks.len()),
        ));
    }
    let bottleneck: Box<dyn Bottleneck> = match kind {
        "rvb" => Box::new(Rvb::new(&chunks, len)?),
        "nvb" => Box::new(Nvb::new(&chunks, len, file.number("null")?)?),
        other => {
            return Err(Error::model(
                "bottleneck",
                format!("{other:?}; rvb, nvb or none expected"),
            ));
        }
    };
    let steps = Steps::new(file.i32s("latent.step")?)?;
    if steps.len() != len {
        return Err(Error::model("latent.step", format!("{} steps, {len} expected", steps.len())));
    }
    Ok(Some(Transform { flow: flow(file, pixels)?, bottleneck, steps }))
}

fn latent(file: &TensorFile, pixels: usize) -> Result<Option<Latent>, Error> {
    let Some(transform) = transform(file, pixels)? else { return Ok(None) };
    let prior = prior(file, transform.len())?;
    Ok(Some(Latent { transform, prior }))
}

/// The prior of latents of `len` integers.
pub(crate) fn prior(file: &TensorFile, len: usize) -> Result<Prior, Error> {
    let centre = file.i32s("prior.centre")?;
    if centre.len() != len {
        return Err(Error::model(
            "prior.centre",
            format!("{} values, {len} expected", centre.len()),
        ));
    }
    let hidden = stored(file, "prior.hidden", |_| LATENT_INPUT_MAX)?;
    let logits = stored(file, "prior.logits", |_| ACTIVATION_MAX)?;
    let units = hidden.outputs() / len;
    let prior = Prior::new(centre, &hidden, &logits)?;
    masks(len, units, file.i8s("prior.hidden.weight")?, file.i8s("prior.logits.weight")?)?;
    Ok(prior)
}

fn flow(file: &TensorFile, pixels: usize) -> Result<Flow, Error> {
    let slope: u8 = file.number("slope")?;
    if slope > 15 {
        return Err(Error::model("slope", format!("{slope} is above 15")));
    }
    let mut couplings = Vec::new();
    while file.has(&format!("flow.{}.split", couplings.len())) {
        let name = format!("flow.{}", couplings.len());
        let split = file.u8s(&format!("{name}.split"))?;
        if split.len() != pixels {
            return Err(Error::model(
                name,
                format!("a split of {}, {pixels} expected", split.len()),
            ));
        }
        let mut layers = Vec::new();
        while file.has(&format!("{name}.{}.weight", layers.len())) {
            layers.push(layer(file, &format!("{name}.{}", layers.len()), |_| ACTIVATION_MAX)?);
        }
        let last = layers.pop().ok_or_else(|| Error::model(&name, "no layers"))?;
        couplings.push(Coupling::new(&name, &split, layers, last, slope)?);
    }
    Ok(Flow::new(couplings))
}

fn pixel(
    file: &TensorFile,
    width: usize,
    height: usize,
    latent_len: usize,
) -> Result<PixelModel, Error> {
    let grids = if file.has("grid.lines") { Some(grids(file, width, height)?) } else { None };
    // Where cells have a network of their own, this one codes images without a grid.
    let known = grids.as_ref().filter(|_| !file.has("cells.plain"));
    let (classes, knows_grids) = (known.map_or(0, Grids::classes), known.is_some());
    let layout = Layout::new(width, height).with_grids(classes);
    let context = file.metadata("context")?;
    let reach = Reach::parse(context).ok_or_else(|| {
        Error::model("context", format!("{context:?}, RxC of at most 4x6 expected"))
    })?;
    let image =
        if latent_len > 0 { Some(layer(file, "image", |_| LATENT_INPUT_MAX)?) } else { None };
    let row = byte_layer(file, "row")?;
    let pixel = byte_layer(file, "pixel")?;
    let ink = Ink::new(byte_layer(file, "ink")?)?;
    let hidden = byte_layer(file, "hidden")?;
    let high = byte_layer(file, "head.high")?;
    let tables = HeadTables {
        high_image: file.i16s("head.high.image")?,
        high_column: file.i16s("head.high.column")?,
        high_row: file.i16s("head.high.row")?,
        low_image: file.i16s("head.low.image")?,
        low_column: file.i16s("head.low.column")?,
        low_row: file.i16s("head.low.row")?,
    };
    let head = Head::new(high, low_layers(file, "head.low")?, tables, knows_grids)?;
    let blank = Blank::new(
        width * height,
        &file.i16s("blank.position")?,
        &file.i16s("blank.preview")?,
        &file.i16s("blank.high")?,
        &file.i16s("blank.low")?,
    )?;
    let layers = Layers { image, row, pixel, ink, hidden, head, blank, grids };
    PixelModel::new(layout, reach, latent_len, layers)
}

/// What a model with grids has for them.
fn grids(file: &TensorFile, width: usize, height: usize) -> Result<Grids, Error> {
    if (width, height) != (IMAGE, IMAGE) {
        return Err(Error::model("grid", format!("images of {height}x{width}, 28x28 expected")));
    }
    Grids::new(Entries {
        lines: file.u8s("grid.lines")?,
        counts: file.u8s("grid.counts")?,
        greys: file.u8s("grid.greys")?,
        weights: file.u8s("grid.weights")?,
    })
}

/// What says which grid an image has.
fn naming(file: &TensorFile, latent_len: usize) -> Result<Naming, Error> {
    if latent_len > 0 && file.has("told.sides") {
        return Ok(Naming::Told(told(file, latent_len)?));
    }
    let symbols = Symbols::new(&Logits {
        side_high: file.i16s("grid.side.high")?,
        side_low: file.i16s("grid.side.low")?,
        top: file.i16s("grid.top")?,
        left: file.i16s("grid.left")?,
    })?;
    Ok(Naming::Coded(symbols))
}

/// What latents tell of grids.
pub(crate) fn told(file: &TensorFile, latent_len: usize) -> Result<Told, Error> {
    let (columns, sides) = (file.u32s("told.columns")?, file.u8s("told.sides")?);
    let hidden = layer(file, "told.hidden", |_| LATENT_INPUT_MAX)?;
    let place = layer(file, "told.place", |_| ACTIVATION_MAX)?;
    Told::new(latent_len, &columns, sides, [hidden, place])
}

/// What codes the scans behind images.
fn bitmap(
    file: &TensorFile,
    width: usize,
    height: usize,
    has_latent: bool,
) -> Result<BitmapModel, Error> {
    if (width, height) != (IMAGE, IMAGE) {
        return Err(Error::model("scan", format!("images of {height}x{width}, 28x28 expected")));
    }
    let layers = bitmap::Layers {
        inputs: byte_layer(file, "scan.inputs")?,
        hidden: byte_layer(file, "scan.hidden")?,
        ink: Ink::new(byte_layer(file, "scan.ink")?)?,
        plain: file.i16s("scan.plain")?,
        plain_preview: if has_latent { file.i16s("scan.plain.preview")? } else { Vec::new() },
        size_high: file.i16s("scan.size.high")?,
        size_low: file.i16s("scan.size.low")?,
        corrections: file.i16s("scan.corrections")?,
    };
    BitmapModel::new(layers, has_latent)
}

/// What codes the cells of images with a grid.
fn cells(file: &TensorFile, classes: usize, latent_len: usize) -> Result<CellModel, Error> {
    let image =
        if latent_len > 0 { Some(layer(file, "cells.image", |_| LATENT_INPUT_MAX)?) } else { None };
    // Either of the layers whose inputs are table rows.
    let rows = |name: &str, of_classes: Range<usize>| {
        let t = Tensors::read(file, name)?;
        let sizes = (t.inputs, t.outputs);
        let max = |i| if of_classes.contains(&i) { 256 } else { 255 };
        ByteLayer::bounded(name, sizes, Cow::Borrowed(t.weights), &t.bias, &t.shift, max)
    };
    let values = match file.has("cells.value.inputs.weight") {
        true => ValueLayers::Network {
            inputs: rows("cells.value.inputs", cells::value_class_inputs(classes))?,
            hidden: byte_layer(file, "cells.value.hidden")?,
            high: byte_layer(file, "cells.value.high")?,
            low: low_layers(file, "cells.value.low")?,
        },
        false => ValueLayers::Units {
            head: byte_layer(file, "cells.head")?,
            low: file.i16s("cells.low")?,
        },
    };
    let layers = cells::Layers {
        image,
        inputs: rows("cells.inputs", cells::class_inputs(classes))?,
        ink: Ink::new(byte_layer(file, "cells.ink")?)?,
        values,
        plain: file.i16s("cells.plain")?,
        plain_preview: file.i16s("cells.plain.preview")?,
    };
    CellModel::new(layers, classes, latent_len)
}

/// The heads of low nibbles, stored as one tensor of rank 3.
fn low_layers(file: &TensorFile, name: &str) -> Result<Vec<ByteLayer<'static>>, Error> {
    let weight = format!("{name}.weight");
    let [count, outputs, inputs] = file.dims(&weight)?;
    let weights = file.i8s(&weight)?;
    let bias = file.i32s(&format!("{name}.bias"))?;
    let shift = file.u8s(&format!("{name}.shift"))?;
    if bias.len() != count * outputs || shift.len() != count * outputs || outputs * inputs == 0 {
        return Err(Error::model(name, "biases or shifts do not fit the weights"));
    }
    let (w, b, s) = (
        weights.chunks_exact(outputs * inputs),
        bias.chunks_exact(outputs),
        shift.chunks_exact(outputs),
    );
    w.zip(b.zip(s)).map(|(w, (b, s))| ByteLayer::new(name, inputs, outputs, w, b, s)).collect()
}
