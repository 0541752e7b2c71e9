//! The network: a sum of table rows, and what its units say of ink; and what else says of nibbles, and how much the
//! rest weighs for either of them (SPEC.md section 6.9.3).

use fearless_simd::{Level, Simd, dispatch, i32x16, prelude::*};

use super::CELLS;
use super::inputs::{CELL_INPUTS, LEVELS, inputs_len, row_inputs, value_row_inputs};
use super::lockstep::CellImage;
use super::state::CellState;
use super::values::{UnitHead, ValueInputs, ValueLayers, ValueScratch, Values};
use super::whole::Buffers;
use crate::entropy::Distribution;
use crate::error::Error;
use crate::nn::{ByteLayer, Ends, Linear, Pair, Quads, TableRows, as_quads};
use crate::pixel::{INPUT_FRAC, Ink, grown, image_terms};
use crate::pool::Pool;

/// Cells whose accumulators are made at a time: few enough for the nearest cache.
pub(super) const TOGETHER: usize = 32;

/// 1.0 of what gates weigh.
const FUNCTION_ONE: i32 = 256;

/// What a model has for cells, as it is stored.
#[derive(Debug)]
pub(crate) struct Layers<'w> {
    /// latent → image vector; `None` without a latent.
    pub image: Option<Linear>,
    /// table rows, then the image vector → units.
    pub inputs: ByteLayer<'w>,
    pub ink: Ink,
    pub values: ValueLayers<'w>,
    /// `[400][2]` and `[16]`: the logit of ink of a cell without ink near is the sum of two entries.
    pub plain: Vec<i16>,
    pub plain_preview: Vec<i16>,
}

/// What codes the cells of images with a grid.
#[derive(Debug)]
pub(crate) struct CellModel {
    image: Option<(Linear, Quads)>,
    inputs: Ends,
    table: TableRows,
    ink: Ink,
    values: Values,
    /// `[cell][has ink][x̂]`.
    plain: Vec<Distribution<2>>,
    /// Those of encoders.
    pub(super) buffers: Pool<Buffers>,
}

/// Buffers of one evaluation.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    acc: Vec<i32>,
    units: Vec<u8>,
    /// What a layer of the units and ink make of them.
    pub head: Vec<i32>,
    pub value: ValueScratch,
}

/// Accumulators of the units of some images, and of those of a network of values, one row an image.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    pub units: Vec<i32>,
    pub values: Vec<i32>,
}

impl CellModel {
    /// # Errors
    /// [`Error::Model`] where widths or lengths do not fit each other, the grids or the latent.
    pub fn new(layers: Layers, classes: usize, latent_len: usize) -> Result<Self, Error> {
        let Layers { image, inputs, ink, values, plain, plain_preview } = layers;
        let rows = inputs_len(classes);
        let [image_in, image_len] =
            image.as_ref().map_or([0; 2], |image| [image.inputs(), image.outputs()]);
        let sizes = [
            ("cells.image", image_in, latent_len),
            ("cells.inputs", inputs.inputs(), rows + image_len),
            ("cells.ink", ink.inputs(), inputs.outputs()),
            ("cells.plain", plain.len(), 2 * CELLS),
            ("cells.plain.preview", plain_preview.len(), LEVELS),
        ];
        let of_values = values.sizes(classes, [inputs.outputs(), image_len]);
        for (name, found, expected) in sizes.into_iter().chain(of_values) {
            if found != expected {
                return Err(Error::model(
                    name,
                    format!("{found} inputs, outputs or entries, {expected} expected"),
                ));
            }
        }
        let image_outputs = image.as_ref().map(|image| ("cells.image", image.outputs()));
        for (name, outputs) in image_outputs.into_iter().chain([("cells.inputs", inputs.outputs())])
        {
            if outputs == 0 {
                return Err(Error::model(name, "no outputs"));
            }
        }
        let image = image.map(|layer| (layer, inputs.quads(rows..rows + image_len)));
        let plain = plain.iter().flat_map(|&a| {
            plain_preview.iter().map(move |&b| Distribution::new(&[0, i32::from(a) + i32::from(b)]))
        });
        Ok(CellModel {
            table: inputs.table(0..rows),
            values: Values::new(values, (ink.weights(), ink.start()), classes, image_len)?,
            plain: plain.collect(),
            buffers: Pool::default(),
            image,
            inputs: inputs.into_ends(),
            ink,
        })
    }

    /// Bytes that an image takes while its cells are coded.
    pub fn bytes_per_image(&self) -> usize {
        let of_values = match &self.values {
            Values::Units(units) => 4 * units.weights.padded(),
            Values::Network(network) => network.bytes() + 8 * network.padded(),
        };
        CellImage::bytes() + 16 * self.padded() + of_values
    }

    pub(super) fn level(&self) -> Level {
        self.inputs.level()
    }

    /// Accumulators of an image's units.
    fn padded(&self) -> usize {
        self.inputs.start().len()
    }

    /// Accumulators that an image has in either of [`Sums`].
    pub(super) fn strides(&self) -> [usize; 2] {
        [self.padded(), self.values.network().map_or(0, |network| network.padded())]
    }

    /// What the latents make of the units' accumulators. `latents` are the prior's inputs, each padded to pairs.
    pub(super) fn image_terms(&self, images: usize, latents: &[Pair]) -> Sums {
        let layer = self.image.as_ref();
        let values = self.values.network().map(|network| {
            let (start, weights) = network.image();
            image_terms(start, layer.map(|(layer, _)| (layer, weights)), images, latents)
        });
        let of_units = layer.map(|(layer, weights)| (layer, weights));
        Sums {
            units: image_terms(self.inputs.start(), of_units, images, latents),
            values: values.unwrap_or_default(),
        }
    }

    /// What a row's inputs add to an image's accumulators, `image` being those of its latent.
    pub(super) fn start_row(&self, s: &CellState, image: [&[i32]; 2], acc: [&mut [i32]; 2]) {
        let (hot, [units, values]) = (row_inputs(s), acc);
        dispatch!(self.level(), simd => {
            self.table.sum(simd, image[0], &hot, INPUT_FRAC, units);
        });
        if let Some(network) = self.values.network() {
            network.start_row(&value_row_inputs(hot), image[1], values);
        }
    }

    /// The distribution of blank and ink of the cell in column `x`, without ink near.
    #[inline(always)]
    pub(super) fn plain(&self, s: &CellState, x: usize) -> &Distribution<2> {
        let place = 2 * s.cell(x) + usize::from(s.has_ink());
        &self.plain[place * LEVELS + s.class(x)]
    }

    /// Evaluates cells: `cells` are their numbers, and `start(k)` the row's accumulators of cell k.
    #[inline(always)]
    pub(super) fn evaluate<'a, S: Simd>(
        &self,
        simd: S,
        mut cells: impl ExactSizeIterator<Item = [u32; CELL_INPUTS]>,
        start: impl Fn(usize) -> &'a [i32],
        scratch: &mut Scratch,
    ) {
        let (padded, stride, count) = (self.padded(), self.inputs.row_bytes(), cells.len());
        let Scratch { acc, units, head, .. } = scratch;
        let units = grown(units, count * stride);
        for (units, first) in units.chunks_mut(TOGETHER * stride).zip((0..).step_by(TOGETHER)) {
            let acc = grown(acc, units.len() / stride * padded);
            for (k, (acc, hot)) in acc.chunks_exact_mut(padded).zip(cells.by_ref()).enumerate() {
                self.table.sum(simd, start(first + k), &hot, INPUT_FRAC, acc);
            }
            self.inputs.relu_to(acc, units);
        }
        if let Values::Units(of_units) = &self.values {
            let units = as_quads(units);
            let head = grown(head, count * of_units.weights.padded());
            of_units.weights.product_from(&of_units.start, units, head);
        }
    }

    /// Whether [`evaluate_values`](Self::evaluate_values) and [`evaluate_low`](Self::evaluate_low) do anything.
    pub(super) fn has_network(&self) -> bool {
        self.values.network().is_some()
    }

    /// Evaluates a network of values, if there is one, for cells that are ink: `cells` are their numbers, and
    /// `start(k)` the row's accumulators of cell k.
    #[inline(always)]
    pub(super) fn evaluate_values<'a, S: Simd>(
        &self,
        simd: S,
        cells: impl ExactSizeIterator<Item = ValueInputs>,
        start: impl Fn(usize) -> &'a [i32],
        scratch: &mut Scratch,
    ) {
        if let Some(network) = self.values.network() {
            network.evaluate(simd, cells, start, &mut scratch.value);
        }
    }

    /// The same of low nibbles after these high ones.
    pub(super) fn evaluate_low(&self, highs: &[u8], scratch: &mut Scratch) {
        if let Some(network) = self.values.network() {
            network.evaluate_low(highs, &mut scratch.value);
        }
    }

    /// The distribution of blank and ink of the cell evaluated as number `k`.
    #[inline(always)]
    pub(super) fn ink<'a>(&'a self, scratch: &Scratch, k: usize) -> &'a Distribution<2> {
        match &self.values {
            Values::Units(units) => {
                self.ink.of_sum(scratch.head[k * units.weights.padded() + UnitHead::INK])
            }
            Values::Network(_) => {
                let stride = self.inputs.row_bytes();
                self.ink.distribution(&scratch.units[k * stride..(k + 1) * stride])
            }
        }
    }

    /// The logits of the high nibble of the cell evaluated as number `of[0]`, which is the ink of number `of[1]`.
    #[inline(always)]
    pub(super) fn high<S: Simd>(
        &self,
        simd: S,
        of: [usize; 2],
        scratch: &Scratch,
        counts: &[i16; 16],
        weights: &[u8; 16],
    ) -> [i32; 16] {
        let out = self.values.high(simd, of, scratch);
        let [count, weight, known] = out.gates;
        let sums = gated(simd, counts, count) + weighed(simd, weights, weight, known);
        (out.logits + (sums >> 8)).into()
    }

    /// The same of the low nibble after `high`; `last` is what a cell of this kind had last.
    #[inline(always)]
    pub(super) fn low<S: Simd>(
        &self,
        simd: S,
        (of, high): ([usize; 2], usize),
        scratch: &Scratch,
        (counts, last): (&[i16; 16], u8),
        weights: &[u8; 16],
    ) -> [i32; 16] {
        let out = self.values.low(simd, of, high, scratch);
        let [count, copy, weight, known] = out.gates;
        let fits = last != 0 && usize::from(last >> 4) == high;
        let copied = if fits { i32::from(last & 15) } else { 16 };
        let zero = i32x16::splat(simd, 0);
        let places = i32x16::from_slice(simd, &PLACES);
        let copy = places.simd_eq(copied).select(i32x16::splat(simd, copy * FUNCTION_ONE), zero);
        let sums = gated(simd, counts, count) + copy + weighed(simd, weights, weight, known);
        (out.logits + (sums >> 8)).into()
    }
}

static PLACES: [i32; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// What a gate makes of functions of counts, and what rounds the sum.
#[inline(always)]
fn gated<S: Simd>(simd: S, functions: &[i16; 16], gate: i32) -> i32x16<S> {
    let functions = i32x16::from_slice(simd, &functions.map(i32::from));
    functions * i32x16::splat(simd, gate) + FUNCTION_ONE / 2
}

/// What gates make of a cell's weights as sixteenths, and of whether there is one.
#[inline(always)]
fn weighed<S: Simd>(simd: S, weights: &[u8; 16], weight: i32, known: i32) -> i32x16<S> {
    let zero = i32x16::splat(simd, 0);
    let weights = i32x16::from_slice(simd, &weights.map(i32::from));
    let known = weights.simd_gt(zero).select(i32x16::splat(simd, known * FUNCTION_ONE), zero);
    (weights << 4) * i32x16::splat(simd, weight) + known
}
