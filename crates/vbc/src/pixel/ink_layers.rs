//! What the network makes of pixels that are ink: the last hidden layer, and the heads' sums (SPEC.md 6.3).

use std::ops::Range;

use super::by_nibble::ByNibble;
use super::network::{PixelModel, grown};
use crate::nn::as_quads;

/// Buffers of some evaluations.
#[derive(Debug, Default)]
pub(super) struct InkLayers {
    /// The pixel layer's activations of the ink, and the last hidden layer's.
    pixel: Vec<u8>,
    hidden: Vec<u8>,
    acc: Vec<i32>,
    /// Accumulators of the high nibble's head, and of the low ones' layers.
    high: Vec<i32>,
    low: Vec<i32>,
    /// Rows of the last hidden layer.
    by_high: ByNibble,
}

impl InkLayers {
    /// The accumulators of the high nibble's head for some of the `rows` of the pixel layer's activations.
    pub fn high(
        &mut self,
        model: &PixelModel,
        pixel: &[u8],
        rows: impl ExactSizeIterator<Item = usize>,
    ) -> &[i32] {
        let (layer, stride) = (&model.layers.hidden, model.layers.pixel.row_bytes());
        let count = rows.len();
        let inked = grown(&mut self.pixel, count * stride);
        for (to, row) in inked.chunks_exact_mut(stride).zip(rows) {
            to.copy_from_slice(&pixel[row * stride..(row + 1) * stride]);
        }
        let acc = grown(&mut self.acc, count * model.hidden.padded());
        model.hidden.product_from(layer.start(), as_quads(inked), acc);
        layer.relu(acc, &mut self.hidden);
        let head = &model.layers.head;
        let high = grown(&mut self.high, count * head.padded());
        head.high_sums(as_quads(&self.hidden[..count * layer.row_bytes()]), high);
        high
    }

    /// The accumulators of the low nibbles' layers for the rows that [`high`](Self::high) was asked for, whose
    /// high nibbles these are: sorted by them, so that one layer's rows are one product. The first list says
    /// which row each is of.
    pub fn low(&mut self, model: &PixelModel, highs: &[u8]) -> (&[usize], &[i32]) {
        let head = &model.layers.head;
        let (stride, padded) = (model.layers.hidden.row_bytes(), head.low_padded());
        let low = grown(&mut self.low, highs.len() * padded);
        self.by_high.sort(highs, &self.hidden, stride);
        for (h, Range { start, end }, rows) in self.by_high.each() {
            head.low_sums(h, as_quads(rows), &mut low[start * padded..end * padded]);
        }
        (self.by_high.order(), low)
    }

    /// Row `k` of what [`high`](Self::high) gave.
    #[inline(always)]
    pub fn high_row(&self, model: &PixelModel, k: usize) -> &[i32] {
        let padded = model.layers.head.padded();
        &self.high[k * padded..(k + 1) * padded]
    }

    /// Row `k` of what [`low`](Self::low) gave.
    #[inline(always)]
    pub fn low_row(&self, model: &PixelModel, k: usize) -> &[i32] {
        let padded = model.layers.head.low_padded();
        &self.low[k * padded..(k + 1) * padded]
    }
}
