//! What is known of one image part-way through: pixels, statistics, preview (SPEC.md 6.2).

use std::ops::Range;

use super::candidates::{Candidates, Corner};
use super::counts::Counts;
use super::geometry::{
    ABOVE_WIDTH, COPY_NEAR, LEFT, NEAR_ABOVE, NEAR_LEFT, PREVIEW_REACH, Reach, WINDOW_COLUMNS,
    WINDOW_ROWS,
};
use super::inputs::{Grey, grey};
use crate::grid::Placed;

/// A pixel value from here on is saturated ink, remembered by row and column.
pub(crate) const SATURATED: u8 = 240;

/// The causal state of one image. Ink goes in by [`add`](ImageState::add), from left to right; a row
/// ends by [`end_row`](ImageState::end_row).
#[derive(Clone, Debug)]
pub(crate) struct ImageState {
    width: usize,
    height: usize,
    /// The known pixels, with the window's margin of zeros above and on both sides.
    pixels: Plane,
    /// The same pixels as the network's inputs, made once for all the windows that hold them.
    greys: Vec<Grey>,
    /// x̂, with a margin on all sides.
    preview: Plane,
    /// What x̂ says around each pixel, for those without context.
    classes: Vec<u8>,
    reach: Reach,
    pub y: usize,
    /// The grid that the image's ink lies on.
    pub grid: Option<Placed>,
    pub counts: Counts,
    pub candidates: Candidates,
    /// The last saturated value of each column, and of the current row; 0 for none.
    column_saturated: Vec<u8>,
    row_saturated: u8,
    /// Whether the rows above hold ink within reach, by column.
    ink_above: Vec<u8>,
    /// The first column that no ink of the current row reaches so far.
    beyond_ink: usize,
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

    #[cfg(test)]
    fn at(&self, y: usize, x: usize, (dy, dx): (i32, i32)) -> u8 {
        let offset = dy as isize * self.stride as isize + dx as isize;
        self.cells[self.index(y, x).wrapping_add_signed(offset)]
    }

    /// Copies rows of `width` bytes into it.
    fn put_rows(&mut self, rows: &[u8], width: usize) {
        for (y, row) in rows.chunks_exact(width).enumerate() {
            let start = self.index(y, 0);
            self.cells[start..start + width].copy_from_slice(row);
        }
    }

    fn row(&self, y: usize, width: usize) -> &[u8] {
        let start = self.index(y, 0);
        &self.cells[start..start + width]
    }
}

/// The known pixels next to a column, 0 outside the image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around {
    /// Two of the row, from left to right.
    left: [u8; 2],
    /// Five of the row above.
    above: [u8; 5],
    /// One of the row above that.
    far_above: u8,
}

impl Around {
    /// The neighbour so many rows below and columns to the right.
    #[cfg(test)]
    pub fn at(&self, (dy, dx): (i32, i32)) -> u8 {
        match (dy, dx) {
            (0, -2..=-1) => self.left[(dx + 2) as usize],
            (-1, -2..=2) => self.above[(dx + 2) as usize],
            (-2, 0) => self.far_above,
            _ => 0,
        }
    }

    /// The neighbours of [`NEAR_ABOVE`], and two that are 0.
    #[inline(always)]
    pub fn above(&self) -> [u8; NEAR_ABOVE.len() + 2] {
        let [a, north_west, north, north_east, b] = self.above;
        [north, north_west, north_east, self.far_above, a, b, 0, 0]
    }

    /// The neighbours of [`NEAR_LEFT`].
    #[inline(always)]
    pub fn left(&self) -> [u8; NEAR_LEFT.len()] {
        let [far_west, west] = self.left;
        [west, far_west]
    }

    /// The neighbours of [`COPY_NEAR`].
    #[inline(always)]
    pub fn copies(&self) -> [u8; COPY_NEAR.len()] {
        let ([far_west, west], [a, north_west, north, north_east, b]) = (self.left, self.above);
        [west, north, north_west, north_east, far_west, self.far_above, a, b]
    }

    #[inline(always)]
    pub fn corner(&self) -> Corner {
        Corner { west: self.left[1], north: self.above[2], north_east: self.above[3] }
    }
}

impl ImageState {
    /// An image of which no pixel is known. `preview` is x̂, all zero without a latent.
    pub fn new(width: usize, height: usize, reach: Reach, preview: &[u8]) -> Self {
        debug_assert_eq!(preview.len(), width * height);
        let (rows, columns) = (WINDOW_ROWS as usize, WINDOW_COLUMNS as usize);
        let mut padded = Plane::new(width, height, PREVIEW_REACH, PREVIEW_REACH, PREVIEW_REACH);
        padded.put_rows(preview, width);
        let pixels = Plane::new(width, height, rows, columns, 0);
        ImageState {
            width,
            height,
            greys: vec![[0; 2]; pixels.cells.len()],
            pixels,
            preview: padded,
            classes: preview_classes(preview, width),
            reach,
            y: 0,
            grid: None,
            counts: Counts::new(width),
            candidates: Candidates::new(),
            column_saturated: vec![0; width],
            row_saturated: 0,
            ink_above: vec![0; width],
            beyond_ink: 0,
            running: Summary::EMPTY,
            summary: Summary::EMPTY,
        }
    }

    /// Another image of the same size of which no pixel is known, in the same memory.
    pub fn renewed(mut self, preview: &[u8]) -> Self {
        debug_assert_eq!(preview.len(), self.width * self.height);
        self.pixels.cells.fill(0);
        self.greys.fill([0; 2]);
        self.preview.put_rows(preview, self.width);
        self.counts.clear();
        self.candidates.clear();
        self.column_saturated.fill(0);
        self.ink_above.fill(0);
        let (running, summary) = (Summary::EMPTY, Summary::EMPTY);
        let classes = preview_classes(preview, self.width);
        ImageState {
            classes,
            y: 0,
            grid: None,
            row_saturated: 0,
            beyond_ink: 0,
            running,
            summary,
            ..self
        }
    }

    #[inline(always)]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The rows of known pixels.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.height).map(|y| self.pixels.row(y, self.width))
    }

    /// Row −`up` of the window of column `x`, from left to right, as network inputs.
    #[inline(always)]
    pub fn window_greys(&self, x: usize, up: usize) -> &[u8; 2 * ABOVE_WIDTH] {
        let start =
            self.pixels.index(self.y, x) - up * self.pixels.stride - WINDOW_COLUMNS as usize;
        let greys = self.greys[start..].as_flattened();
        // The margins make the row whole; an empty one stands for a row that cannot be.
        greys.first_chunk().unwrap_or(&[0; 2 * ABOVE_WIDTH])
    }

    /// The pixels to the left of column `x`, from left to right, as network inputs.
    #[inline(always)]
    pub fn left_greys(&self, x: usize) -> &[Grey; LEFT] {
        let start = self.pixels.index(self.y, x) - LEFT;
        self.greys[start..].first_chunk().unwrap_or(&[[0; 2]; LEFT])
    }

    /// Bytes that the state of a `width` × `height` image takes.
    pub fn bytes(width: usize, height: usize) -> usize {
        let margin = 2 * WINDOW_COLUMNS as usize;
        size_of::<Self>()
            + (3 + size_of::<Grey>()) * (width + margin) * (height + 2 * PREVIEW_REACH)
            + Counts::column_bytes(width)
            + Candidates::table_bytes()
            + 2 * width
    }

    /// A known neighbour of column `x` within the window; 0 outside the image.
    #[cfg(test)]
    pub fn neighbour(&self, x: usize, offset: (i32, i32)) -> u8 {
        self.pixels.at(self.y, x, offset)
    }

    /// x̂ at most [`PREVIEW_REACH`] from column `x`; 0 outside the image.
    #[cfg(test)]
    pub fn preview(&self, x: usize, offset: (i32, i32)) -> u8 {
        self.preview.at(self.y, x, offset)
    }

    /// The points of x̂ in row `dy` around column `x`, to `N` / 2 ≤ [`PREVIEW_REACH`] on either side.
    #[inline(always)]
    pub fn preview_row<const N: usize>(&self, x: usize, dy: isize) -> &[u8; N] {
        let at =
            self.preview.index(self.y, x).wrapping_add_signed(dy * self.preview.stride as isize);
        self.preview.cells[at - N / 2..].first_chunk().unwrap_or(&[0; N])
    }

    /// The nearest known pixels around column `x`.
    #[inline(always)]
    pub fn around(&self, x: usize) -> Around {
        let Plane { cells, stride, .. } = &self.pixels;
        let at = self.pixels.index(self.y, x);
        // The margins make all of them whole; empty ones stand for what cannot be.
        Around {
            left: *cells[at - 2..].first_chunk().unwrap_or(&[0; 2]),
            above: *cells[at - stride - 2..].first_chunk().unwrap_or(&[0; 5]),
            far_above: cells[at - 2 * stride],
        }
    }

    #[inline(always)]
    pub fn corner(&self, x: usize) -> Corner {
        self.around(x).corner()
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

    /// Which columns see ink in the rows above.
    #[inline(always)]
    pub fn ink_above(&self) -> &[u8] {
        &self.ink_above
    }

    /// Whether ink is within reach of column `x`. The network codes only such pixels.
    #[inline(always)]
    pub fn has_context(&self, x: usize) -> bool {
        self.ink_above[x] != 0 || x < self.beyond_ink
    }

    /// The columns of the row that can be ink: with a grid, those that have a cell.
    pub fn columns(&self) -> Range<usize> {
        self.grid.map_or(0..self.width, |grid| grid.columns(self.y))
    }

    /// Whether the image has shown any ink.
    #[inline(always)]
    pub fn has_ink(&self) -> bool {
        self.running.ink > 0
    }

    /// Bit length of the largest x̂ in the 3 × 3 around column `x`: 0 ..= 8.
    #[inline(always)]
    pub fn preview_class(&self, x: usize) -> usize {
        usize::from(self.classes[self.y * self.width + x])
    }

    /// Takes in a pixel of column `x` that is above 0.
    #[inline(always)]
    pub fn add(&mut self, x: usize, value: u8) {
        self.counts.add(x, value);
        self.take_in(x, value);
    }

    /// As [`add`](Self::add) for an encoder, which counts what columns and rows have by itself.
    #[inline(always)]
    pub fn add_known(&mut self, x: usize, value: u8) {
        self.counts.add_to_image(value);
        self.take_in(x, value);
    }

    /// Takes in a pixel that is counted.
    #[inline(always)]
    fn take_in(&mut self, x: usize, value: u8) {
        debug_assert!(value != 0);
        let corner = self.corner(x);
        let index = self.pixels.index(self.y, x);
        self.pixels.cells[index] = value;
        self.greys[index] = grey(value);
        let counts = &self.counts;
        self.candidates.add(corner, value, |v| counts.of_value(v));
        if value >= SATURATED {
            self.row_saturated = value;
        }
        self.beyond_ink = x + 1 + self.reach.columns;
        let (x, y) = (x as u32, self.y as u32);
        let s = &mut self.running;
        s.ink += 1;
        s.grey += u32::from(value < 255);
        s.mass += u32::from(value);
        s.left = Some(s.left.map_or(x, |l| l.min(x)));
        s.right = Some(s.right.map_or(x, |r| r.max(x)));
        s.top = s.top.or(Some(y));
    }

    /// Goes on to the next row.
    pub fn end_row(&mut self) {
        if self.beyond_ink > 0 {
            let row = self.pixels.row(self.y, self.width);
            for (saturated, &v) in self.column_saturated.iter_mut().zip(row) {
                *saturated = if v >= SATURATED { v } else { *saturated };
            }
            self.running.distinct = self.counts.distinct();
            self.counts.start_row();
            self.row_saturated = 0;
            self.beyond_ink = 0;
        }
        self.summary = self.running;
        self.y += 1;
        if self.has_ink() {
            self.look_above();
        }
    }

    /// Finds the columns that see ink in the rows above.
    fn look_above(&mut self) {
        let (reach, stride) = (self.reach.columns, self.pixels.stride);
        let end = self.pixels.index(self.y, 0) - self.pixels.side;
        let rows = &self.pixels.cells[end - self.reach.rows * stride..end];
        let first = self.pixels.side - reach;
        // Or of bytes in loops without branches: the edges of strokes are nowhere to be guessed.
        self.ink_above.fill(0);
        for row in rows.chunks_exact(stride) {
            for by in 0..=2 * reach {
                let ink = &row[first + by..][..self.width];
                self.ink_above.iter_mut().zip(ink).for_each(|(above, &v)| *above |= v);
            }
        }
    }
}

/// For each pixel of x̂ the bit length of the largest value in the 3 × 3 around it.
fn preview_classes(preview: &[u8], width: usize) -> Vec<u8> {
    let mut classes = vec![0; preview.len()];
    if preview.iter().all(|&v| v == 0) {
        return classes;
    }
    let height = preview.len() / width.max(1);
    // With a zero on both sides.
    let mut tallest = vec![0u8; width + 2];
    for (y, classes) in classes.chunks_exact_mut(width).enumerate() {
        tallest.fill(0);
        for row in preview.chunks_exact(width).take(height.min(y + 2)).skip(y.saturating_sub(1)) {
            tallest[1..].iter_mut().zip(row).for_each(|(t, &v)| *t = (*t).max(v));
        }
        for ((class, &a), (&b, &c)) in
            classes.iter_mut().zip(&tallest).zip(tallest[1..].iter().zip(&tallest[2..]))
        {
            *class = 8 - a.max(b).max(c).leading_zeros() as u8;
        }
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn context_is_any_ink_within_reach(
            pixels in proptest::collection::vec(prop_oneof![9 => Just(0u8), 1 => any::<u8>()], 17 * 11),
            rows in 1usize..=4,
            columns in 1usize..=6,
        ) {
            let mut s = ImageState::new(17, 11, Reach { rows, columns }, &[0; 17 * 11]);
            for row in pixels.chunks(17) {
                for (x, &p) in row.iter().enumerate() {
                    let c = columns as i32;
                    let left = (1..=c).any(|d| s.neighbour(x, (0, -d)) != 0);
                    let above = (1..=rows as i32).any(|up| (-c..=c).any(|d| s.neighbour(x, (-up, d)) != 0));
                    prop_assert_eq!(s.has_context(x), left || above);
                    prop_assert_eq!(s.ink_above()[x] != 0, above);
                    let around = s.around(x);
                    for offset in NEAR_ABOVE.into_iter().chain(NEAR_LEFT).chain(COPY_NEAR) {
                        prop_assert_eq!(around.at(offset), s.neighbour(x, offset), "{:?}", offset);
                    }
                    let above: Vec<u8> = NEAR_ABOVE.iter().map(|&offset| around.at(offset)).collect();
                    prop_assert_eq!(around.above().to_vec(), [&above[..], &[0; 2]].concat());
                    prop_assert_eq!(around.left(), NEAR_LEFT.map(|offset| around.at(offset)));
                    prop_assert_eq!(around.copies(), COPY_NEAR.map(|offset| around.at(offset)));
                    if p != 0 {
                        s.add(x, p);
                    }
                }
                s.end_row();
            }
            prop_assert_eq!(s.rows().collect::<Vec<_>>().concat(), pixels.clone());
            prop_assert_eq!(s.summary.ink as usize, pixels.iter().filter(|&&p| p > 0).count());
        }

        #[test]
        fn classes_are_of_the_nine_points_around(
            preview in proptest::collection::vec(prop_oneof![2 => Just(0u8), 1 => any::<u8>()], 7 * 5)
        ) {
            let mut s = ImageState::new(7, 5, Reach { rows: 1, columns: 1 }, &preview);
            for _ in 0..5 {
                for x in 0..7 {
                    let near = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dy, dx)));
                    let largest = near.map(|o| s.preview(x, o)).max().unwrap_or(0);
                    prop_assert_eq!(s.preview_class(x), (8 - largest.leading_zeros()) as usize);
                }
                s.end_row();
            }
        }
    }
}
