//! What the network makes of pixels that are ink: the last hidden layer, and the heads' sums (SPEC.md 6.3).

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
    /// The evaluations by high nibble, and their rows of the last hidden layer.
    order: Vec<usize>,
    by_high: Vec<u8>,
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
        let (head, count) = (&model.layers.head, highs.len());
        let (stride, padded) = (model.layers.hidden.row_bytes(), head.low_padded());
        let order = grown(&mut self.order, count);
        let by_high = grown(&mut self.by_high, count * stride);
        let low = grown(&mut self.low, count * padded);
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
        (order, low)
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
