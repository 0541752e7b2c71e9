//! Which scans of one size give the greys of a box: the pixels that are free, the ink that each adds
//! to its cells, and the ink that each cell may hold.

use super::prior::MARGIN;
use super::render::INK_FRAC;
use super::spans::{Span, spans};
use super::window::Window;
use super::{BOX, CELLS};

/// Binary places of ink here: enough for a thousandth of a grey level after a hundred sums.
pub(super) const FRAC: u32 = 24;

/// A site that holds no free pixel.
pub(super) const FIXED: u16 = u16::MAX;

/// Number of a cell beyond the last that takes any ink.
const NOWHERE: u16 = CELLS as u16;

/// An interval that any ink is in.
const ANY: (i32, i32) = (i32::MIN / 2, i32::MAX / 2);

/// Slack of an interval: a grey may be rounded either way on its edge.
const SLACK: i32 = 24;

/// A pixel that may be ink or not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pixel {
    /// Cells that it falls on, filled up with [`NOWHERE`].
    pub cells: [u16; 4],
    /// What it adds to each, 0 to 2^[`FRAC`].
    pub weights: [i32; 4],
    /// Its place in the padded raster.
    pub site: u32,
}

/// A cell: its ink, and what it may hold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cell {
    pub ink: i32,
    pub low: i32,
    pub high: i32,
    /// The penalty of `ink`.
    pub fault: i32,
}

/// Greys of a box seen as a puzzle.
#[derive(Clone, Debug)]
pub(super) struct Puzzle {
    pub side: usize,
    /// Sites of a row of the padded raster.
    pub stride: usize,
    /// The free pixels, row by row.
    pub free: Vec<Pixel>,
    /// Number of the free pixel at each site, or [`FIXED`].
    pub at: Vec<u16>,
    /// Whether each site begins as ink.
    pub start: Vec<bool>,
    /// The cells with the ink of `start`, and [`NOWHERE`].
    pub cells: [Cell; CELLS + 1],
    /// Cells whose greys are not heeded, since no scan gives them beside the others.
    pub ignored: usize,
}

/// Ink of a row or column of cells when all is black, in units of 2⁻²⁶.
pub(super) fn full(side: usize) -> [u64; BOX] {
    let mut full = [0; BOX];
    for span in spans(side) {
        for (cell, weight) in span.cells() {
            full[cell] += u64::from(weight);
        }
    }
    full
}

/// Ink of a cell that is black all over, in units of 2⁻[`FRAC`], from that of rows and columns.
pub(super) fn full_ink(full: &[u64; BOX], cell: usize) -> i32 {
    ((full[cell / BOX] * full[cell % BOX]) >> (INK_FRAC - FRAC)) as i32
}

/// The most ink that a cell of the brightest greys can hold, in units of 2⁻[`FRAC`]; 0 without such
/// cells.
pub(super) fn full_maximum(greys: &[u8; CELLS], full: &[u64; BOX]) -> i32 {
    let bright = (0..CELLS).filter(|&c| greys[c] >= 254);
    bright.map(|c| full_ink(full, c)).max().unwrap_or(0)
}

/// Least and most ink of a cell of a grey, where the brightest holds `maximum`.
pub(super) fn interval(grey: u8, maximum: i32) -> (i32, i32) {
    let level = |grey: i64| (grey * i64::from(maximum) / 255) as i32;
    let grey = i64::from(grey);
    let (low, high) = match grey {
        0 => return (0, 0),
        1..128 => (level(grey - 1), level(grey)),
        128 => (level(127), level(129)),
        _ => (level(grey), level((grey + 1).min(255))),
    };
    // The least ink there is makes a grey of 1.
    ((low - SLACK).max(1), high + SLACK)
}

fn pixel(row: &Span, column: &Span, site: usize) -> Pixel {
    let mut pixel = Pixel { cells: [NOWHERE; 4], weights: [0; 4], site: site as u32 };
    let mut k = 0;
    for (y, row_weight) in row.cells() {
        for (x, weight) in column.cells() {
            let ink = u64::from(row_weight) * u64::from(weight);
            const HALF: u64 = 1 << (INK_FRAC - FRAC - 1);
            if ink > 0 {
                pixel.cells[k] = (y * BOX + x) as u16;
                pixel.weights[k] = ((ink + HALF) >> (INK_FRAC - FRAC)).max(1) as i32;
            }
            k += 1;
        }
    }
    pixel
}

impl Puzzle {
    /// The puzzle of scans of `side` × `side` pixels whose brightest cell holds `maximum`, or down to
    /// `slack` / 16 less. `None` where greys contradict each other even with `ignored` of them left out.
    pub fn new(
        window: &Window,
        side: usize,
        maximum: i32,
        slack: i32,
        ignored: usize,
    ) -> Option<Self> {
        let mut heeded = window.is_seen;
        let mut given_up = 0;
        loop {
            let maxima = [maximum - maximum / 16 * slack, maximum];
            let mut puzzle = Puzzle::blank(&window.greys, side, maxima);
            puzzle.ignored = given_up;
            for (cell, _) in puzzle.cells.iter_mut().zip(heeded).filter(|(_, heeded)| !heeded) {
                (cell.low, cell.high) = ANY;
            }
            puzzle.spread();
            let contradictions = puzzle.fix();
            if contradictions.is_empty() {
                puzzle.begin(window);
                return Some(puzzle);
            }
            given_up += contradictions.len();
            if given_up > ignored {
                return None;
            }
            for c in contradictions {
                heeded[c] = false;
            }
        }
    }

    fn blank(greys: &[u8; CELLS], side: usize, [least, most]: [i32; 2]) -> Self {
        let stride = side + 2 * MARGIN;
        let mut cells = [Cell { low: ANY.0, high: ANY.1, ..Cell::default() }; CELLS + 1];
        for (cell, &grey) in cells.iter_mut().zip(greys) {
            (cell.low, cell.high) = (interval(grey, least).0, interval(grey, most).1);
        }
        Puzzle {
            side,
            stride,
            free: Vec::new(),
            at: vec![FIXED; stride * stride],
            start: vec![false; stride * stride],
            cells,
            ignored: 0,
        }
    }

    /// Makes every pixel free that does not overflow a cell.
    fn spread(&mut self) {
        let spans = spans(self.side);
        for (y, row) in spans.iter().enumerate() {
            for (x, column) in spans.iter().enumerate() {
                let pixel = pixel(row, column, (y + MARGIN) * self.stride + x + MARGIN);
                if pixel.parts().all(|(c, w)| w <= self.cells[c].high) {
                    self.free.push(pixel);
                }
            }
        }
    }

    /// Fixes every free pixel that must be ink, or must not, for its cells' sake, until none is left.
    /// Returns the cells that cannot come right, as soon as there are any.
    fn fix(&mut self) -> Vec<usize> {
        // What a cell holds at most: what it holds for certain, and all that is free.
        let mut most = [0; CELLS + 1];
        for (c, w) in self.free.iter().flat_map(Pixel::parts) {
            most[c] += w;
        }
        loop {
            let before = self.free.len();
            let (cells, start) = (&mut self.cells, &mut self.start);
            self.free.retain(|pixel| {
                let is_blank = pixel.parts().any(|(c, w)| cells[c].ink + w > cells[c].high);
                let is_black = pixel.parts().any(|(c, w)| most[c] - w < cells[c].low);
                for (c, w) in pixel.parts() {
                    if is_blank {
                        most[c] -= w;
                    } else if is_black {
                        cells[c].ink += w;
                    }
                }
                start[pixel.site as usize] |= is_black && !is_blank;
                !is_blank && !is_black
            });
            let wrong =
                |&c: &usize| self.cells[c].ink > self.cells[c].high || most[c] < self.cells[c].low;
            let wrong: Vec<usize> = (0..CELLS).filter(wrong).collect();
            if !wrong.is_empty() || self.free.len() == before {
                return wrong;
            }
        }
    }

    /// Starts the free pixels as ink where the cells' greys are mostly dark.
    fn begin(&mut self, window: &Window) {
        for (number, pixel) in self.free.iter().enumerate() {
            let site = pixel.site as usize;
            self.at[site] = number as u16;
            let dark = |(c, w): (usize, i32)| (i64::from(window.greys[c]) - 127) * i64::from(w);
            let seen = pixel.parts().filter(|&(c, _)| window.is_seen[c]);
            if seen.map(dark).sum::<i64>() > 0 {
                self.start[site] = true;
                for (c, w) in pixel.parts() {
                    self.cells[c].ink += w;
                }
            }
        }
    }
}

impl Pixel {
    /// The cells that it falls on, below [`CELLS`], and what it adds to each.
    #[inline(always)]
    fn parts(&self) -> impl Iterator<Item = (usize, i32)> + '_ {
        let parts = self.cells.iter().map(|&c| usize::from(c)).zip(self.weights);
        parts.filter(|&(c, _)| c < CELLS)
    }
}

#[cfg(test)]
mod tests {
    use super::super::PIXELS;
    use super::super::render::{greys, ink};
    use super::*;

    #[test]
    fn what_must_be_is_fixed_as_it_was() {
        // A square with a corner less, in a box at the image's corner.
        let rows: Vec<u128> =
            (0..37).map(|y| if y < 12 { 0x1FFFF << 3 } else { 0x7FFF << 3 }).collect();
        let greys = greys(&ink(37, &rows));
        let mut pixels = [0; PIXELS];
        for (cell, grey) in greys.into_iter().enumerate() {
            pixels[cell / BOX * 28 + cell % BOX] = grey;
        }
        let window = Window::new(&pixels, [0, 0]);
        let maximum = full_maximum(&greys, &full(37));
        let puzzle = Puzzle::new(&window, 37, maximum, 0, 0).unwrap();
        for (y, row) in rows.iter().enumerate() {
            for x in 0..37 {
                let site = (y + MARGIN) * puzzle.stride + x + MARGIN;
                let is_ink = row >> x & 1 == 1;
                assert!(puzzle.at[site] != FIXED || puzzle.start[site] == is_ink, "{y} {x}");
            }
        }
        assert!(puzzle.free.len() < 200);
        assert!(Puzzle::new(&window, 36, maximum, 0, 0).is_none(), "of another size");
    }
}
