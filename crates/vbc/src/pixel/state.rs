//! What is known of one image part-way through: its pixels, its statistics, its preview.

use super::candidates::{Candidates, Corner};
use super::counts::Counts;
use super::geometry::{WINDOW_COLUMNS, WINDOW_ROWS};

/// A pixel value from here on is saturated ink, remembered by row and column.
pub(crate) const SATURATED: u8 = 240;

/// The causal state of one image. Pixels go in by [`push`](ImageState::push), in raster order.
#[derive(Clone, Debug)]
pub(crate) struct ImageState {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
    preview: Vec<u8>,
    pub x: usize,
    pub y: usize,
    pub counts: Counts,
    pub candidates: Candidates,
    /// The last saturated value of each column, and of the current row; 0 for none.
    column_saturated: Vec<u8>,
    row_saturated: u8,
    /// Whether a window above the row holds ink, by column.
    ink_above: Vec<bool>,
    /// Column of the last ink in the current row.
    last_ink: Option<usize>,
    running: Summary,
    /// `running` as it stood at the end of the row above.
    pub summary: Summary,
}

/// Totals of an image so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Pixels above 0.
    pub ink: u32,
    /// Pixels from 1 to 254.
    pub grey: u32,
    /// Different values above 0.
    pub distinct: u32,
    /// Sum of all pixels.
    pub mass: u32,
    /// Leftmost and rightmost column with ink, first row with ink.
    pub left: Option<u32>,
    pub right: Option<u32>,
    pub top: Option<u32>,
}

impl Summary {
    const EMPTY: Summary =
        Summary { ink: 0, grey: 0, distinct: 0, mass: 0, left: None, right: None, top: None };
}

impl ImageState {
    /// An image of which no pixel is known. `preview` is x̂, all zero without a latent.
    pub fn new(width: usize, height: usize, preview: Vec<u8>) -> Self {
        debug_assert_eq!(preview.len(), width * height);
        ImageState {
            width,
            height,
            pixels: vec![0; width * height],
            preview,
            x: 0,
            y: 0,
            counts: Counts::new(width),
            candidates: Candidates::new(),
            column_saturated: vec![0; width],
            row_saturated: 0,
            ink_above: vec![false; width],
            last_ink: None,
            running: Summary::EMPTY,
            summary: Summary::EMPTY,
        }
    }

    /// Bytes of the state of an image of `width` columns and `len` pixels.
    pub fn bytes(width: usize, len: usize) -> usize {
        size_of::<Self>() + 2 * len + 2 * width + Counts::bytes(width) + Candidates::bytes()
    }

    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    pub fn position(&self) -> usize {
        self.y * self.width + self.x
    }

    /// A decoded neighbour; 0 outside the image.
    pub fn neighbour(&self, (dy, dx): (i32, i32)) -> u8 {
        self.at(&self.pixels, dy, dx)
    }

    /// x̂ around the pixel; 0 outside the image.
    pub fn preview(&self, (dy, dx): (i32, i32)) -> u8 {
        self.at(&self.preview, dy, dx)
    }

    fn at(&self, plane: &[u8], dy: i32, dx: i32) -> u8 {
        let (y, x) = (self.y as i32 + dy, self.x as i32 + dx);
        if y < 0 || x < 0 || y >= self.height as i32 || x >= self.width as i32 {
            return 0;
        }
        plane[y as usize * self.width + x as usize]
    }

    pub fn corner(&self) -> Corner {
        Corner {
            west: self.neighbour((0, -1)),
            north: self.neighbour((-1, 0)),
            north_east: self.neighbour((-1, 1)),
        }
    }

    /// The last saturated value of this column above, and of this row so far; 0 for none.
    pub fn saturated(&self) -> [u8; 2] {
        [self.column_saturated[self.x], self.row_saturated]
    }

    /// Whether any pixel of the window is above 0. The network codes only such pixels.
    pub fn has_context(&self) -> bool {
        self.ink_above[self.x]
            || self.last_ink.is_some_and(|c| self.x - c <= WINDOW_COLUMNS as usize)
    }

    /// Whether the image has shown any ink.
    pub fn has_ink(&self) -> bool {
        self.running.ink > 0
    }

    #[cfg(test)]
    /// Whether every pixel is known.
    pub fn is_complete(&self) -> bool {
        self.y == self.height
    }

    /// Takes in the pixel at the current position and moves on.
    pub fn push(&mut self, value: u8) {
        let corner = self.corner();
        let position = self.position();
        self.pixels[position] = value;
        self.counts.add(self.x, value);
        let counts = &self.counts;
        self.candidates.add(corner, value, |v| counts.of_value(v));
        if value != 0 {
            if value >= SATURATED {
                self.row_saturated = value;
            }
            self.last_ink = Some(self.x);
            let (x, y) = (self.x as u32, self.y as u32);
            let s = &mut self.running;
            s.ink += 1;
            s.grey += u32::from(value < 255);
            s.mass += u32::from(value);
            s.left = Some(s.left.map_or(x, |l| l.min(x)));
            s.right = Some(s.right.map_or(x, |r| r.max(x)));
            s.top = s.top.or(Some(y));
        }
        self.x += 1;
        if self.x == self.width {
            self.end_row();
        }
    }

    fn end_row(&mut self) {
        let row = self.y * self.width;
        for (saturated, &v) in self.column_saturated.iter_mut().zip(&self.pixels[row..]) {
            if v >= SATURATED {
                *saturated = v;
            }
        }
        self.running.distinct = self.counts.distinct();
        self.summary = self.running;
        self.counts.start_row();
        self.row_saturated = 0;
        self.last_ink = None;
        self.x = 0;
        self.y += 1;
        let first = self.y.saturating_sub(WINDOW_ROWS as usize) * self.width;
        let rows = &self.pixels[first..self.y * self.width];
        for (x, ink) in self.ink_above.iter_mut().enumerate() {
            let from = x.saturating_sub(WINDOW_COLUMNS as usize);
            let to = (x + WINDOW_COLUMNS as usize).min(self.width - 1);
            *ink = rows.chunks_exact(self.width).any(|r| r[from..=to].iter().any(|&v| v != 0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::geometry::{LEFT, above};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn context_is_any_ink_in_the_window(
            pixels in proptest::collection::vec(prop_oneof![9 => Just(0u8), 1 => any::<u8>()], 17 * 11)
        ) {
            let mut s = ImageState::new(17, 11, vec![0; 17 * 11]);
            for &p in &pixels {
                let left = (1..=LEFT as i32).any(|d| s.neighbour((0, -d)) != 0);
                let any = left || above().iter().any(|&o| s.neighbour(o) != 0);
                prop_assert_eq!(s.has_context(), any);
                s.push(p);
            }
            prop_assert!(s.is_complete());
            prop_assert_eq!(s.pixels(), &pixels[..]);
            prop_assert_eq!(s.summary.ink as usize, pixels.iter().filter(|&&p| p > 0).count());
        }
    }
}
