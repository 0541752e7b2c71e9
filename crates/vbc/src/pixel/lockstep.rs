//! Coding the pixels of many images side by side, one position after the other (SPEC.md 6.3, 6.6).
//!
//! The row part of all columns that see ink above runs at the start of a row, that of the others
//! when ink to their left comes into sight; the pixel part of a position runs for all images at
//! once, and what codes values for those of them whose pixel is ink. What a network gives does not
//! depend on what else is evaluated beside it.
//!
//! At a position the distributions of all high nibbles are made before the first of them is coded,
//! and so are those of the low ones: neither the network nor the distributions wait for the coder,
//! and the coders of several lanes need not wait for each other.

use fearless_simd::dispatch;

use super::gated::Seen;
use super::inputs::{COPIES, PIXEL_DENSE, PIXEL_HOT, ROW_DENSE, ROW_HOT, SCALARS};
use super::network::{InputRows, PixelModel, grown};
use super::state::ImageState;
use super::values::Values;
use crate::entropy::{Decoder, Distribution, Encoder, Interval};
use crate::nn::as_quads;

/// Encoder and decoder as one: the same steps run in both directions.
pub(crate) trait Coder {
    /// Whether all pixels are known before they are coded.
    const IS_ENCODER: bool = false;

    /// Writes many symbols by their intervals with each of some coders: what encoders alone can do.
    fn put_all(coders: &mut [Self], _: &[Vec<Interval>])
    where
        Self: Sized,
    {
        coders.iter_mut().for_each(Self::refuse);
    }

    /// Codes a symbol. An encoder writes `symbol` and returns it; a decoder ignores it and returns
    /// what it reads.
    fn symbol<const N: usize>(&mut self, distribution: &Distribution<N>, symbol: usize) -> usize;

    /// Codes `bits` ≤ 16 bits of which every value is as likely.
    fn uniform(&mut self, value: u32, bits: u32) -> u32;

    /// Marks what was read as something no encoder writes.
    fn refuse(&mut self) {}

    /// Whether all that was read can come from an encoder; if not, there is no use in going on.
    fn is_valid(&self) -> bool {
        true
    }
}

impl Coder for Encoder {
    const IS_ENCODER: bool = true;

    fn put_all(coders: &mut [Self], symbols: &[Vec<Interval>]) {
        Encoder::put_all(coders, symbols);
    }

    #[inline(always)]
    fn symbol<const N: usize>(&mut self, distribution: &Distribution<N>, symbol: usize) -> usize {
        distribution.encode(symbol, self);
        symbol
    }

    fn uniform(&mut self, value: u32, bits: u32) -> u32 {
        self.encode_bits(value, bits);
        value
    }
}

impl Coder for Decoder<'_> {
    #[inline(always)]
    fn symbol<const N: usize>(&mut self, distribution: &Distribution<N>, _: usize) -> usize {
        distribution.decode(self)
    }

    fn uniform(&mut self, _: u32, bits: u32) -> u32 {
        self.decode_bits(bits)
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
    /// How many of them there are.
    evaluated: usize,
    /// Where in `columns` those of a position are, `[image][column]`.
    places: Vec<u32>,
    scratch: Scratch,
    values: Values,
}

/// Buffers of one evaluation.
#[derive(Debug, Default)]
struct Scratch {
    row_inputs: InputRows<ROW_DENSE, ROW_HOT>,
    pixel_inputs: InputRows<PIXEL_DENSE, PIXEL_HOT>,
    /// What the row part's sums of some images begin with, and which of these is each position's.
    starts: Vec<i32>,
    lines: Vec<usize>,
    acc: Vec<i32>,
    row: Vec<u8>,
    pixel: Vec<u8>,
    /// Of each image of the position.
    copies: Vec<[u8; COPIES]>,
}

/// An image whose pixel is ink, and which of the position's evaluations is its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inked {
    pub image: usize,
    pub row: usize,
}

/// Positions that the row part takes at a time: few enough for the nearest cache.
const ROW_BATCH: usize = 32;

impl<'a> Lockstep<'a> {
    /// `terms` are the images' [`PixelModel::image_terms`].
    pub fn new(model: &'a PixelModel, states: Vec<ImageState>, terms: Vec<i32>) -> Self {
        let width = model.layout.width();
        let places = vec![0; states.len() * width];
        let seen = vec![Seen::new(model.layers.head.gated(), width); states.len()];
        Lockstep {
            model,
            states,
            seen,
            terms,
            columns: Vec::new(),
            evaluated: 0,
            places,
            scratch: Scratch::default(),
            values: Values::default(),
        }
    }

    /// Codes all pixels, position-major, those of image i with coder `lanes[i]`. `value(i, p)` is
    /// pixel p of image i, which only an encoder needs. Stops early where a coder is no longer valid.
    pub fn code<C: Coder>(
        &mut self,
        lanes: &[usize],
        coders: &mut [C],
        value: impl Fn(usize, usize) -> u8,
    ) {
        self.code_rows(self.model.layout.height(), lanes, coders, value);
    }

    /// As [`code`](Self::code), but only the first `rows` rows.
    pub fn code_rows<C: Coder>(
        &mut self,
        rows: usize,
        lanes: &[usize],
        coders: &mut [C],
        value: impl Fn(usize, usize) -> u8,
    ) {
        let (width, images) = (self.model.layout.width(), self.states.len());
        let (mut positions, mut active, mut inked) = (Vec::new(), Vec::new(), Vec::new());
        let mut values = vec![0; images];
        let mut columns = vec![0..width; images];
        for y in 0..rows {
            positions.clear();
            self.evaluated = 0;
            for (i, (s, columns)) in self.states.iter().zip(&mut columns).enumerate() {
                *columns = s.columns();
                if s.has_ink() {
                    let above = columns.clone().filter(|&x| s.ink_above()[x] != 0);
                    positions.extend(above.map(|x| (i, x)));
                }
            }
            self.row_part(&positions);
            for x in 0..width {
                if !coders.iter().all(C::is_valid) {
                    return;
                }
                active.clear();
                positions.clear();
                for (i, s) in self.states.iter_mut().enumerate() {
                    if !columns[i].contains(&x) {
                        continue;
                    }
                    values[i] = value(i, y * width + x);
                    if s.has_context(x) {
                        active.push(i);
                        if s.ink_above()[x] == 0 {
                            positions.push((i, x));
                        }
                        continue;
                    }
                    let blank = &self.model.layers.blank;
                    values[i] = blank.code(s, x, &mut coders[lanes[i]], values[i]);
                    if values[i] != 0 {
                        s.add(x, values[i]);
                        self.seen[i].add(self.model.layers.head.gated(), &s.counts, x, values[i]);
                    }
                }
                if active.is_empty() {
                    continue;
                }
                self.row_part(&positions);
                self.pixel_part(&active, x);
                inked.clear();
                self.code_ink(&active, lanes, coders, &values, &mut inked);
                if !inked.is_empty() {
                    self.code_values(&inked, x, lanes, coders, &mut values);
                }
            }
            self.states.iter_mut().for_each(ImageState::end_row);
            self.seen.iter_mut().for_each(Seen::start_row);
        }
    }

    /// Evaluates the row part for (image, column) of the current row.
    fn row_part(&mut self, positions: &[(usize, usize)]) {
        let Lockstep { model, states, terms, columns, evaluated, places, scratch, .. } = self;
        let Scratch { row_inputs, starts, lines, acc, row, .. } = scratch;
        let (layer, width) = (&model.layers.row, model.layout.width());
        let (stride, padded) = (layer.start().len(), model.row_vector.padded());
        starts.clear();
        // The last image, its number among the starts, and its scalars.
        let mut of_image: Option<(usize, usize, [u8; SCALARS])> = None;
        for positions in positions.chunks(ROW_BATCH) {
            row_inputs.clear();
            lines.clear();
            dispatch!(layer.level(), simd => for &(i, x) in positions {
                let s = &states[i];
                let (_, line, scalars) = match of_image {
                    Some(known @ (image, ..)) if image == i => known,
                    _ => {
                        let line = starts.len() / stride;
                        let terms = &terms[i * stride..(i + 1) * stride];
                        model.row.push_start(layer, terms, &model.layout.line(s), starts);
                        *of_image.insert((i, line, model.layout.scalars(s)))
                    }
                };
                lines.push(line);
                let (dense, hot) = row_inputs.push();
                *hot = model.layout.row(simd, s, x, &scalars, dense);
            });
            let start = |k: usize| &starts[lines[k] * stride..][..stride];
            model.row.sums(layer, row_inputs, start, acc);
            layer.relu(&acc[..positions.len() * stride], row);
            let first = *evaluated;
            *evaluated += positions.len();
            grown(columns, *evaluated * padded);
            model.row_vector.product_from(
                model.layers.pixel.start(),
                as_quads(&row[..positions.len() * layer.row_bytes()]),
                &mut columns[first * padded..*evaluated * padded],
            );
            for (&(i, x), k) in positions.iter().zip(first as u32..) {
                places[i * width + x] = k;
            }
        }
    }

    /// Evaluates the pixel part of column `x` for the images `active`.
    fn pixel_part(&mut self, active: &[usize], x: usize) {
        let Lockstep { model, states, columns, places, scratch, .. } = self;
        let Scratch { pixel_inputs, acc, pixel, copies, .. } = scratch;
        let (layer, padded) = (&model.layers.pixel, model.row_vector.padded());
        pixel_inputs.clear();
        let copies = grown(copies, active.len());
        dispatch!(layer.level(), _simd => for (&i, copies) in active.iter().zip(copies) {
            let (dense, hot) = pixel_inputs.push();
            (*hot, *copies) = model.layout.pixel(&states[i], x, dense);
        });
        let width = model.layout.width();
        let start = |k: usize| {
            let place = places[active[k] * width + x] as usize;
            &columns[place * padded..(place + 1) * padded]
        };
        model.pixel.sums(layer, pixel_inputs, start, acc);
        layer.relu(&acc[..pixel_inputs.len() * padded], pixel);
    }

    /// Codes which of the images `active`, which were evaluated last, have ink.
    fn code_ink<C: Coder>(
        &mut self,
        active: &[usize],
        lanes: &[usize],
        coders: &mut [C],
        values: &[u8],
        inked: &mut Vec<Inked>,
    ) {
        let layers = &self.model.layers;
        let rows = self.scratch.pixel.chunks_exact(layers.pixel.row_bytes());
        dispatch!(layers.pixel.level(), _simd => {
            for ((row, &image), activations) in active.iter().enumerate().zip(rows) {
                let distribution = layers.ink.distribution(activations);
                let coder = &mut coders[lanes[image]];
                if coder.symbol(distribution, usize::from(values[image] != 0)) != 0 {
                    inked.push(Inked { image, row });
                }
            }
        });
    }

    /// Codes the values of ink, and takes them in.
    fn code_values<C: Coder>(
        &mut self,
        inked: &[Inked],
        x: usize,
        lanes: &[usize],
        coders: &mut [C],
        values: &mut [u8],
    ) {
        let Scratch { pixel, copies, .. } = &self.scratch;
        let of = (&*self.states, &*self.seen, x);
        self.values.code(self.model, inked, (pixel, copies), of, (lanes, coders), values);
        let gated = self.model.layers.head.gated();
        for &Inked { image, .. } in inked {
            let (s, value) = (&mut self.states[image], values[image]);
            s.add(x, value);
            self.seen[image].add(gated, &s.counts, x, value);
        }
    }
}
