//! Coding the pixels of many images side by side, one position after the other (SPEC.md 6.3, 6.6).
//!
//! The row part of all columns that see ink above runs at the start of a row, that of the others
//! when ink to their left comes into sight; the pixel part of a position runs for all images at
//! once. What a network gives does not depend on what else is evaluated beside it.
//!
//! At a position the distributions of all high nibbles are made before the first of them is coded,
//! and so are those of the low ones: neither the network nor the distributions wait for the coder,
//! and the coders of several lanes need not wait for each other.

use fearless_simd::dispatch;

use super::gated::Seen;
use super::inputs::COPIES;
use super::network::{InputRows, PixelModel};
use super::state::ImageState;
use crate::entropy::{Decoder, Distribution, Encoder};
use crate::nn::Act;

/// Encoder and decoder as one: the same steps run in both directions.
pub(crate) trait Coder {
    /// Codes a symbol. An encoder writes `symbol` and returns it; a decoder ignores it and returns
    /// what it reads.
    fn symbol<const N: usize>(&mut self, distribution: &Distribution<N>, symbol: usize) -> usize;

    /// Marks what was read as something no encoder writes.
    fn refuse(&mut self) {}

    /// Whether all that was read can come from an encoder; if not, there is no use in going on.
    fn is_valid(&self) -> bool {
        true
    }
}

impl Coder for Encoder {
    #[inline(always)]
    fn symbol<const N: usize>(&mut self, distribution: &Distribution<N>, symbol: usize) -> usize {
        distribution.encode(symbol, self);
        symbol
    }
}

impl Coder for Decoder<'_> {
    #[inline(always)]
    fn symbol<const N: usize>(&mut self, distribution: &Distribution<N>, _: usize) -> usize {
        distribution.decode(self)
    }

    fn refuse(&mut self) {
        Decoder::refuse(self);
    }

    fn is_valid(&self) -> bool {
        Decoder::is_valid(self)
    }
}

/// Images in lock step: what is known of each, and what its latent says.
#[derive(Debug)]
pub(crate) struct Lockstep<'a> {
    model: &'a PixelModel,
    pub states: Vec<ImageState>,
    /// What the heads know of each image's counts.
    seen: Vec<Seen>,
    /// The row part's accumulators at the start, one row an image.
    terms: Vec<i32>,
    /// The pixel part's accumulators after the row vector, for what was evaluated of the row.
    columns: Vec<i32>,
    /// Where in `columns` those of a position are, `[image][column]`.
    places: Vec<usize>,
    scratch: Scratch,
}

/// Buffers of one evaluation.
#[derive(Debug, Default)]
struct Scratch {
    inputs: InputRows,
    acc: Vec<i32>,
    row: Vec<i16>,
    pixel: Vec<i16>,
    hidden: Vec<i16>,
    /// Accumulators of the high nibble's head.
    high: Vec<i32>,
    copies: Vec<[u8; COPIES]>,
    /// The evaluations by high nibble.
    order: Vec<usize>,
    /// Their rows of the last hidden layer, and accumulators of the low nibbles' layers.
    by_high: Vec<i16>,
    low: Vec<i32>,
    /// What is coded next, for each image that the network codes.
    distributions: Vec<Distribution<16>>,
    highs: Vec<u8>,
}

/// Positions that the row part takes at a time: few enough for the nearest cache.
const ROW_BATCH: usize = 32;

impl<'a> Lockstep<'a> {
    /// `terms` are the images' [`PixelModel::image_terms`].
    pub fn new(model: &'a PixelModel, states: Vec<ImageState>, terms: Vec<i32>) -> Self {
        let width = model.layout.width();
        let places = vec![0; states.len() * width];
        let seen = vec![Seen::new(model.layers.head.gated(), width); states.len()];
        let scratch = Scratch::default();
        Lockstep { model, states, seen, terms, columns: Vec::new(), places, scratch }
    }

    /// Codes all pixels, position-major, those of image i with coder i modulo their number.
    /// `value(i, p)` is pixel p of image i, which only an encoder needs. Stops early where a coder
    /// is no longer valid.
    pub fn code<C: Coder>(&mut self, coders: &mut [C], value: impl Fn(usize, usize) -> u8) {
        let (width, height) = (self.model.layout.width(), self.model.layout.height());
        let (images, lanes) = (self.states.len(), coders.len());
        let lanes: Vec<usize> = (0..images).map(|i| i % lanes).collect();
        let (mut positions, mut active) = (Vec::new(), Vec::new());
        let mut values = vec![0; images];
        for y in 0..height {
            positions.clear();
            self.columns.clear();
            for (i, s) in self.states.iter().enumerate() {
                positions.extend((0..width).filter(|&x| s.has_ink_above(x)).map(|x| (i, x)));
            }
            self.row_part(&positions);
            for x in 0..width {
                if !coders.iter().all(C::is_valid) {
                    return;
                }
                active.clear();
                positions.clear();
                for (i, s) in self.states.iter().enumerate() {
                    values[i] = value(i, y * width + x);
                    if s.has_context() {
                        active.push(i);
                        if !s.has_ink_above(x) {
                            positions.push((i, x));
                        }
                    } else {
                        let blank = &self.model.layers.blank;
                        values[i] = blank.code(s, &mut coders[lanes[i]], values[i]);
                    }
                }
                self.row_part(&positions);
                self.pixel_part(&active, x);
                self.code_active(&active, &lanes, coders, &mut values);
                self.push(&values);
            }
        }
    }

    /// Takes in a pixel of every image.
    fn push(&mut self, values: &[u8]) {
        let gated = self.model.layers.head.gated();
        for ((s, seen), &value) in self.states.iter_mut().zip(&mut self.seen).zip(values) {
            let x = s.x;
            s.push(value);
            if value != 0 {
                seen.add(gated, &s.counts, x, value);
            }
            if s.x == 0 {
                seen.start_row();
            }
        }
    }

    /// Evaluates the row part for (image, column) of the current row.
    fn row_part(&mut self, positions: &[(usize, usize)]) {
        let Lockstep { model, states, terms, columns, places, scratch, .. } = self;
        let Scratch { inputs, acc, row, .. } = scratch;
        let (stride, padded) = (model.layers.row.weights().padded(), model.row_vector.padded());
        let mut scalars = None;
        for positions in positions.chunks(ROW_BATCH) {
            inputs.clear();
            dispatch!(model.row_vector.level(), _simd => for &(i, x) in positions {
                let s = &states[i];
                let (_, scalars) = match scalars {
                    Some(known @ (image, _)) if image == i => known,
                    _ => *scalars.insert((i, model.layout.scalars(s))),
                };
                model.row.push(inputs, |sink| model.layout.row(s, x, &scalars, sink));
            });
            let start = |k: usize| {
                let i: usize = positions[k].0;
                &terms[i * stride..(i + 1) * stride]
            };
            model.row.sums(inputs, start, acc);
            let outputs = model.layers.row.outputs();
            row.resize(positions.len() * outputs, 0);
            model.layers.row.activate(Act::Relu, acc, row, outputs);
            let first = columns.len();
            columns.resize(first + positions.len() * padded, 0);
            let start = model.layers.pixel.start_row();
            model.row_vector.product_from(start, row.as_chunks().0, &mut columns[first..]);
            for (&(i, x), k) in positions.iter().zip(first / padded..) {
                places[i * model.layout.width() + x] = k;
            }
        }
    }

    /// Evaluates the pixel part of column `x` for the images `active`, up to the outputs of the high
    /// nibble's head.
    fn pixel_part(&mut self, active: &[usize], x: usize) {
        let Lockstep { model, states, columns, places, scratch, .. } = self;
        let Scratch { inputs, acc, pixel, hidden, high, copies, .. } = scratch;
        let (l, padded) = (&model.layers, model.row_vector.padded());
        inputs.clear();
        copies.clear();
        dispatch!(model.row_vector.level(), _simd => for &i in active {
            let s = &states[i];
            copies.push(model.pixel.push(inputs, |sink| model.layout.pixel(s, sink)));
        });
        let start = |k: usize| {
            let place: usize = places[active[k] * model.layout.width() + x];
            &columns[place * padded..(place + 1) * padded]
        };
        model.pixel.sums(inputs, start, acc);
        let stride = l.pixel.outputs().next_multiple_of(2);
        if stride > l.pixel.outputs() {
            pixel.clear();
        }
        pixel.resize(active.len() * stride, 0);
        l.pixel.activate(Act::Relu, acc, pixel, stride);
        l.hidden.forward(Act::Relu, pixel.as_chunks().0, acc, hidden);
        l.head.high_sums(hidden.as_chunks().0, high);
    }

    /// Codes the pixels of the images `active`, which were evaluated last: all high nibbles, then
    /// all low ones.
    fn code_active<C: Coder>(
        &mut self,
        active: &[usize],
        lanes: &[usize],
        coders: &mut [C],
        values: &mut [u8],
    ) {
        let Lockstep { model, states, seen, scratch, .. } = self;
        let Scratch { hidden, high, copies, order, by_high, low, distributions, highs, .. } =
            scratch;
        let (head, level) = (&model.layers.head, model.row_vector.level());
        let (count, padded) = (active.len(), head.padded());
        distributions.resize(count, Distribution::default());
        highs.resize(count, 0);
        dispatch!(level, simd => {
            let rows = active.iter().zip(high.chunks_exact(padded)).zip(&*copies);
            for (((&i, acc), copies), d) in rows.zip(&mut *distributions) {
                *d = head.high(simd, acc, &seen[i], states[i].x, copies);
            }
            for ((&i, d), h) in active.iter().zip(&*distributions).zip(&mut *highs) {
                *h = coders[lanes[i]].symbol(d, usize::from(values[i] >> 4)) as u8;
            }
        });
        // The rows sorted by high nibble, so that one layer's rows are one product.
        let (stride, padded) = (hidden.len() / count.max(1), head.low_padded());
        order.resize(count, 0);
        by_high.resize(count * stride, 0);
        low.resize(count * padded, 0);
        let mut starts = [0; 17];
        for &h in &*highs {
            starts[usize::from(h % 16) + 1] += 1;
        }
        for h in 1..starts.len() {
            starts[h] += starts[h - 1];
        }
        let mut next = starts;
        for ((k, &h), hidden) in highs.iter().enumerate().zip(hidden.chunks_exact(stride.max(1))) {
            let at = next[usize::from(h % 16)];
            next[usize::from(h % 16)] += 1;
            order[at] = k;
            by_high[at * stride..(at + 1) * stride].copy_from_slice(hidden);
        }
        for (h, from_to) in starts.windows(2).enumerate() {
            let [from, to] = [from_to[0], from_to[1]];
            if from < to {
                let rows = by_high[from * stride..to * stride].as_chunks().0;
                head.low_sums(h, rows, &mut low[from * padded..to * padded]);
            }
        }
        dispatch!(level, simd => {
            for (&k, acc) in order.iter().zip(low.chunks_exact(padded)) {
                let (i, high) = (active[k], usize::from(highs[k]));
                let of = (&seen[i], &states[i]);
                distributions[k] = head.low(simd, high, acc, of, &copies[k]);
            }
            for ((&i, d), &h) in active.iter().zip(&*distributions).zip(&*highs) {
                let low = coders[lanes[i]].symbol(d, usize::from(values[i] & 15)) as u8;
                values[i] = h << 4 | low;
            }
        });
    }
}
