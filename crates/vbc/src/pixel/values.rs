//! Coding the values of the pixels that are ink: all high nibbles of a position, then all low ones
//! (SPEC.md 6.4, 6.6).

use fearless_simd::dispatch;

use super::gated::Seen;
use super::inputs::COPIES;
use super::lockstep::{Coder, Inked};
use super::network::{PixelModel, grown};
use super::state::ImageState;
use crate::entropy::Distribution;
use crate::nn::as_quads;

/// Buffers of one position.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// The pixel layer's activations of the images with ink, and the last hidden layer's.
    pixel: Vec<u8>,
    hidden: Vec<u8>,
    acc: Vec<i32>,
    /// Accumulators of the high nibble's head, and of the low ones' layers.
    high: Vec<i32>,
    low: Vec<i32>,
    /// The evaluations by high nibble, and their rows of the last hidden layer.
    order: Vec<usize>,
    by_high: Vec<u8>,
    /// What is coded next for each image.
    logits: Vec<[i32; 16]>,
    distributions: Vec<Distribution<16>>,
    highs: Vec<u8>,
    /// What the images' grids say of the nibbles that are coded next.
    cells: Vec<[u8; 16]>,
}

impl Values {
    /// Codes the values of the images `inked` in column `x`. `pixel` and `copies` are those of the
    /// position's evaluations. A value of 0 is refused, and stands as 1.
    pub fn code<C: Coder>(
        &mut self,
        model: &PixelModel,
        inked: &[Inked],
        (pixel, copies): (&[u8], &[[u8; COPIES]]),
        (states, seen, x): (&[ImageState], &[Seen], usize),
        (lanes, coders): (&[usize], &mut [C]),
        values: &mut [u8],
    ) {
        self.hidden_layer(model, inked, pixel);
        let (layers, count) = (&model.layers, inked.len());
        let (head, level) = (&layers.head, layers.hidden.level());
        let (padded, stride) = (head.padded(), layers.hidden.row_bytes());
        let high = grown(&mut self.high, count * padded);
        head.high_sums(as_quads(&self.hidden[..count * stride]), high);
        let logits = grown(&mut self.logits, count);
        let distributions = grown(&mut self.distributions, count);
        let highs = grown(&mut self.highs, count);
        let cells = grown(&mut self.cells, count);
        dispatch!(level, simd => {
            // By themselves, so that the caches can look for all of them at once.
            for (inked, cell) in inked.iter().zip(&mut *cells) {
                *cell = model.cell(&states[inked.image], x)[0];
            }
            let rows = inked.iter().zip(high.chunks_exact(padded)).zip(&*cells);
            for (((&Inked { image, row }, acc), cell), logits) in rows.zip(&mut *logits) {
                *logits = head.high(simd, acc, &seen[image], (x, cell), &copies[row]);
            }
            Distribution::of_each(simd, logits, distributions);
            for ((inked, d), h) in inked.iter().zip(&*distributions).zip(&mut *highs) {
                let symbol = usize::from(values[inked.image] >> 4);
                *h = coders[lanes[inked.image]].symbol(d, symbol) as u8;
            }
        });
        self.low_layers(model, count);
        let (low_padded, highs) = (head.low_padded(), &self.highs[..count]);
        let (logits, distributions) = (&mut self.logits[..count], &mut self.distributions[..count]);
        let cells = &mut self.cells[..count];
        dispatch!(level, simd => {
            for ((inked, cell), &high) in inked.iter().zip(&mut *cells).zip(highs) {
                *cell = model.cell(&states[inked.image], x)[1 + usize::from(high % 16)];
            }
            for (&k, acc) in self.order[..count].iter().zip(self.low.chunks_exact(low_padded)) {
                let Inked { image, row } = inked[k];
                let of = (&seen[image], &states[image], x);
                let high = usize::from(highs[k]);
                logits[k] = head.low(simd, high, acc, of, &cells[k], &copies[row]);
            }
            Distribution::of_each(simd, logits, distributions);
            for ((inked, d), &h) in inked.iter().zip(&*distributions).zip(highs) {
                let coder = &mut coders[lanes[inked.image]];
                let value = &mut values[inked.image];
                *value = h << 4 | coder.symbol(d, usize::from(*value & 15)) as u8;
                if *value == 0 {
                    coder.refuse();
                    *value = 1;
                }
            }
        });
    }

    fn hidden_layer(&mut self, model: &PixelModel, inked: &[Inked], pixel: &[u8]) {
        let (layer, stride) = (&model.layers.hidden, model.layers.pixel.row_bytes());
        let rows = grown(&mut self.pixel, inked.len() * stride);
        for (to, inked) in rows.chunks_exact_mut(stride).zip(inked) {
            to.copy_from_slice(&pixel[inked.row * stride..(inked.row + 1) * stride]);
        }
        let acc = grown(&mut self.acc, inked.len() * model.hidden.padded());
        model.hidden.product_from(layer.start(), as_quads(rows), acc);
        layer.relu(acc, &mut self.hidden);
    }

    /// Sorts the rows by high nibble, so that one layer's rows are one product.
    fn low_layers(&mut self, model: &PixelModel, count: usize) {
        let head = &model.layers.head;
        let (stride, padded) = (model.layers.hidden.row_bytes(), head.low_padded());
        let order = grown(&mut self.order, count);
        let by_high = grown(&mut self.by_high, count * stride);
        let low = grown(&mut self.low, count * padded);
        let highs = &self.highs[..count];
        let mut starts = [0; 17];
        for &h in highs {
            starts[usize::from(h % 16) + 1] += 1;
        }
        for h in 1..starts.len() {
            starts[h] += starts[h - 1];
        }
        let mut next = starts;
        for ((k, &h), hidden) in highs.iter().enumerate().zip(self.hidden.chunks_exact(stride)) {
            let at = next[usize::from(h % 16)];
            next[usize::from(h % 16)] += 1;
            order[at] = k;
            by_high[at * stride..(at + 1) * stride].copy_from_slice(hidden);
        }
        for (h, from_to) in starts.windows(2).enumerate() {
            let [from, to] = [from_to[0], from_to[1]];
            if from < to {
                let rows = as_quads(&by_high[from * stride..to * stride]);
                head.low_sums(h, rows, &mut low[from * padded..to * padded]);
            }
        }
    }
}
