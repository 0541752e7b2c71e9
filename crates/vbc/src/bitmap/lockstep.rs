//! Coding scans side by side, and what has to be known of each image beside its scan (SPEC.md
//! section 6.7).

use fearless_simd::dispatch;

use super::history::History;
use super::inputs::{PIXEL_INPUTS, pixel_inputs, point_inputs};
use super::network::{BitmapModel, SIZES, Scratch};
use super::plain::plain_context;
use super::preview::POINTS;
use crate::pixel::Coder;
use crate::scan::{MAX_SIDE, MIN_SIDE, PIXELS, Scan, Solved};

/// Bits of a position in the image, of a grey, and of a number of corrections that is not small.
const POSITION_BITS: u32 = 10;
const GREY_BITS: u32 = 8;
const COUNT_BITS: u32 = 10;

/// The last number of corrections that has a symbol of its own; above it comes an escape.
const FEW: usize = 14;

/// Codes which images have a scan, and those: image i with coder i modulo their number. `previews` are
/// the images' x̂, empty for a model without a latent. `solved` are an encoder's; a decoder gives as many images without any. A decoder's result means nothing where a
/// coder is not valid after it.
pub(crate) fn code<C: Coder>(
    model: &BitmapModel,
    coders: &mut [C],
    previews: &[[u8; PIXELS]],
    solved: &[Option<Solved>],
) -> Vec<Option<Solved>> {
    let lanes = coders.len();
    // Which images have scans, and of which sizes.
    let sizes: Vec<usize> = solved
        .iter()
        .enumerate()
        .map(|(i, solved)| {
            let size = solved.as_ref().map_or(0, |s| s.scan.side() + 1 - MIN_SIDE);
            size_of_scan(model, &mut coders[i % lanes], size)
        })
        .collect();
    let images: Vec<usize> = (0..sizes.len()).filter(|&i| sizes[i] > 0).collect();
    let known = |k: usize| solved[images[k]].as_ref();
    let counts: Vec<usize> = (0..images.len())
        .map(|k| {
            let count = known(k).map_or(0, |s| s.wrong.len());
            corrections(model, &mut coders[images[k] % lanes], count)
        })
        .collect();
    let mut histories: Vec<History> =
        images.iter().map(|&i| History::new(sizes[i] + MIN_SIDE - 1, previews.get(i))).collect();
    let lane_of: Vec<usize> = images.iter().map(|i| i % lanes).collect();
    let black = |k: usize, y: usize, x: usize| {
        known(k).and_then(|s| s.scan.rows().get(y)).is_some_and(|row| row >> x & 1 == 1)
    };
    bitmaps(model, &mut histories, &lane_of, coders, black);
    let mut out = vec![None; sizes.len()];
    for (k, history) in histories.iter().enumerate() {
        let coder = &mut coders[lane_of[k]];
        let Some(scan) = history.scan() else { continue };
        let wrong = greys(coder, &scan, counts[k], known(k).map_or(&[], |s| &s.wrong));
        out[images[k]] = Some(Solved { scan, wrong });
    }
    out
}

/// Codes the size of an image's scan: 0 for none, 1 for the smallest.
fn size_of_scan(model: &BitmapModel, coder: &mut impl Coder, size: usize) -> usize {
    let high = coder.symbol(&model.size_high, size >> 4);
    let low = coder.symbol(&model.size_low[high], size & 15);
    let size = high << 4 | low;
    if size < SIZES {
        return size;
    }
    coder.refuse();
    0
}

/// Codes how many greys are corrected.
fn corrections(model: &BitmapModel, coder: &mut impl Coder, count: usize) -> usize {
    let symbol = coder.symbol(&model.corrections, count.min(FEW + 1));
    if symbol <= FEW {
        return symbol;
    }
    let count = coder.uniform(count as u32, COUNT_BITS) as usize;
    if count > FEW && count <= PIXELS {
        return count;
    }
    coder.refuse();
    0
}

/// Codes the corrections of an image, by position.
fn greys(coder: &mut impl Coder, scan: &Scan, count: usize, known: &[(u16, u8)]) -> Vec<(u16, u8)> {
    let mut wrong = Vec::new();
    if count == 0 {
        return wrong;
    }
    let rendered = scan.render();
    for k in 0..count {
        let (position, grey) = known.get(k).copied().unwrap_or_default();
        let position = coder.uniform(position.into(), POSITION_BITS) as u16;
        let grey = coder.uniform(grey.into(), GREY_BITS) as u8;
        let is_later = wrong.last().is_none_or(|&(last, _)| position > last);
        if !is_later || rendered.get(usize::from(position)).is_none_or(|&g| g == grey) {
            coder.refuse();
            break;
        }
        wrong.push((position, grey));
    }
    wrong
}

/// Codes all pixels, position-major, those of scan k with coder `lanes[k]`. `black(k, y, x)` is what
/// an encoder knows. Stops early where a coder is no longer valid.
fn bitmaps<C: Coder>(
    model: &BitmapModel,
    histories: &mut [History],
    lanes: &[usize],
    coders: &mut [C],
    black: impl Fn(usize, usize, usize) -> bool,
) {
    let padded = model.padded();
    let mut terms = vec![0; histories.len() * padded];
    let mut active: Vec<usize> = Vec::new();
    let mut pixels: Vec<[u32; PIXEL_INPUTS]> = Vec::new();
    let mut points: Vec<[u32; POINTS]> = Vec::new();
    let mut scratch = Scratch::default();
    for y in 0..MAX_SIDE {
        let tall: Vec<usize> = (0..histories.len()).filter(|&k| histories[k].side() > y).collect();
        for &k in &tall {
            model.start_row(&histories[k], &mut terms[k * padded..(k + 1) * padded]);
        }
        let most = tall.iter().map(|&k| histories[k].side()).max().unwrap_or(0);
        for x in 0..most {
            if !coders.iter().all(C::is_valid) {
                return;
            }
            active.clear();
            pixels.clear();
            points.clear();
            dispatch!(model.level(), _simd => for &k in &tall {
                let h = &mut histories[k];
                if x >= h.side() {
                    continue;
                }
                let Some(colour) = h.near(x) else {
                    active.push(k);
                    pixels.push(pixel_inputs(h, x));
                    points.extend(point_inputs(h, x));
                    continue;
                };
                let plain = model.plain(plain_context(h, x, colour), h.grey(x));
                if coders[lanes[k]].symbol(plain, usize::from(black(k, y, x))) != 0 {
                    h.add(x);
                }
            });
            if active.is_empty() {
                continue;
            }
            let start = |n: usize| &terms[active[n] * padded..(active[n] + 1) * padded];
            model.evaluate(&pixels, &points, start, &mut scratch);
            for (&k, distribution) in active.iter().zip(model.distributions(&scratch)) {
                let symbol = usize::from(black(k, y, x));
                if coders[lanes[k]].symbol(distribution, symbol) != 0 {
                    histories[k].add(x);
                }
            }
        }
        tall.iter().for_each(|&k| histories[k].end_row());
    }
}

#[cfg(test)]
mod tests {
    use super::super::inputs::{INPUTS, POINT_INPUTS};
    use super::super::network::Layers;
    use super::super::plain::PLAIN_CONTEXTS;
    use super::super::preview::GREYS;
    use super::*;
    use crate::entropy::{Decoder, Encoder};
    use crate::error::{Error, Place, Section};
    use crate::nn::ByteLayer;
    use crate::pixel::Ink;
    use proptest::prelude::*;

    /// A stream of numbers, the same for a seed.
    fn noise(seed: u64) -> impl FnMut() -> u64 {
        let mut state = seed | 1;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state >> 40
        }
    }

    fn model(has_latent: bool) -> Result<BitmapModel, Error> {
        let mut next = noise(7);
        let inputs = INPUTS + if has_latent { POINT_INPUTS } else { 0 };
        let mut layer = |name: &str, inputs: usize, outputs: usize, shift: u8| {
            let weights: Vec<i8> = (0..inputs * outputs).map(|_| next() as i8 / 4).collect();
            ByteLayer::new(
                name,
                inputs,
                outputs,
                &weights,
                &vec![900; outputs],
                &vec![shift; outputs],
            )
        };
        let layers = Layers {
            inputs: layer("scan.inputs", inputs, 17, 6)?,
            hidden: layer("scan.hidden", 17, 9, 6)?,
            ink: Ink::new(layer("scan.ink", 9, 1, 3)?)?,
            plain: (0..PLAIN_CONTEXTS as i16).map(|k| k % 3000 - 1500).collect(),
            plain_preview: if has_latent { (0..GREYS as i16).collect() } else { Vec::new() },
            size_high: (0..16).collect(),
            size_low: (0..256).collect(),
            corrections: (0..16).collect(),
        };
        BitmapModel::new(layers, has_latent)
    }

    /// Images with and without scans, of all sizes, with few or many corrections.
    fn solved(seed: u64, images: usize) -> Vec<Option<Solved>> {
        let mut next = noise(seed);
        let mut image = || {
            let side = MIN_SIDE + next() as usize % (MAX_SIDE - MIN_SIDE + 1);
            let mut rows = vec![0u128; side];
            for _ in 0..3 {
                let (top, left) = (next() as usize % side, next() as usize % side);
                for (row, y) in rows.iter_mut().zip(0usize..) {
                    for x in 0..side {
                        let inside = y.abs_diff(top).pow(2) + x.abs_diff(left).pow(2) < side;
                        *row |= u128::from(inside) << x;
                    }
                }
            }
            let scan = Scan::new(rows)?;
            let rendered = scan.render();
            let each = [0, 1, 40, 784][next() as usize % 4];
            let wrong = (0..each).map(|k| 784 / each * k);
            let wrong = wrong.map(|p| (p as u16, rendered[p].wrapping_add(1))).collect();
            (!next().is_multiple_of(4)).then_some(Solved { scan, wrong })
        };
        (0..images).map(|_| image()).collect()
    }

    fn previews(images: usize) -> Vec<[u8; PIXELS]> {
        (0..images).map(|i| std::array::from_fn(|p| (p * (i + 3) % 256) as u8)).collect()
    }

    #[test]
    fn scans_come_back_and_a_stream_is_the_only_one() -> Result<(), Error> {
        for (has_latent, images, lanes) in
            [(false, 9, 2), (true, 7, 3), (true, 1, 1), (false, 3, 8)]
        {
            let model = model(has_latent)?;
            let previews = if has_latent { previews(images) } else { Vec::new() };
            let solved = solved(images as u64, images);
            let mut encoders: Vec<Encoder> = (0..lanes).map(|_| Encoder::new()).collect();
            assert_eq!(code(&model, &mut encoders, &previews, &solved), solved);
            let bytes: Vec<Vec<u8>> = encoders.into_iter().map(Encoder::finish).collect();
            let mut decoders: Vec<Decoder> = bytes.iter().map(|b| Decoder::new(b)).collect();
            assert_eq!(code(&model, &mut decoders, &previews, &vec![None; images]), solved);
            for decoder in decoders {
                decoder.finish(Place::of(Section::Residual))?;
            }
        }
        Ok(())
    }

    #[test]
    fn images_do_not_depend_on_their_neighbours() -> Result<(), Error> {
        let model = model(true)?;
        let (solved, previews) = (solved(5, 6), previews(6));
        // Of as many lanes as images: each has a stream of its own.
        let streams = |solved: &[Option<Solved>], previews: &[[u8; PIXELS]]| {
            let mut encoders: Vec<Encoder> = solved.iter().map(|_| Encoder::new()).collect();
            code(&model, &mut encoders, previews, solved);
            encoders.into_iter().map(Encoder::finish).collect::<Vec<_>>()
        };
        let alone = solved.chunks(1).zip(previews.chunks(1));
        let alone: Vec<Vec<u8>> =
            alone.flat_map(|(solved, x_hat)| streams(solved, x_hat)).collect();
        assert_eq!(streams(&solved, &previews), alone);
        Ok(())
    }

    #[test]
    fn what_no_encoder_writes_is_refused() -> Result<(), Error> {
        let model = model(false)?;
        let scan = Scan::new(vec![u128::MAX >> 98; 30]);
        let rendered = scan.as_ref().map_or([0; PIXELS], Scan::render);
        let refused = |wrong: Vec<(u16, u8)>| {
            let solved = scan.clone().map(|scan| Solved { scan, wrong });
            let mut encoder = [Encoder::new()];
            code(&model, &mut encoder, &[], &[solved]);
            let [encoder] = encoder;
            let bytes = encoder.finish();
            let mut decoder = [Decoder::new(&bytes)];
            code(&model, &mut decoder, &[], &[None]);
            !decoder[0].is_valid()
        };
        let grey = |p: u16| rendered[usize::from(p)].wrapping_add(9);
        assert!(!refused(vec![(0, grey(0)), (5, grey(5))]));
        assert!(refused(vec![(5, grey(5)), (0, grey(0))]), "positions that do not ascend");
        assert!(refused(vec![(5, rendered[5])]), "a grey that is there already");
        assert!(refused(vec![(784, 0)]), "beyond the image");
        let mut encoder = Encoder::new();
        encoder.symbol(&model.size_high, 6);
        encoder.symbol(&model.size_low[6], 6);
        let bytes = encoder.finish();
        let mut decoder = [Decoder::new(&bytes)];
        code(&model, &mut decoder, &[], &[None]);
        assert!(!decoder[0].is_valid(), "a size that no scan has");
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let model = model(true)?;
            let mut decoders = [Decoder::new(&bytes), Decoder::new(&[])];
            code(&model, &mut decoders, &previews(4), &vec![None; 4]);
        }
    }
}
