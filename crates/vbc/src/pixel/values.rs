//! Coding the values of the pixels that are ink: all high nibbles of a position, then all low ones
//! (SPEC.md 6.4, 6.6).

use fearless_simd::dispatch;

use super::gated::Seen;
use super::ink_layers::InkLayers;
use super::inputs::COPIES;
use super::lockstep::{Coder, Inked};
use super::network::{PixelModel, grown};
use super::state::ImageState;
use crate::entropy::Distribution;

/// Buffers of one position.
#[derive(Debug, Default)]
pub(super) struct Values {
    layers: InkLayers,
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
        let count = inked.len();
        let (head, level) = (&model.layers.head, model.layers.hidden.level());
        let high = self.layers.high(model, pixel, inked.iter().map(|inked| inked.row));
        let logits = grown(&mut self.logits, count);
        let distributions = grown(&mut self.distributions, count);
        let highs = grown(&mut self.highs, count);
        let cells = grown(&mut self.cells, count);
        dispatch!(level, simd => {
            // By themselves, so that the caches can look for all of them at once.
            for (inked, cell) in inked.iter().zip(&mut *cells) {
                *cell = model.cell(&states[inked.image], x)[0];
            }
            let rows = inked.iter().zip(high.chunks_exact(head.padded())).zip(&*cells);
            for (((&Inked { image, row }, acc), cell), logits) in rows.zip(&mut *logits) {
                *logits = head.high(simd, acc, &seen[image], (x, cell), &copies[row]);
            }
            Distribution::of_each(simd, logits, distributions);
            for ((inked, d), h) in inked.iter().zip(&*distributions).zip(&mut *highs) {
                let symbol = usize::from(values[inked.image] >> 4);
                *h = coders[lanes[inked.image]].symbol(d, symbol) as u8;
            }
        });
        let highs = &self.highs[..count];
        let (order, low) = self.layers.low(model, highs);
        let (logits, distributions) = (&mut self.logits[..count], &mut self.distributions[..count]);
        let cells = &mut self.cells[..count];
        dispatch!(level, simd => {
            for ((inked, cell), &high) in inked.iter().zip(&mut *cells).zip(highs) {
                *cell = model.cell(&states[inked.image], x)[1 + usize::from(high % 16)];
            }
            for (&k, acc) in order.iter().zip(low.chunks_exact(head.low_padded())) {
                let Inked { image, row } = inked[k];
                let of = (&seen[image], &states[image].counts, x);
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
}
