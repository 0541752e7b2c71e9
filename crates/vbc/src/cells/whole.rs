//! Encoding one image at a time: its cells are all known, so that all are evaluated together (SPEC.md section 6.9).
//!
//! The integers are those of [`code`](super::code), and so are the bytes.

use fearless_simd::dispatch;

use super::inputs::{CELL_INPUTS, cell_inputs, value_inputs};
use super::network::{CellModel, Scratch};
use super::state::{CellState, Seen};
use super::values::ValueInputs;
use crate::entropy::{Interval, intervals};
use crate::grid::{Grids, LINES, Placed, Side};
use crate::nn::Pair;
use crate::pixel::{Coder, InOrder, PlainInk, Step, Written, grown, put};
use crate::scan::PIXELS;

/// Codes the cells of images as [`code`](super::code) does; `given` are their places and x̂, and `pixels(i)` the pixels of
/// image i.
pub(crate) fn write<'p, C: Coder>(
    (model, grids): (&CellModel, &Grids),
    given: impl Iterator<Item = (Placed, &'p [u8; PIXELS])>,
    latents: &[Pair],
    (lanes, coders): (&[usize], &mut [C]),
    pixels: impl Fn(usize) -> &'p [u8],
) {
    let ([units, values], terms) = (model.strides(), model.image_terms(lanes.len(), latents));
    model.buffers.with(|Buffers { image, written, in_order }| {
        written.resize_with(lanes.len(), Written::default);
        for (i, ((placed, x_hat), written)) in given.zip(&mut *written).enumerate() {
            let terms = [&terms.units[i * units..][..units], &terms.values[i * values..][..values]];
            let side = grids.side(placed.grid.side.into());
            image.write(
                (model, side),
                &mut CellState::new(placed, x_hat),
                terms,
                pixels(i),
                written,
            );
        }
        put(written, PlainInk::WithOthers, (lanes, coders), in_order);
    });
}

/// Buffers of a block's images.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    image: OfImage,
    written: Vec<Written>,
    in_order: InOrder,
}

/// A cell that is ink.
#[derive(Clone, Copy, Debug)]
struct Inked {
    /// Which of the evaluations is its own.
    row: usize,
    kind: usize,
    value: u8,
    /// What a cell of its kind had last.
    last: u8,
}

/// Buffers of one image.
#[derive(Debug, Default)]
struct OfImage {
    scratch: Scratch,
    /// What each row of cells begins with, and for a network of values.
    starts: [Vec<i32>; 2],
    /// The numbers of the cells that are evaluated, and their rows.
    cells: Vec<([u32; CELL_INPUTS], usize)>,
    /// The first symbols of plain cells.
    plain: Vec<Interval>,
    inked: Vec<Inked>,
    /// What a network of values is told of these, and their rows.
    values_of: Vec<(ValueInputs, usize)>,
    /// Of both nibbles of ink.
    logits: [Vec<[i32; 16]>; 2],
    nibbles: [Vec<u8>; 2],
    values: [Vec<Interval>; 2],
}

impl OfImage {
    /// The symbols of an image of which no cell is known yet. `terms` are what its latent makes of the units'
    /// accumulators.
    fn write(
        &mut self,
        (model, side): (&CellModel, &Side),
        state: &mut CellState,
        terms: [&[i32]; 2],
        pixels: &[u8],
        Written { steps, symbols }: &mut Written,
    ) {
        steps.clear();
        self.gather(model, state, terms, pixels, steps);
        self.evaluate(model, side);
        symbols.clear();
        let [high, low] = &self.values;
        let (mut plain, mut values) = (self.plain.iter(), high.iter().zip(low));
        let mut row = 0;
        dispatch!(model.level(), _simd => for step in &*steps {
            let is_ink = matches!(step, Step::PlainInk | Step::ContextInk);
            match step {
                Step::Nothing => continue,
                Step::Plain | Step::PlainInk => symbols.extend(plain.next()),
                Step::Context | Step::ContextInk => {
                    symbols.push(model.ink(&self.scratch, row).interval(is_ink.into()));
                }
            }
            row += usize::from(*step != Step::Plain);
            if is_ink {
                symbols.extend(values.next().into_iter().flat_map(<[&Interval; 2]>::from));
            }
        });
    }

    /// Goes through the cells: the numbers of those that are evaluated, the first symbols of those that are
    /// plain, and all ink.
    fn gather(
        &mut self,
        model: &CellModel,
        s: &mut CellState,
        terms: [&[i32]; 2],
        pixels: &[u8],
        steps: &mut Vec<Step>,
    ) {
        let OfImage { starts, cells, plain, inked, values_of, .. } = self;
        cells.clear();
        values_of.clear();
        plain.clear();
        inked.clear();
        let [units, values] = model.strides();
        let has_network = model.has_network();
        let [of_units, of_values] = starts;
        let mut starts = [grown(of_units, LINES * units), grown(of_values, LINES * values)];
        for y in 0..LINES {
            let [of_units, of_values] = starts.each_mut();
            let of_row =
                [&mut of_units[y * units..][..units], &mut of_values[y * values..][..values]];
            model.start_row(s, terms, of_row);
            dispatch!(model.level(), _simd => for x in 0..LINES {
                let Some(position) = s.position(x) else {
                    steps.push(Step::Nothing);
                    continue;
                };
                let value = pixels[position];
                let is_ink = value != 0;
                if s.is_plain(x) {
                    plain.push(model.plain(s, x).interval(is_ink.into()));
                    steps.push(if is_ink { Step::PlainInk } else { Step::Plain });
                    if !is_ink {
                        continue;
                    }
                } else {
                    steps.push(if is_ink { Step::ContextInk } else { Step::Context });
                }
                let numbers = cell_inputs(s, x);
                cells.push((numbers, y));
                if is_ink {
                    if has_network {
                        values_of.push((value_inputs(s, x, &numbers), y));
                    }
                    let (row, kind) = (cells.len() - 1, s.kind(x));
                    inked.push(Inked { row, kind, value, last: s.last(kind) });
                    s.add_ink(x, kind, value);
                }
            });
            dispatch!(model.level(), _simd => s.end_row());
        }
    }

    /// The intervals of both nibbles of all ink.
    fn evaluate(&mut self, model: &CellModel, side: &Side) {
        let OfImage { scratch, starts, cells, inked, values_of, logits, nibbles, values, .. } =
            self;
        let strides = model.strides();
        let [high, low] = logits;
        let (high, low) = (grown(high, inked.len()), grown(low, inked.len()));
        let [highs, lows] = nibbles;
        highs.clear();
        highs.extend(inked.iter().map(|ink| ink.value >> 4));
        lows.clear();
        lows.extend(inked.iter().map(|ink| ink.value & 15));
        let mut seen = Seen::NOTHING;
        side.touch();
        dispatch!(model.level(), simd => {
            let start = |k: usize| &starts[0][cells[k].1 * strides[0]..][..strides[0]];
            model.evaluate(simd, cells.iter().map(|cell| cell.0), start, scratch);
            let start = |k: usize| &starts[1][values_of[k].1 * strides[1]..][..strides[1]];
            model.evaluate_values(simd, values_of.iter().map(|cell| cell.0), start, scratch);
            model.evaluate_low(highs, scratch);
            for ((k, &Inked { row, kind, value, last }), (high, low)) in
                inked.iter().enumerate().zip(high.iter_mut().zip(&mut *low))
            {
                let (nibble, table) = (usize::from(value >> 4), side.table(kind));
                *high = model.high(simd, [row, k], scratch, seen.of_highs(), &table[0]);
                let of = (seen.of_lows(nibble), last);
                *low = model.low(simd, ([row, k], nibble), scratch, of, &table[1 + nibble]);
                seen.add(value);
            }
            let each = [(high, highs), (low, lows)].into_iter().zip(values);
            for ((logits, nibbles), values) in each {
                values.resize(inked.len(), Interval::default());
                intervals(simd, logits, nibbles, values);
            }
        });
    }
}
