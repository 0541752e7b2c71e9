//! Which scans of one size give the greys of a box: the pixels that are free, the ink that each adds
//! to its cells, and the ink that each cell may hold.

use super::prior::MARGIN;
use super::spans::{Span, spans};
use super::{BOX, CELLS};

/// Binary places of ink here: enough for a thousandth of a grey level after a hundred sums.
pub(super) const FRAC: u32 = 24;

/// A site that holds no free pixel.
pub(super) const FIXED: u16 = u16::MAX;

/// Number of a cell beyond the last that takes any ink.
const NOWHERE: u16 = CELLS as u16;

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
    /// Cells that no scan can satisfy.
    pub contradictions: u32,
}

/// Ink of a row or column of cells when all is black, in units of 2⁻²⁶.
pub fn full(side: usize) -> [u64; BOX] {
    let mut full = [0; BOX];
    for span in spans(side) {
        for (cell, weight) in span.cells() {
            full[cell] += u64::from(weight);
        }
    }
    full
}

/// The most ink that a cell of the brightest greys can hold, in units of 2⁻[`FRAC`].
pub fn full_maximum(greys: &[u8; CELLS], full: &[u64; BOX]) -> i32 {
    let bright = (0..CELLS).filter(|&c| greys[c] >= 254);
    let most = bright.map(|c| full[c / BOX] * full[c % BOX]).max().unwrap_or(0);
    (most >> (2 * 26 - FRAC)) as i32
}

/// Least and most ink of a cell of a grey, where the brightest holds `maximum`.
pub fn interval(grey: u8, maximum: i32) -> (i32, i32) {
    let level = |grey: i64| (grey * i64::from(maximum) / 255) as i32;
    let grey = i64::from(grey);
    let (low, high) = match grey {
        0 => return (0, 0),
        1..128 => (level(grey - 1), level(grey)),
        128 => (level(127), level(129)),
        _ => (level(grey), level((grey + 1).min(255))),
    };
    (low - SLACK, high + SLACK)
}

fn pixel(row: &Span, column: &Span, site: usize) -> Pixel {
    let mut pixel = Pixel { cells: [NOWHERE; 4], weights: [0; 4], site: site as u32 };
    let mut k = 0;
    for (y, row_weight) in row.cells() {
        for (x, weight) in column.cells() {
            let ink = u64::from(row_weight) * u64::from(weight);
            if ink > 0 {
                pixel.cells[k] = (y * BOX + x) as u16;
                pixel.weights[k] = ((ink + (1 << 27)) >> (2 * 26 - FRAC)) as i32;
            }
            k += 1;
        }
    }
    pixel
}

impl Puzzle {
    pub fn new(greys: &[u8; CELLS], side: usize, maximum: i32) -> Self {
        let stride = side + 2 * MARGIN;
        let mut puzzle = Puzzle {
            side,
            stride,
            free: Vec::new(),
            at: vec![FIXED; stride * stride],
            start: vec![false; stride * stride],
            cells: [Cell::default(); CELLS + 1],
            contradictions: 0,
        };
        for (cell, &grey) in puzzle.cells.iter_mut().zip(greys) {
            (cell.low, cell.high) = interval(grey, maximum);
        }
        puzzle.cells[CELLS] = Cell { low: i32::MIN / 2, high: i32::MAX / 2, ..Cell::default() };
        let spans = spans(side);
        for (y, row) in spans.iter().enumerate() {
            for (x, column) in spans.iter().enumerate() {
                let pixel = pixel(row, column, (y + MARGIN) * stride + x + MARGIN);
                let blank = pixel.cells.iter().zip(pixel.weights).any(|(&c, w)| {
                    w > puzzle.cells[usize::from(c)].high
                });
                if !blank {
                    puzzle.free.push(pixel);
                }
            }
        }
        puzzle.fix();
        puzzle.begin(greys);
        puzzle
    }

    /// Fixes every free pixel that must be ink, or must not, for its cells' sake, until none is left.
    fn fix(&mut self) {
        // What a cell holds at most with all that is free, besides what it holds for certain.
        let mut most = [0; CELLS + 1];
        for pixel in &self.free {
            for (&c, w) in pixel.cells.iter().zip(pixel.weights) {
                most[usize::from(c)] += w;
            }
        }
        loop {
            let before = self.free.len();
            let (cells, start) = (&mut self.cells, &mut self.start);
            self.free.retain(|pixel| {
                let parts = || pixel.cells.iter().map(|&c| usize::from(c)).zip(pixel.weights);
                let blank = parts().any(|(c, w)| w > 0 && cells[c].ink + w > cells[c].high);
                let black = parts().any(|(c, w)| w > 0 && most[c] - w < cells[c].low);
                for (c, w) in parts() {
                    if blank {
                        most[c] -= w;
                    } else if black {
                        cells[c].ink += w;
                    }
                }
                start[pixel.site as usize] |= black && !blank;
                !blank && !black
            });
            if self.free.len() == before {
                break;
            }
        }
        let wrong = |(c, most): (&Cell, &i32)| c.ink > c.high || *most < c.low;
        self.contradictions = self.cells.iter().zip(&most).filter(|&p| wrong(p)).count() as u32;
    }

    /// Starts the free pixels as ink where the cells' greys are mostly dark.
    fn begin(&mut self, greys: &[u8; CELLS]) {
        for (number, pixel) in self.free.iter().enumerate() {
            let site = pixel.site as usize;
            self.at[site] = number as u16;
            let (mut ink, mut all) = (0, 0);
            for (&c, w) in pixel.cells.iter().zip(pixel.weights) {
                all += i64::from(w);
                ink += i64::from(w) * greys.get(usize::from(c)).map_or(0, |&g| i64::from(g));
            }
            if ink > 127 * all {
                self.start[site] = true;
                for (&c, w) in pixel.cells.iter().zip(pixel.weights) {
                    self.cells[usize::from(c)].ink += w;
                }
            }
        }
    }
}
