//! Coding scans side by side, and what has to be known of each image beside its scan (SPEC.md
//! section 6.7).

use fearless_simd::dispatch;

use super::history::History;
use super::inputs::{PIXEL_INPUTS, of, point_inputs};
use super::network::{BitmapModel, SIZES, Scratch};
use super::plain::plain_context;
use super::preview::POINTS;
use super::window::{around, near};
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
                let around = around(h, x);
                let Some(colour) = near(&around) else {
                    active.push(k);
                    pixels.push(of(h, x, &around));
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
