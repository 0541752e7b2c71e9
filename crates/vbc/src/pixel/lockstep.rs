//! Coding the pixels of many images side by side, one position after the other (SPEC.md 6.3, 8.2).
//!
//! The row part of all columns that see ink above runs at the start of a row, that of the others
//! when ink to their left comes into sight; the pixel part of a position runs for all images at
//! once. What a network gives does not depend on what else is evaluated beside it.

use fearless_simd::dispatch;

use super::head::Outputs;
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
    fn symbol<const N: usize>(&mut self, distribution: &Distribution<N>, symbol: usize) -> usize {
        distribution.encode(symbol, self);
        symbol
    }
}

impl Coder for Decoder<'_> {
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
    /// The pixel part's accumulators after the row vector, `[image][column]`.
    columns: Vec<i32>,
    scratch: Scratch,
}

/// Buffers of one evaluation.
#[derive(Debug, Default)]
struct Scratch {
    inputs: InputRows,
    acc: Vec<i32>,
    pixel_acc: Vec<i32>,
    row: Vec<i16>,
    pixel: Vec<i16>,
    hidden: Vec<i16>,
    high: Vec<Outputs>,
    copies: Vec<[u8; COPIES]>,
}

/// Positions that the row part takes at a time: few enough for the nearest cache.
const ROW_BATCH: usize = 32;

impl<'a> Lockstep<'a> {
    /// `terms` are the images' [`PixelModel::image_terms`].
    pub fn new(model: &'a PixelModel, states: Vec<ImageState>, terms: Vec<i32>) -> Self {
        let columns = states.len() * model.layout.width() * model.row_vector.padded();
        Lockstep { model, states, terms, columns: vec![0; columns], scratch: Scratch::default() }
    }

    /// Codes all pixels, position-major. `value(i, p)` is pixel p of image i, which only an encoder
    /// needs. Stops early where the coder is no longer valid.
    pub fn code(&mut self, coder: &mut impl Coder, value: impl Fn(usize, usize) -> u8) {
        let (width, height) = (self.model.layout.width(), self.model.layout.height());
        let (mut positions, mut active) = (Vec::new(), Vec::new());
        for y in 0..height {
            positions.clear();
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
        let Lockstep { model, states, terms, columns, scratch } = self;
        let Scratch { inputs, acc, pixel_acc, row, .. } = scratch;
        let (stride, padded) = (model.layers.row.weights().padded(), model.row_vector.padded());
        let mut scalars = None;
        for positions in positions.chunks(ROW_BATCH) {
            inputs.clear();
            acc.clear();
            dispatch!(model.row_vector.level(), _simd => for &(i, x) in positions {
                let s = &states[i];
                let (_, scalars) = match scalars {
                    Some(known @ (image, _)) if image == i => known,
                    _ => *scalars.insert((i, model.layout.scalars(s))),
                };
                acc.extend_from_slice(&terms[i * stride..(i + 1) * stride]);
                model.row.push(inputs, |sink| model.layout.row(s, x, &scalars, sink));
            });
            model.row.add(inputs, acc);
            let outputs = model.layers.row.outputs();
            row.resize(positions.len() * outputs, 0);
            model.layers.row.activate(Act::Relu, acc, row, outputs);
            model.layers.pixel.start(positions.len(), pixel_acc);
            model.row_vector.product(row.as_chunks().0, pixel_acc);
            for (&(i, x), acc) in positions.iter().zip(pixel_acc.chunks_exact(padded)) {
                let column = i * model.layout.width() + x;
                columns[column * padded..(column + 1) * padded].copy_from_slice(acc);
            }
        }
    }

    /// Evaluates the pixel part of column `x` for the images `active`, up to the outputs of the high
    /// nibble's head.
    fn pixel_part(&mut self, active: &[usize], x: usize) {
        let Lockstep { model, states, columns, scratch, .. } = self;
        let Scratch { inputs, acc, pixel, hidden, high, copies, .. } = scratch;
        let (l, padded) = (&model.layers, model.row_vector.padded());
        inputs.clear();
        acc.clear();
        copies.clear();
        dispatch!(model.row_vector.level(), _simd => for &i in active {
            let column = i * model.layout.width() + x;
            acc.extend_from_slice(&columns[column * padded..(column + 1) * padded]);
            let s = &states[i];
            copies.push(model.pixel.push(inputs, |sink| model.layout.pixel(s, sink)));
        });
        model.pixel.add(inputs, acc);
        let stride = l.pixel.outputs().next_multiple_of(2);
        if stride > l.pixel.outputs() {
            pixel.clear();
        }
        pixel.resize(active.len() * stride, 0);
        l.pixel.activate(Act::Relu, acc, pixel, stride);
        l.hidden.forward(Act::Relu, pixel.as_chunks().0, acc, hidden);
        l.head.high_outputs(hidden.as_chunks().0, acc, high);
    }

    /// Codes a pixel of image `i`, whose evaluation is number `row` of the last one's.
    fn code_active(&mut self, i: usize, row: usize, coder: &mut impl Coder, value: u8) -> u8 {
        let Scratch { acc, hidden, high, copies, .. } = &mut self.scratch;
        let (head, s) = (&self.model.layers.head, &self.states[i]);
        let stride = self.model.layers.hidden.outputs().next_multiple_of(2);
        let hidden = &hidden[row * stride..(row + 1) * stride];
        let distribution = head.high(&high[row], s, &copies[row]);
        let high = coder.symbol(&distribution, usize::from(value >> 4));
        let distribution = head.low(hidden.as_chunks().0, s, &copies[row], high, acc);
        let low = coder.symbol(&distribution, usize::from(value & 15));
        (high << 4 | low) as u8
    }
}
