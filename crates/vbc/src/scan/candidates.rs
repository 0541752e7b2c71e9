//! Which sizes of a scan, and which places of its box, an image may come from: the greys of cells
//! that are black all over tell.

use super::puzzle::{full, full_maximum, interval};
use super::{BOX, CELLS, IMAGE, MAX_SIDE, MIN_SIDE, PIXELS};

/// Greys that count: darker cells are hardly ever black all over.
const BRIGHT: u8 = 225;

/// A size, a place and the ink of the brightest cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub side: usize,
    /// Row and column of the image where the box begins.
    pub at: [i32; 2],
    /// Ink of the brightest cell, as [`full_maximum`].
    pub maximum: i32,
    /// Bright cells that are as bright as a cell that is black all over.
    pub hits: u32,
}

/// The greys of the box at a place; those outside the image are 0.
pub(super) fn cut(pixels: &[u8; PIXELS], [top, left]: [i32; 2]) -> [u8; CELLS] {
    std::array::from_fn(|cell| {
        let y = usize::try_from(top + (cell / BOX) as i32).unwrap_or(IMAGE);
        let x = usize::try_from(left + (cell % BOX) as i32).unwrap_or(IMAGE);
        if y < IMAGE && x < IMAGE { pixels[y * IMAGE + x] } else { 0 }
    })
}

/// First row or column with ink, and how many from there to the last.
fn extent(is_ink: impl Fn(usize) -> bool) -> Option<(i32, i32)> {
    let first = (0..IMAGE).find(|&k| is_ink(k))?;
    let last = (0..IMAGE).rfind(|&k| is_ink(k))?;
    Some((first as i32, (last + 1 - first) as i32))
}

/// Places where the box may begin: its longer side is full of ink, and along the other one the ink is
/// in the middle. Empty for an image whose ink is in no such box.
pub(super) fn places(pixels: &[u8; PIXELS]) -> Vec<[i32; 2]> {
    let rows = extent(|y| (0..IMAGE).any(|x| pixels[y * IMAGE + x] > 0));
    let columns = extent(|x| (0..IMAGE).any(|y| pixels[y * IMAGE + x] > 0));
    let (Some((top, height)), Some((left, width))) = (rows, columns) else { return Vec::new() };
    let size = BOX as i32;
    if !(size - 1..=size).contains(&height.max(width)) {
        return Vec::new();
    }
    let margins = |ink: i32, is_long: bool| {
        let spare = size - ink;
        let middle = spare / 2;
        if is_long { 0..=spare } else { (middle - 1).max(0)..=(middle + 1).min(spare) }
    };
    let is_tall = height >= width;
    margins(height, is_tall)
        .flat_map(|y| margins(width, !is_tall).map(move |x| [top - y, left - x]))
        .collect()
}

/// Sizes and places that no cell contradicts, those with the most hits first.
pub(super) fn candidates(pixels: &[u8; PIXELS], places: &[[i32; 2]]) -> Vec<Candidate> {
    let mut found = Vec::new();
    for &at in places {
        let greys = cut(pixels, at);
        let bright: Vec<usize> = (0..CELLS).filter(|&c| greys[c] >= BRIGHT).collect();
        for side in MIN_SIDE..=MAX_SIDE {
            let full = full(side);
            let maximum = full_maximum(&greys, &full);
            let mut hits = 0;
            let fits = bright.iter().all(|&c| {
                let (low, high) = interval(greys[c], maximum);
                let ink = (full[c / BOX] * full[c % BOX] >> 28) as i32;
                hits += u32::from(ink >= low && ink <= high);
                ink >= low
            });
            if fits && maximum > 0 {
                found.push(Candidate { side, at, maximum, hits });
            }
        }
    }
    found.sort_by_key(|c| (std::cmp::Reverse(c.hits), c.side));
    found
}
