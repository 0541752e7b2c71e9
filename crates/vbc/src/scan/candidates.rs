//! Which sizes of a scan, and which places of its box, an image may come from: the greys of cells
//! that are black all over tell.

use super::puzzle::{full, full_ink, full_maximum, interval};
use super::window::Window;
use super::{CELLS, MAX_SIDE, MIN_SIDE, PIXELS};

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

/// Sizes and places that at most `ignored` bright cells contradict, those with the most hits first.
pub(super) fn candidates(
    pixels: &[u8; PIXELS],
    places: &[[i32; 2]],
    ignored: usize,
) -> Vec<Candidate> {
    let mut found = Vec::new();
    for &at in places {
        let greys = Window::new(pixels, at).greys;
        let bright: Vec<usize> = (0..CELLS).filter(|&c| greys[c] >= BRIGHT).collect();
        for side in MIN_SIDE..=MAX_SIDE {
            let full = full(side);
            let maximum = full_maximum(&greys, &full);
            let (mut hits, mut too_bright) = (0, 0);
            for &c in &bright {
                let (low, high) = interval(greys[c], maximum);
                let ink = full_ink(&full, c);
                hits += u32::from(ink >= low && ink <= high);
                too_bright += usize::from(ink < low);
            }
            if maximum > 0 && too_bright <= ignored {
                found.push(Candidate { side, at, maximum, hits });
            }
        }
    }
    found.sort_by_key(|c| (std::cmp::Reverse(c.hits), c.side));
    found
}
