//! Coding the cells of many images side by side, one position after the other (SPEC.md section 6.9.4).

use fearless_simd::dispatch;

use super::inputs::{CELL_INPUTS, cell_inputs, value_inputs};
use super::network::{CellModel, Scratch, Sums};
use super::state::CellState;
use crate::entropy::Distribution;
use crate::grid::{Grids, LINES, Placed, Side};
use crate::nn::Pair;
use crate::pixel::{Coder, grown};
use crate::scan::{IMAGE, PIXELS};

/// An image with a grid.
#[derive(Debug)]
pub(crate) struct CellImage<'a> {
    pub(super) state: CellState,
    pub(super) side: &'a Side,
    /// The pixels that are known.
    pub pixels: Box<[u8; PIXELS]>,
}

impl<'a> CellImage<'a> {
    /// Bytes that an image takes.
    pub fn bytes() -> usize {
        size_of::<Self>() + PIXELS
    }

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
    let [units, values] = model.strides();
    let terms = model.image_terms(images.len(), latents);
    let mut starts = terms.clone();
    let mut position = Position::default();
    for _ in 0..LINES {
        let mut left = 0;
        for (i, image) in images.iter_mut().enumerate() {
            left += usize::from(image.rows() < rows);
            let (units, values) = (i * units..(i + 1) * units, i * values..(i + 1) * values);
            let image_terms = [&terms.units[units.clone()], &terms.values[values.clone()]];
            let starts = [&mut starts.units[units], &mut starts.values[values]];
            model.start_row(&image.state, image_terms, starts);
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
        dispatch!(model.level(), _simd => for image in images.iter_mut() {
            image.state.end_row();
        });
    }
}

/// Buffers of one position.
#[derive(Debug, Default)]
struct Position {
    scratch: Scratch,
    /// The numbers of the cells that are evaluated.
    cells: Vec<[u32; CELL_INPUTS]>,
    /// Images and pixels of the cells that are evaluated: first those that are plain and yet ink.
    active: Vec<(usize, usize)>,
    /// Those that are not plain.
    near: Vec<(usize, usize)>,
    inked: Vec<Inked>,
    /// What the grids say of the nibbles that are coded next.
    weights: Vec<[u8; 16]>,
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
        starts: &Sums,
        (lanes, coders): (&[usize], &mut [C]),
        x: usize,
        value: impl Fn(usize, usize) -> u8,
    ) {
        let Position { scratch, cells, active, near, inked, weights, logits, distributions, highs } =
            self;
        active.clear();
        inked.clear();
        let [units, values] = model.strides();
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
            cells.clear();
            cells.extend(active.iter().map(|&(i, _)| cell_inputs(&images[i].state, x)));
            let start = |k: usize| &starts.units[active[k].0 * units..][..units];
            model.evaluate(simd, cells.iter().copied(), start, scratch);
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
            if model.has_network() {
                let cells = inked
                    .iter()
                    .map(|ink| value_inputs(&images[ink.image].state, x, &cells[ink.row]));
                let start = |k: usize| &starts.values[inked[k].image * values..][..values];
                model.evaluate_values(simd, cells, start, scratch);
            }
            // By themselves, so that the caches can look for all of them at once.
            let weights = grown(weights, inked.len());
            for (ink, weights) in inked.iter().zip(&mut *weights) {
                *weights = images[ink.image].side.table(ink.kind)[0];
            }
            let logits = grown(logits, inked.len());
            let distributions = grown(distributions, inked.len());
            let highs = grown(highs, inked.len());
            let each = inked.iter().enumerate().zip(&mut *logits).zip(&*weights);
            for (((k, ink), logits), weights) in each {
                let counts = images[ink.image].state.seen.of_highs();
                *logits = model.high(simd, [ink.row, k], scratch, counts, weights);
            }
            Distribution::of_each(simd, logits, distributions);
            for ((ink, d), high) in inked.iter().zip(&*distributions).zip(&mut *highs) {
                let symbol = usize::from(value(ink.image, ink.position) >> 4);
                *high = coders[lanes[ink.image]].symbol(d, symbol) as u8;
            }
            model.evaluate_low(highs, scratch);
            for ((ink, weights), &high) in inked.iter().zip(&mut *weights).zip(&*highs) {
                *weights = images[ink.image].side.table(ink.kind)[1 + usize::from(high)];
            }
            let each = inked.iter().enumerate().zip(&mut *logits).zip(&*weights).zip(&*highs);
            for ((((k, ink), logits), weights), &high) in each {
                let state = &images[ink.image].state;
                let high = usize::from(high);
                let seen = (state.seen.of_lows(high), state.last(ink.kind));
                *logits = model.low(simd, ([ink.row, k], high), scratch, seen, weights);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::inputs::{inputs_len, value_inputs_len};
    use super::super::{CELLS, Layers, ValueLayers};
    use super::*;
    use crate::entropy::{Decoder, Encoder};
    use crate::error::{Error, Place, Section};
    use crate::grid::{Entries, Grid, SIDES};
    use crate::nn::{ByteLayer, Linear};
    use crate::pixel::Ink;

    const LATENT: usize = 3;

    /// A stream of numbers, the same for a seed.
    fn noise(seed: u64) -> impl FnMut() -> u64 {
        let mut state = seed | 1;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state >> 40
        }
    }

    /// Every side has its lines in classes 0 to 3 in turn, and each kind some greys.
    fn grids() -> Result<Grids, Error> {
        let lines = (0..SIDES * LINES).map(|k| (k % LINES % 4) as u8).collect();
        let counts = vec![5; SIDES * 10];
        let greys = (0..SIDES * 10).flat_map(|k| (1..6).map(move |n| (n * 50 - k % 40) as u8));
        let weights = (0..SIDES * 50).map(|k| 1 + (k * 37 % 255) as u8).collect();
        Grids::new(Entries { lines, counts, greys: greys.collect(), weights })
    }

    fn model(has_latent: bool, has_network: bool) -> Result<CellModel, Error> {
        let (mut next, classes) = (noise(7), 4 * SIDES);
        let mut weights = |n: usize| -> Vec<i8> { (0..n).map(|_| next() as i8 / 4).collect() };
        let image_len = if has_latent { 5 } else { 0 };
        let image = weights(image_len * LATENT);
        let image = Linear::new("image", LATENT, 5, &image, &[700; 5], &[6; 5], |_| 8_128);
        let mut layer = |inputs: usize, outputs: usize, shift: u8| {
            let (bias, shift) = (vec![900; outputs], vec![shift; outputs]);
            ByteLayer::new("test", inputs, outputs, &weights(inputs * outputs), &bias, &shift)
        };
        let inputs = layer(inputs_len(classes) + image_len, 21, 6)?;
        let values = match has_network {
            false => ValueLayers::Units {
                head: layer(21, 23, 2)?,
                low: (0..256).map(|k| k * 91 % 3000).collect(),
            },
            true => ValueLayers::Network {
                inputs: layer(value_inputs_len(classes) + image_len, 37, 6)?,
                hidden: layer(37, 18, 5)?,
                high: layer(18, 19, 2)?,
                low: (0..16).map(|_| layer(18, 20, 2)).collect::<Result<_, _>>()?,
            },
        };
        let layers = Layers {
            image: if has_latent { Some(image?) } else { None },
            inputs,
            ink: Ink::new(layer(21, 1, 3)?)?,
            values,
            plain: (0..2 * CELLS as i16).map(|k| k % 3000 - 2500).collect(),
            plain_preview: (0..16).map(|k| 90 * k).collect(),
        };
        CellModel::new(layers, classes, if has_latent { LATENT } else { 0 })
    }

    /// An image, its grid, x̂ and its latent as the prior's inputs.
    type Case = ([u8; PIXELS], Grid, [u8; PIXELS], [Pair; 2]);

    fn cases(seed: u64, images: usize) -> Vec<Case> {
        let mut next = noise(seed);
        let mut image = || {
            let grid = Grid {
                side: (next() % SIDES as u64) as u8,
                top: (next() % 16) as i8 - 3,
                left: (next() % 16) as i8 - 3,
            };
            let mut pixels = [0; PIXELS];
            let mut ink = 0;
            for (p, pixel) in pixels.iter_mut().enumerate() {
                let inside = |at: usize, first: i8| {
                    (0..LINES as i32).contains(&(at as i32 - i32::from(first)))
                };
                // Strokes, so that there are plain cells and others.
                ink = if ink > 0 { ink - 1 } else { next() % 40 / 34 * (next() % 9) };
                let is_ink = ink > 0 && inside(p / IMAGE, grid.top) && inside(p % IMAGE, grid.left);
                *pixel = if is_ink { (next() % 255 + 1) as u8 } else { 0 };
            }
            let x_hat = std::array::from_fn(|_| next() as u8);
            let mut input = || (next() % 16_000) as i16 - 8_000;
            (pixels, grid, x_hat, [[input(), input()], [input(), 0]])
        };
        (0..images).map(|_| image()).collect()
    }

    /// Codes all rows up to `rows`; gives the pixels and how many rows are known of each.
    fn coded<C: Coder>(
        model: &CellModel,
        cases: &[Case],
        coders: &mut [C],
        rows: usize,
    ) -> Result<Vec<([u8; PIXELS], usize)>, Error> {
        let grids = grids()?;
        let mut images: Vec<CellImage> = cases
            .iter()
            .map(|(_, grid, x_hat, _)| CellImage::new(&grids, Placed::new(&grids, *grid), x_hat))
            .collect();
        let lanes: Vec<usize> = (0..cases.len()).map(|i| i % coders.len()).collect();
        let latents: Vec<Pair> = cases.iter().flat_map(|case| case.3).collect();
        code(model, &mut images, &latents, (&lanes, coders), rows, |i, p| cases[i].0[p]);
        Ok(images.iter().map(|image| (*image.pixels, image.rows())).collect())
    }

    fn encoded(model: &CellModel, cases: &[Case], lanes: usize) -> Result<Vec<Vec<u8>>, Error> {
        let mut encoders: Vec<Encoder> = (0..lanes).map(|_| Encoder::new()).collect();
        let all = coded(model, cases, &mut encoders, IMAGE)?;
        assert!(all.iter().zip(cases).all(|(found, case)| *found == (case.0, IMAGE)));
        let bytes: Vec<Vec<u8>> = encoders.into_iter().map(Encoder::finish).collect();
        assert_eq!(bytes, written(model, cases, lanes)?, "one image after the other");
        Ok(bytes)
    }

    /// As an encoder does it.
    fn written(model: &CellModel, cases: &[Case], lanes: usize) -> Result<Vec<Vec<u8>>, Error> {
        let (grids, mut encoders) = (grids()?, Vec::new());
        encoders.resize_with(lanes, Encoder::new);
        let given = cases.iter().map(|case| (Placed::new(&grids, case.1), &case.2));
        let of_lanes: Vec<usize> = (0..cases.len()).map(|i| i % lanes).collect();
        let latents: Vec<Pair> = cases.iter().flat_map(|case| case.3).collect();
        let coders = (&of_lanes[..], &mut encoders[..]);
        super::super::write((model, &grids), given, &latents, coders, |k| &cases[k].0);
        Ok(encoders.into_iter().map(Encoder::finish).collect())
    }

    /// As a decoder has them: no pixel is known.
    fn without_pixels(cases: &[Case]) -> Vec<Case> {
        cases.iter().map(|case| ([0; PIXELS], case.1, case.2, case.3)).collect()
    }

    #[test]
    fn cells_come_back_and_a_stream_is_the_only_one() -> Result<(), Error> {
        for (has_latent, has_network, images, lanes) in [
            (false, false, 9, 2),
            (true, false, 70, 3),
            (true, false, 1, 1),
            (false, false, 3, 8),
            (false, true, 5, 2),
            (true, true, 70, 3),
            (true, true, 1, 1),
        ] {
            let model = model(has_latent, has_network)?;
            let cases = cases(images as u64, images);
            let bytes = encoded(&model, &cases, lanes)?;
            let mut decoders: Vec<Decoder> = bytes.iter().map(|b| Decoder::new(b)).collect();
            let found = coded(&model, &without_pixels(&cases), &mut decoders, IMAGE)?;
            assert!(found.iter().zip(&cases).all(|(found, case)| *found == (case.0, IMAGE)));
            for decoder in decoders {
                decoder.finish(Place::of(Section::Residual))?;
            }
        }
        Ok(())
    }

    #[test]
    fn images_do_not_depend_on_their_neighbours() -> Result<(), Error> {
        let (model, cases) = (model(true, true)?, cases(5, 7));
        // A lane for each image, so that its stream is its own.
        let together = encoded(&model, &cases, cases.len())?;
        for (case, stream) in cases.chunks(1).zip(together) {
            assert_eq!(encoded(&model, case, 1)?, [stream]);
        }
        Ok(())
    }

    #[test]
    fn the_first_rows_need_no_others() -> Result<(), Error> {
        let model = model(true, true)?;
        for case in cases(6, 12) {
            let case = [case];
            let bytes = encoded(&model, &case, 1)?;
            for rows in 0..=IMAGE {
                let mut decoder = [Decoder::new(&bytes[0])];
                let found = coded(&model, &without_pixels(&case), &mut decoder, rows)?;
                let (pixels, known) = found[0];
                let top = case[0].1.top.max(0) as usize;
                assert_eq!(known, if rows > top { rows.max(known) } else { top }, "{rows}");
                let known = known * IMAGE;
                assert_eq!(
                    (&pixels[..known], &pixels[known..]),
                    (&case[0].0[..known], &[0; PIXELS][known..])
                );
            }
        }
        Ok(())
    }

    #[test]
    fn ink_of_0_is_refused() -> Result<(), Error> {
        let (model, grids) = (model(false, true)?, grids()?);
        let grid = Grid { side: 30, top: 4, left: 4 };
        let image = CellImage::new(&grids, Placed::new(&grids, grid), &[0; PIXELS]);
        // Ink in the first cell, then nibbles of 0: whatever their frequencies are, they come first.
        let mut encoder = Encoder::new();
        encoder.symbol(model.plain(&image.state, 0), 1);
        encoder.encode(0, 1);
        encoder.encode(0, 1);
        let bytes = encoder.finish();
        let mut decoder = [Decoder::new(&bytes)];
        let case = ([0; PIXELS], grid, [0; PIXELS], [[0; 2]; 2]);
        coded(&model, &[case], &mut decoder, IMAGE)?;
        assert!(!decoder[0].is_valid());
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn any_bytes_end(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            seed in any::<u64>(),
            has_network in any::<bool>(),
        ) {
            let mut decoders = [Decoder::new(&bytes), Decoder::new(&[])];
            let cases = without_pixels(&cases(seed, 4));
            prop_assert!(coded(&model(true, has_network).unwrap(), &cases, &mut decoders, IMAGE).is_ok());
        }
    }
}
