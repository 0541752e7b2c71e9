//! Coding the cells of many images side by side, one position after the other (SPEC.md section 6.9.4).

use fearless_simd::dispatch;

use super::inputs::cell_inputs;
use super::network::{CellModel, Scratch};
use super::state::CellState;
use crate::entropy::Distribution;
use crate::grid::{Grids, LINES, Placed, Side};
use crate::nn::Pair;
use crate::pixel::{Coder, grown};
use crate::scan::{IMAGE, PIXELS};

/// An image with a grid.
#[derive(Debug)]
pub(crate) struct CellImage<'a> {
    state: CellState,
    side: &'a Side,
    /// The pixels that are known.
    pub pixels: Box<[u8; PIXELS]>,
}

impl<'a> CellImage<'a> {
    /// An image of which no cell is known. `x_hat` is all zero without a latent.
    pub fn new(grids: &'a Grids, placed: Placed, x_hat: &[u8; PIXELS]) -> Self {
        CellImage {
            side: grids.side(placed.grid.side.into()),
            state: CellState::new(placed, x_hat),
            pixels: Box::new([0; PIXELS]),
        }
    }

    /// How many of the image's rows are known.
    pub fn rows(&self) -> usize {
        let rows = self.state.y as i32 + i32::from(self.state.placed.grid.top);
        if self.state.y == LINES { IMAGE } else { rows.clamp(0, IMAGE as i32) as usize }
    }
}

/// A cell that is ink.
#[derive(Clone, Copy, Debug)]
struct Inked {
    image: usize,
    /// Which of the position's evaluations is its own.
    row: usize,
    position: usize,
    kind: usize,
}

/// Codes the cells of images up to row `rows` of the images, position-major, those of image i with coder
/// `lanes[i]`. `latents` are the prior's inputs of each, padded to pairs. `value(i, p)` is pixel p of image
/// i, which only an encoder needs. Stops early where a coder is no longer valid.
pub(crate) fn code<C: Coder>(
    model: &CellModel,
    images: &mut [CellImage],
    latents: &[Pair],
    (lanes, coders): (&[usize], &mut [C]),
    rows: usize,
    value: impl Fn(usize, usize) -> u8,
) {
    let padded = model.padded();
    let terms = model.image_terms(images.len(), latents);
    let mut starts = terms.clone();
    let mut position = Position::default();
    for y in 0..LINES {
        let mut left = 0;
        for (i, image) in images.iter_mut().enumerate() {
            left += usize::from(image.rows() < rows);
            let of = i * padded..(i + 1) * padded;
            model.start_row(&image.state, &terms[of.clone()], &mut starts[of]);
        }
        if left == 0 {
            return;
        }
        for x in 0..LINES {
            if !coders.iter().all(C::is_valid) {
                return;
            }
            position.code(model, images, &starts, (lanes, &mut *coders), x, &value);
        }
        debug_assert!(images.iter().all(|image| image.state.y == y));
        dispatch!(model.level(), _simd => for image in images.iter_mut() {
            image.state.end_row();
        });
    }
}

/// Buffers of one position.
#[derive(Debug, Default)]
struct Position {
    scratch: Scratch,
    /// Images and pixels of the cells that are evaluated: first those that are plain and yet ink.
    active: Vec<(usize, usize)>,
    near: Vec<(usize, usize)>,
    inked: Vec<Inked>,
    logits: Vec<[i32; 16]>,
    distributions: Vec<Distribution<16>>,
    highs: Vec<u8>,
}

impl Position {
    /// Codes column `x` of all images.
    fn code<C: Coder>(
        &mut self,
        model: &CellModel,
        images: &mut [CellImage],
        starts: &[i32],
        (lanes, coders): (&[usize], &mut [C]),
        x: usize,
        value: impl Fn(usize, usize) -> u8,
    ) {
        let Position { scratch, active, near, inked, logits, distributions, highs } = self;
        active.clear();
        inked.clear();
        let padded = model.padded();
        dispatch!(model.level(), simd => {
            for (i, image) in images.iter().enumerate() {
                let s = &image.state;
                let Some(position) = s.position(x) else { continue };
                if !s.is_plain(x) {
                    near.push((i, position));
                    continue;
                }
                let symbol = usize::from(value(i, position) != 0);
                let plain = model.plain(s, x);
                if coders[lanes[i]].symbol(plain, symbol) != 0 {
                    active.push((i, position));
                }
            }
            let plain_ink = active.len();
            active.append(near);
            let cells = active.iter().map(|&(i, _)| cell_inputs(&images[i].state, x));
            let start = |k: usize| &starts[active[k].0 * padded..(active[k].0 + 1) * padded];
            model.evaluate(simd, cells, start, scratch);
            for (row, &(image, position)) in active.iter().enumerate() {
                if row >= plain_ink {
                    let symbol = usize::from(value(image, position) != 0);
                    if coders[lanes[image]].symbol(model.ink(scratch, row), symbol) == 0 {
                        continue;
                    }
                }
                let kind = images[image].state.kind(x);
                inked.push(Inked { image, row, position, kind });
            }
            if inked.is_empty() {
                return;
            }
            let logits = grown(logits, inked.len());
            let distributions = grown(distributions, inked.len());
            let highs = grown(highs, inked.len());
            for (ink, logits) in inked.iter().zip(&mut *logits) {
                let CellImage { state, side, .. } = &images[ink.image];
                *logits = model.high(simd, ink.row, scratch, state.of_highs(), side.table(ink.kind));
            }
            Distribution::of_each(simd, logits, distributions);
            for ((ink, d), high) in inked.iter().zip(&*distributions).zip(&mut *highs) {
                let symbol = usize::from(value(ink.image, ink.position) >> 4);
                *high = coders[lanes[ink.image]].symbol(d, symbol) as u8;
            }
            for ((ink, logits), &high) in inked.iter().zip(&mut *logits).zip(&*highs) {
                let CellImage { state, side, .. } = &images[ink.image];
                let high = usize::from(high);
                let seen = (state.of_lows(high), state.last(ink.kind));
                *logits = model.low(simd, (ink.row, high), scratch, seen, side.table(ink.kind));
            }
            Distribution::of_each(simd, logits, distributions);
            for ((ink, d), &high) in inked.iter().zip(&*distributions).zip(&*highs) {
                let coder = &mut coders[lanes[ink.image]];
                let symbol = usize::from(value(ink.image, ink.position) & 15);
                let mut grey = high << 4 | coder.symbol(d, symbol) as u8;
                if grey == 0 {
                    coder.refuse();
                    grey = 1;
                }
                let image = &mut images[ink.image];
                image.pixels[ink.position] = grey;
                image.state.add(x, ink.kind, grey);
            }
        });
    }
}
