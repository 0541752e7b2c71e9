//! Coding the pixels of many images side by side, one position after the other (SPEC.md 6.3, 8.2).
//!
//! The row part of all columns that see ink above runs at the start of a row, that of the others
//! when ink to their left comes into sight; the pixel part of a position runs for all images at
//! once. What a network gives does not depend on what else is evaluated beside it.

use fearless_simd::dispatch;

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
}

/// Positions that the row part takes at a time: few enough for the nearest cache.
const ROW_BATCH: usize = 32;

impl<'a> Lockstep<'a> {
    /// `terms` are the images' [`PixelModel::image_terms`].
    pub fn new(model: &'a PixelModel, states: Vec<ImageState>, terms: Vec<i32>) -> Self {
        let places = vec![0; states.len() * model.layout.width()];
        let scratch = Scratch::default();
        Lockstep { model, states, terms, columns: Vec::new(), places, scratch }
    }

    /// Codes all pixels, position-major. `value(i, p)` is pixel p of image i, which only an encoder
    /// needs. Stops early where the coder is no longer valid.
    pub fn code(&mut self, coder: &mut impl Coder, value: impl Fn(usize, usize) -> u8) {
        let (width, height) = (self.model.layout.width(), self.model.layout.height());
        let (mut positions, mut active) = (Vec::new(), Vec::new());
        for y in 0..height {
            positions.clear();
            self.columns.clear();
            for (i, s) in self.states.iter().enumerate() {
                positions.extend((0..width).filter(|&x| s.has_ink_above(x)).map(|x| (i, x)));
            }
            self.row_part(&positions);
            for x in 0..width {
                if !coder.is_valid() {
                    return;
                }
                active.clear();
                positions.clear();
                for (i, s) in self.states.iter().enumerate() {
                    if s.has_context() {
                        active.push(i);
                        if !s.has_ink_above(x) {
                            positions.push((i, x));
                        }
                    }
                }
                self.row_part(&positions);
                self.pixel_part(&active, x);
                let mut evaluated = active.iter().enumerate().peekable();
                for i in 0..self.states.len() {
                    let known = value(i, y * width + x);
                    let known = match evaluated.next_if(|&(_, &a)| a == i) {
                        Some((row, _)) => self.code_active(i, row, coder, known),
                        None => self.model.layers.blank.code(&self.states[i], coder, known),
                    };
                    self.states[i].push(known);
                }
            }
        }
    }

    /// Evaluates the row part for (image, column) of the current row.
    fn row_part(&mut self, positions: &[(usize, usize)]) {
        let Lockstep { model, states, terms, columns, places, scratch } = self;
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

    /// Codes a pixel of image `i`, whose evaluation is number `row` of the last one's.
    fn code_active(&mut self, i: usize, row: usize, coder: &mut impl Coder, value: u8) -> u8 {
        let Scratch { hidden, high, copies, .. } = &self.scratch;
        let (head, s) = (&self.model.layers.head, &self.states[i]);
        let stride = self.model.layers.hidden.outputs().next_multiple_of(2);
        let hidden = hidden[row * stride..(row + 1) * stride].as_chunks().0;
        let high = &high[row * head.padded()..(row + 1) * head.padded()];
        dispatch!(self.model.row_vector.level(), simd => {
            let distribution = head.high(simd, high, s, &copies[row]);
            let high = coder.symbol(&distribution, usize::from(value >> 4));
            let distribution = head.low(simd, hidden, s, &copies[row], high);
            let low = coder.symbol(&distribution, usize::from(value & 15));
            (high << 4 | low) as u8
        })
    }
}
