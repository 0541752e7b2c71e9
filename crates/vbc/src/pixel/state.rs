//! What is known of one image part-way through: pixels, statistics, preview (SPEC.md 6.2).

use super::candidates::{Candidates, Corner};
use super::counts::Counts;
use super::geometry::{ABOVE_WIDTH, PREVIEW_REACH, WINDOW_COLUMNS, WINDOW_ROWS};
use super::inputs::grey;
use crate::nn::Pair;

/// A pixel value from here on is saturated ink, remembered by row and column.
pub(crate) const SATURATED: u8 = 240;

/// The causal state of one image. Pixels go in by [`push`](ImageState::push), in raster order.
#[derive(Clone, Debug)]
pub(crate) struct ImageState {
    width: usize,
    height: usize,
    /// The known pixels, with the window's margin of zeros above and on both sides.
    pixels: Plane,
    /// The same pixels as the network's inputs, made once for all the windows that hold them.
    greys: Vec<Pair>,
    /// x̂, with a margin on all sides.
    preview: Plane,
    pub x: usize,
    pub y: usize,
    pub counts: Counts,
    pub candidates: Candidates,
    /// The last saturated value of each column, and of the current row; 0 for none.
    column_saturated: Vec<u8>,
    row_saturated: u8,
    /// Whether the window's rows above above the row holds ink, by column.
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

/// Rows of bytes with margins of zeros, so that a look outside the image needs no test.
#[derive(Clone, Debug)]
struct Plane {
    cells: Vec<u8>,
    stride: usize,
    top: usize,
    side: usize,
}

impl Plane {
    fn new(width: usize, height: usize, top: usize, side: usize, bottom: usize) -> Self {
        let stride = width + 2 * side;
        Plane { cells: vec![0; stride * (top + height + bottom)], stride, top, side }
    }

    #[inline(always)]
    fn index(&self, y: usize, x: usize) -> usize {
        (y + self.top) * self.stride + x + self.side
    }

    #[inline(always)]
    fn at(&self, y: usize, x: usize, (dy, dx): (i32, i32)) -> u8 {
        let offset = dy as isize * self.stride as isize + dx as isize;
        self.cells[self.index(y, x).wrapping_add_signed(offset)]
    }

    fn row(&self, y: usize, width: usize) -> &[u8] {
        let start = self.index(y, 0);
        &self.cells[start..start + width]
    }
}

impl ImageState {
    /// An image of which no pixel is known. `preview` is x̂, all zero without a latent.
    pub fn new(width: usize, height: usize, preview: &[u8]) -> Self {
        debug_assert_eq!(preview.len(), width * height);
        let (rows, columns) = (WINDOW_ROWS as usize, WINDOW_COLUMNS as usize);
        let mut padded = Plane::new(width, height, PREVIEW_REACH, PREVIEW_REACH, PREVIEW_REACH);
        for (y, row) in preview.chunks_exact(width).enumerate() {
            let start = padded.index(y, 0);
            padded.cells[start..start + width].copy_from_slice(row);
        }
        let pixels = Plane::new(width, height, rows, columns, 0);
        ImageState {
            width,
            height,
            greys: vec![[0; 2]; pixels.cells.len()],
            pixels,
            preview: padded,
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

    /// The rows of known pixels.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.height).map(|y| self.pixels.row(y, self.width))
    }

    /// Row −`up` of the window of column `x`, from left to right, as network inputs.
    #[inline(always)]
    pub fn window_greys(&self, x: usize, up: usize) -> &[Pair; ABOVE_WIDTH] {
        let start =
            self.pixels.index(self.y, x) - up * self.pixels.stride - WINDOW_COLUMNS as usize;
        // The margins make the row whole; an empty one stands for a row that cannot be.
        self.greys[start..].first_chunk().unwrap_or(&[[0; 2]; ABOVE_WIDTH])
    }

    /// Bytes that the state of a `width` × `height` image takes.
    pub fn bytes(width: usize, height: usize) -> usize {
        let margin = 2 * WINDOW_COLUMNS as usize;
        size_of::<Self>()
            + (2 + size_of::<Pair>()) * (width + margin) * (height + 2 * PREVIEW_REACH)
            + Counts::column_bytes(width)
            + Candidates::table_bytes()
            + 2 * width
    }

    pub fn position(&self) -> usize {
        self.y * self.width + self.x
    }

    /// A decoded neighbour within the window; 0 outside the image.
    #[inline(always)]
    pub fn neighbour(&self, offset: (i32, i32)) -> u8 {
        self.pixels.at(self.y, self.x, offset)
    }

    /// A neighbour of column `x` in a row above, within the window; 0 outside the image.
    #[inline(always)]
    pub fn above(&self, x: usize, offset: (i32, i32)) -> u8 {
        self.pixels.at(self.y, x, offset)
    }

    /// x̂ at most [`PREVIEW_REACH`] from column `x`; 0 outside the image.
    #[inline(always)]
    pub fn preview(&self, x: usize, offset: (i32, i32)) -> u8 {
        self.preview.at(self.y, x, offset)
    }

    /// The five points of x̂ in row `dy` (−2 ..= 2) around column `x`.
    #[inline(always)]
    pub fn preview_row(&self, x: usize, dy: isize) -> &[u8; 5] {
        let at =
            self.preview.index(self.y, x).wrapping_add_signed(dy * self.preview.stride as isize);
        self.preview.cells[at - 2..].first_chunk().unwrap_or(&[0; 5])
    }

    #[inline(always)]
    pub fn corner(&self) -> Corner {
        Corner {
            west: self.neighbour((0, -1)),
            north: self.neighbour((-1, 0)),
            north_east: self.neighbour((-1, 1)),
        }
    }

    /// The last saturated value of column `x` above the row; 0 for none.
    #[inline(always)]
    pub fn column_saturated(&self, x: usize) -> u8 {
        self.column_saturated[x]
    }

    /// The last saturated value of this row so far; 0 for none.
    #[inline(always)]
    pub fn row_saturated(&self) -> u8 {
        self.row_saturated
    }

    /// Whether the rows above hold ink in the window of column `x`.
    #[inline(always)]
    pub fn has_ink_above(&self, x: usize) -> bool {
        self.ink_above[x]
    }

    /// Whether any pixel of the window is above 0. The network codes only such pixels.
    #[inline(always)]
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
        let index = self.pixels.index(self.y, self.x);
        self.pixels.cells[index] = value;
        self.greys[index] = grey(value);
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
        for (saturated, &v) in
            self.column_saturated.iter_mut().zip(self.pixels.row(self.y, self.width))
        {
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
        let reach = WINDOW_COLUMNS as usize;
        // Columns to the right of `x − reach` that the last ink of the rows above lets see it.
        let stride = self.pixels.stride;
        let end = self.pixels.index(self.y, 0) - self.pixels.side;
        let rows = &self.pixels.cells[end - WINDOW_ROWS as usize * stride..end];
        let mut since_ink = usize::MAX;
        for column in 0..self.width + reach {
            let ink = rows.chunks_exact(stride).any(|r| r[column + reach] != 0);
            since_ink = if ink { 0 } else { since_ink.saturating_add(1) };
            if column >= reach {
                self.ink_above[column - reach] = since_ink <= 2 * reach;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::geometry::LEFT;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn context_is_any_ink_in_the_window(
            pixels in proptest::collection::vec(prop_oneof![9 => Just(0u8), 1 => any::<u8>()], 17 * 11)
        ) {
            let mut s = ImageState::new(17, 11, &[0; 17 * 11]);
            for &p in &pixels {
                let left = (1..=LEFT as i32).any(|d| s.neighbour((0, -d)) != 0);
                let any = left || (1..=4).any(|up| s.window_greys(s.x, up).iter().any(|&v| v != [0; 2]));
                prop_assert_eq!(s.has_context(), any);
                s.push(p);
            }
            prop_assert!(s.is_complete());
            prop_assert_eq!(s.rows().collect::<Vec<_>>().concat(), pixels.clone());
            prop_assert_eq!(s.summary.ink as usize, pixels.iter().filter(|&&p| p > 0).count());
        }
    }
}
