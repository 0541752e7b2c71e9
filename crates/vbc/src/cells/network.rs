//! The network: a sum of table rows, and what its units say of ink, of the high nibble, and of how much
//! the rest weighs for either nibble (SPEC.md section 6.9.3).

use fearless_simd::{Level, Simd, dispatch, i32x16, prelude::*};

use super::CELLS;
use super::inputs::{CELL_INPUTS, LEVELS, inputs_len, row_inputs};
use super::lockstep::CellImage;
use super::state::CellState;
use crate::entropy::Distribution;
use crate::error::Error;
use crate::nn::{ByteLayer, Linear, Pair, Quads, TableRows, as_quads};
use crate::pixel::{INPUT_FRAC, Ink, grown, image_terms};

/// Outputs of the head: 16 logits of the high nibble, and how much count, weight and being known weigh;
/// for the low nibble count, what the kind had last, weight and being known.
const HEAD: usize = 16 + HIGH_GATES + LOW_GATES;
const HIGH_GATES: usize = 3;
const LOW_GATES: usize = 4;

/// 1.0 of what gates weigh.
const FUNCTION_ONE: i32 = 256;

/// What a model has for cells, as it is stored.
#[derive(Debug)]
pub(crate) struct Layers {
    /// latent → image vector; `None` without a latent.
    pub image: Option<Linear>,
    /// table rows, then the image vector → units.
    pub inputs: ByteLayer,
    pub ink: Ink,
    pub head: ByteLayer,
    /// `[16][16]`: logits of the low nibble after each high one.
    pub low: Vec<i16>,
    /// `[400][2]` and `[16]`: the logit of ink of a cell without ink near is the sum of two entries.
    pub plain: Vec<i16>,
    pub plain_preview: Vec<i16>,
}

/// What codes the cells of images with a grid.
#[derive(Debug)]
pub(crate) struct CellModel {
    image: Option<(Linear, Quads)>,
    inputs: ByteLayer,
    table: TableRows,
    ink: Ink,
    head: ByteLayer,
    /// The head's weights, and behind them those of ink; and what their sums begin with.
    head_weights: Quads,
    head_start: Vec<i32>,
    low: Vec<[i32; 16]>,
    /// `[cell][has ink][x̂]`.
    plain: Vec<Distribution<2>>,
}

/// Buffers of one evaluation.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    acc: Vec<i32>,
    units: Vec<u8>,
    /// What the head and ink make of the units.
    head: Vec<i32>,
}

impl CellModel {
    /// # Errors
    /// [`Error::Model`] where widths or lengths do not fit each other, the grids or the latent.
    pub fn new(layers: Layers, classes: usize, latent_len: usize) -> Result<Self, Error> {
        let Layers { image, inputs, ink, head, low, plain, plain_preview } = layers;
        let rows = inputs_len(classes);
        let [image_in, image_len] =
            image.as_ref().map_or([0; 2], |image| [image.inputs(), image.outputs()]);
        for (name, found, expected) in [
            ("cells.image", image_in, latent_len),
            ("cells.inputs", inputs.inputs(), rows + image_len),
            ("cells.ink", ink.inputs(), inputs.outputs()),
            ("cells.head", head.inputs(), inputs.outputs()),
            ("cells.head", head.outputs(), HEAD),
            ("cells.low", low.len(), 256),
            ("cells.plain", plain.len(), 2 * CELLS),
            ("cells.plain.preview", plain_preview.len(), LEVELS),
        ] {
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
        let mut head_start = head.start().to_vec();
        head_start[HEAD] = ink.start();
        Ok(CellModel {
            table: inputs.table(0..rows),
            head_weights: head.quads_with(ink.weights()),
            head_start,
            low: low.as_chunks().0.iter().map(|row| row.map(i32::from)).collect(),
            plain: plain.collect(),
            image,
            inputs,
            ink,
            head,
        })
    }

    /// Bytes that an image takes while its cells are coded.
    pub fn bytes_per_image(&self) -> usize {
        CellImage::bytes() + 16 * self.padded() + 4 * self.head_weights.padded()
    }

    pub(super) fn level(&self) -> Level {
        self.inputs.level()
    }

    /// Accumulators of an image's units.
    pub(super) fn padded(&self) -> usize {
        self.inputs.start().len()
    }

    /// What the latents make of the units' accumulators, one row an image. `latents` are the prior's
    /// inputs, each padded to pairs.
    pub(super) fn image_terms(&self, images: usize, latents: &[Pair]) -> Vec<i32> {
        let layer = self.image.as_ref().map(|(layer, weights)| (layer, weights));
        image_terms(self.inputs.start(), layer, images, latents)
    }

    /// What a row's inputs add to an image's accumulators.
    pub(super) fn start_row(&self, s: &CellState, image: &[i32], acc: &mut [i32]) {
        let hot = row_inputs(s);
        dispatch!(self.level(), simd => self.table.sum(simd, image, &hot, INPUT_FRAC, acc));
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
        cells: impl ExactSizeIterator<Item = [u32; CELL_INPUTS]>,
        start: impl Fn(usize) -> &'a [i32],
        scratch: &mut Scratch,
    ) {
        let (padded, count) = (self.padded(), cells.len());
        let Scratch { acc, units, head } = scratch;
        let acc = grown(acc, count * padded);
        for (k, (acc, hot)) in acc.chunks_exact_mut(padded).zip(cells).enumerate() {
            self.table.sum(simd, start(k), &hot, INPUT_FRAC, acc);
        }
        self.inputs.relu(acc, units);
        let units = as_quads(&units[..count * self.inputs.row_bytes()]);
        let head = grown(head, count * self.head_weights.padded());
        self.head_weights.product_from(&self.head_start, units, head);
    }

    /// The distribution of blank and ink of the cell evaluated as number `k`.
    #[inline(always)]
    pub(super) fn ink<'a>(&'a self, scratch: &Scratch, k: usize) -> &'a Distribution<2> {
        self.ink.of_sum(scratch.head[k * self.head_weights.padded() + HEAD])
    }

    /// The logits of the high nibble of the cell evaluated as number `k`.
    #[inline(always)]
    pub(super) fn high<S: Simd>(
        &self,
        simd: S,
        k: usize,
        scratch: &Scratch,
        counts: &[i16; 16],
        weights: &[u8; 16],
    ) -> [i32; 16] {
        let (logits, gates) = self.outputs(simd, k, scratch);
        let sums = gated(simd, counts, gates[0]) + weighed(simd, weights, gates[1], gates[2]);
        (logits + (sums >> 8)).into()
    }

    /// The same of the low nibble after `high`; `last` is what a cell of this kind had last.
    #[inline(always)]
    pub(super) fn low<S: Simd>(
        &self,
        simd: S,
        (k, high): (usize, usize),
        scratch: &Scratch,
        (counts, last): (&[i16; 16], u8),
        weights: &[u8; 16],
    ) -> [i32; 16] {
        let (_, gates) = self.outputs(simd, k, scratch);
        let fits = last != 0 && usize::from(last >> 4) == high;
        let copied = if fits { i32::from(last & 15) } else { 16 };
        let zero = i32x16::splat(simd, 0);
        let places = i32x16::from_slice(simd, &PLACES);
        let copy =
            places.simd_eq(copied).select(i32x16::splat(simd, gates[4] * FUNCTION_ONE), zero);
        let sums =
            gated(simd, counts, gates[3]) + copy + weighed(simd, weights, gates[5], gates[6]);
        let logits = i32x16::from_slice(simd, &self.low[high]);
        (logits + (sums >> 8)).into()
    }

    /// The logits of the high nibble, and the gates.
    #[inline(always)]
    fn outputs<S: Simd>(&self, simd: S, k: usize, scratch: &Scratch) -> (i32x16<S>, [i32; 16]) {
        let padded = self.head_weights.padded();
        let acc = &scratch.head[k * padded..(k + 1) * padded];
        (self.head.tile(simd, acc, 0), self.head.tile(simd, acc, 1).into())
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
