//! The network: a sum of table rows, a hidden layer, one logit (SPEC.md section 6.7).

use fearless_simd::{Level, dispatch};

use super::history::History;
use super::inputs::{INPUTS, PIXEL_INPUTS, POINT_INPUTS, ROW_INPUTS, row_inputs};
use super::plain::PLAIN_CONTEXTS;
use super::preview::{GREYS, POINTS};
use crate::entropy::Distribution;
use crate::error::Error;
use crate::nn::{ByteLayer, Quads, TableRows, as_quads};
use crate::pixel::{Ink, grown};
use crate::scan::{MAX_SIDE, MIN_SIDE};

/// Fractional bits of an input.
const INPUT_FRAC: u32 = crate::pixel::INPUT_FRAC;

/// Values of a scan's size as they are coded: 0 for no scan, then the sizes from the smallest on.
pub(super) const SIZES: usize = MAX_SIDE - MIN_SIDE + 2;

/// What a model has for scans, as it is stored.
#[derive(Debug)]
pub(crate) struct Layers {
    /// Of [`INPUTS`] inputs.
    pub inputs: ByteLayer<'static>,
    pub hidden: ByteLayer<'static>,
    pub ink: Ink,
    /// The logit of black in each context without both colours near, `[PLAIN_CONTEXTS]`, and what a
    /// grey of x̂ adds to it, `[GREYS]`; empty without a latent.
    pub plain: Vec<i16>,
    pub plain_preview: Vec<i16>,
    /// Logits of the size's nibbles, `[16]` and `[16][16]`.
    pub size_high: Vec<i16>,
    pub size_low: Vec<i16>,
    /// Logits of the number of corrections, `[16]`.
    pub corrections: Vec<i16>,
}

/// What codes scans.
#[derive(Debug)]
pub(crate) struct BitmapModel {
    inputs: ByteLayer<'static>,
    table: TableRows,
    hidden: ByteLayer<'static>,
    weights: Quads,
    ink: Ink,
    plain: Vec<i16>,
    plain_preview: Vec<i16>,
    pub(super) size_high: Distribution<16>,
    pub(super) size_low: Vec<Distribution<16>>,
    pub(super) corrections: Distribution<16>,
}

/// Buffers of one evaluation.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    acc: Vec<i32>,
    /// Accumulators of one pixel after x̂'s points.
    before: Vec<i32>,
    first: Vec<u8>,
    last: Vec<u8>,
}

impl BitmapModel {
    /// # Errors
    /// [`Error::Model`] where widths or lengths do not fit each other or the latent.
    pub fn new(layers: Layers, has_latent: bool) -> Result<Self, Error> {
        let Layers { inputs, hidden, ink, .. } = layers;
        let Layers { plain, plain_preview, size_high, size_low, corrections, .. } = layers;
        let points = if has_latent { POINT_INPUTS } else { 0 };
        let greys = if has_latent { GREYS as usize } else { 0 };
        for (name, found, expected) in [
            ("scan.inputs", inputs.inputs(), INPUTS + points),
            ("scan.hidden", hidden.inputs(), inputs.outputs()),
            ("scan.ink", ink.inputs(), hidden.outputs()),
            ("scan.plain", plain.len(), PLAIN_CONTEXTS),
            ("scan.plain.preview", plain_preview.len(), greys),
            ("scan.size.high", size_high.len(), 16),
            ("scan.size.low", size_low.len(), 256),
            ("scan.corrections", corrections.len(), 16),
        ] {
            if found != expected {
                return Err(Error::model(
                    name,
                    format!("{found} inputs or entries, {expected} expected"),
                ));
            }
        }
        for (name, outputs) in
            [("scan.inputs", inputs.outputs()), ("scan.hidden", hidden.outputs())]
        {
            if outputs == 0 {
                return Err(Error::model(name, "no outputs"));
            }
        }
        let sixteen = |l: &[i16]| {
            Distribution::new(&std::array::from_fn(|i| l.get(i).map_or(0, |&v| i32::from(v))))
        };
        Ok(BitmapModel {
            table: inputs.table(0..INPUTS + points),
            weights: hidden.quads(0..hidden.inputs()),
            plain,
            plain_preview,
            size_high: sixteen(&size_high),
            size_low: size_low.chunks_exact(16).map(sixteen).collect(),
            corrections: sixteen(&corrections),
            inputs,
            hidden,
            ink,
        })
    }

    /// Bytes that an image takes while its scan is coded.
    pub fn bytes_per_image(&self) -> usize {
        let each = self.inputs.start().len() + self.weights.padded();
        History::bytes() + 8 * each + size_of::<[u32; PIXEL_INPUTS + POINTS]>()
    }

    pub(super) fn level(&self) -> Level {
        self.inputs.level()
    }

    /// Accumulators of a row of the first layer.
    pub(super) fn padded(&self) -> usize {
        self.inputs.start().len()
    }

    /// What a row's inputs make of the first layer's accumulators.
    pub(super) fn start_row(&self, h: &History, acc: &mut [i32]) {
        let hot: [u32; ROW_INPUTS] = row_inputs(h);
        let (table, start) = (&self.table, self.inputs.start());
        dispatch!(self.inputs.level(), simd => table.sum(simd, start, &hot, INPUT_FRAC, acc));
    }

    /// The distribution of a pixel without both colours near, by its context and x̂'s grey.
    #[inline(always)]
    pub(super) fn plain(&self, context: usize, grey: usize) -> &Distribution<2> {
        let preview = self.plain_preview.get(grey).copied().unwrap_or(0);
        self.ink.of(i32::from(self.plain[context]) + i32::from(preview))
    }

    /// Evaluates pixels: `start(k)` are the row's accumulators of pixel k. `points` are what x̂ adds to
    /// each pixel's numbers, none without a latent.
    pub(super) fn evaluate<'a>(
        &self,
        pixels: &[[u32; PIXEL_INPUTS]],
        points: &[[u32; POINTS]],
        start: impl Fn(usize) -> &'a [i32],
        scratch: &mut Scratch,
    ) {
        let padded = self.padded();
        let acc = grown(&mut scratch.acc, pixels.len() * padded);
        let before = grown(&mut scratch.before, padded);
        dispatch!(self.inputs.level(), simd => {
            for (k, (acc, hot)) in acc.chunks_exact_mut(padded).zip(pixels).enumerate() {
                let Some(points) = points.get(k) else {
                    self.table.sum(simd, start(k), hot, INPUT_FRAC, acc);
                    continue;
                };
                self.table.sum(simd, start(k), points, INPUT_FRAC, before);
                self.table.sum(simd, before, hot, INPUT_FRAC, acc);
            }
        });
        self.inputs.relu(acc, &mut scratch.first);
        let first = &scratch.first[..pixels.len() * self.inputs.row_bytes()];
        let acc = grown(&mut scratch.acc, pixels.len() * self.weights.padded());
        self.weights.product_from(self.hidden.start(), as_quads(first), acc);
        self.hidden.relu(acc, &mut scratch.last);
    }

    /// The distributions of white and black of the pixels evaluated last.
    #[inline(always)]
    pub(super) fn distributions<'a>(
        &'a self,
        scratch: &'a Scratch,
    ) -> impl Iterator<Item = &'a Distribution<2>> {
        let rows = scratch.last.chunks_exact(self.hidden.row_bytes());
        rows.map(|row| self.ink.distribution(row))
    }
}
