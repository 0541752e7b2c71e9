//! The inputs of the pixel network as bytes (SPEC.md 6.2).
//!
//! Each part has *dense* inputs, which are multiplied as a matrix, and after them *hot* ones, which
//! are 0 or 1.0: of those a fixed number of places is listed, and a place for nothing fills the list.

use fearless_simd::{Simd, prelude::*, u32x8};

use super::geometry::{
    ABOVE, COPY_NEAR, LEFT, NEAR_ABOVE, NEAR_LEFT, PATCH, PATCH_FAR, WINDOW_ROWS,
};
use super::state::{ImageState, SATURATED};
use crate::grid::{LINES, Line, Placed};

/// Fractional bits of an input.
pub(crate) const INPUT_FRAC: u32 = 7;

/// An input of 1.0.
pub(crate) const ONE: u8 = 1 << INPUT_FRAC;

pub(crate) const SCALARS: usize = 8;
const SATURATION: usize = 16;
const NIBBLES: usize = 32;

/// A grey value as inputs: value / 128, and whether it is above 0.
pub(crate) type Grey = [u8; 2];

#[inline(always)]
pub(crate) fn grey(value: u8) -> Grey {
    [value, if value != 0 { ONE } else { 0 }]
}

const ROW_PATCH: usize = 2 * ABOVE;
const ROW_SCALARS: usize = (ROW_PATCH + PATCH).next_multiple_of(4);
/// Dense inputs of the row part.
pub(crate) const ROW_DENSE: usize = ROW_SCALARS + SCALARS;
const ROW_SATURATION: usize = NEAR_ABOVE.len() * NIBBLES;
const ROW_POSITION: usize = ROW_SATURATION + SATURATION;
/// Most hot inputs of the row part that are 1.0 for all columns of a row: its number, and number and class of the
/// grid's line.
pub(crate) const LINE_HOT: usize = 3;
/// Most of the others: nibbles, the column's saturated value, and for the column what [`LINE_HOT`] says of a row.
pub(crate) const ROW_HOT: usize = 2 * NEAR_ABOVE.len() + 1 + LINE_HOT;
/// Where these stand among the high nibbles, then the low ones, of eight neighbours, of which there are six.
const OTHERS: [usize; 1 + LINE_HOT] = [6, 7, 14, 15];
const _: () = assert!(ROW_HOT == 16 && NEAR_ABOVE.len() == 6);
/// The first hot input of each of these neighbours.
static FIRST_NIBBLE: [u32; 8] = {
    let mut first = [0; 8];
    let mut k = 1;
    while k < 8 {
        first[k] = first[k - 1] + NIBBLES as u32;
        k += 1;
    }
    first
};

const PIXEL_CANDIDATES: usize = 2 * LEFT;
const PIXEL_COUNTS: usize = PIXEL_CANDIDATES + 2 * 6;
/// Dense inputs of the pixel part.
pub(crate) const PIXEL_DENSE: usize = PIXEL_COUNTS + COPY_NEAR.len();
const PIXEL_SATURATION: usize = NEAR_LEFT.len() * NIBBLES;
/// Hot inputs of the pixel part.
const PIXEL_HOT_LEN: usize = PIXEL_SATURATION + SATURATION;
/// Most of them that are 1.0.
pub(crate) const PIXEL_HOT: usize = 2 * NEAR_LEFT.len() + 1;

const _: () = assert!(ROW_DENSE.is_multiple_of(4) && PIXEL_DENSE.is_multiple_of(4));

/// First of the row part's inputs that is a point of x̂.
#[cfg(feature = "training")]
pub(crate) const PATCH_FIRST: usize = ROW_PATCH;

/// Values that the copy head can take.
pub(crate) const COPIES: usize = COPY_NEAR.len() + 2 + 6;

/// Numbers of the hot inputs that are 1.0, the first hot input being number 0; what is not used is
/// [`nothing`](Layout::row_nothing).
pub(crate) type Hot<const N: usize> = [u32; N];

/// The inputs of both parts for images of one size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    width: usize,
    height: usize,
    /// Classes of lines of grids; 0 without grids.
    classes: usize,
}

/// Lists hot inputs without a branch, which would be mispredicted at every second edge of a stroke.
struct Places<'a, const N: usize> {
    places: &'a mut Hot<N>,
    next: usize,
    nothing: u32,
}

impl<const N: usize> Places<'_, N> {
    #[inline(always)]
    fn put(&mut self, is_there: bool, place: usize) {
        self.places[self.next % N] = if is_there { place as u32 } else { self.nothing };
        self.next += 1;
    }

    /// High and low nibble, nothing for 0.
    #[inline(always)]
    fn nibbles(&mut self, first: usize, value: u8) {
        self.put(value != 0, first + usize::from(value >> 4));
        self.put(value != 0, first + 16 + usize::from(value & 15));
    }

    /// Which saturated value, if any.
    #[inline(always)]
    fn saturation(&mut self, first: usize, value: u8) {
        self.put(value != 0, first + usize::from(value.wrapping_sub(SATURATED)));
    }
}

impl Layout {
    pub fn new(width: usize, height: usize) -> Self {
        Layout { width, height, classes: 0 }
    }

    /// With inputs for grids of so many classes of lines.
    pub fn with_grids(self, classes: usize) -> Self {
        Layout { classes, ..self }
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    /// Inputs of the row part, the image vector not among them.
    pub fn row_len(&self) -> usize {
        ROW_DENSE + self.row_nothing()
    }

    /// Hot inputs of the row part, and the place for none of them.
    pub fn row_nothing(&self) -> usize {
        let grids = if self.classes > 0 { 2 * (LINES + self.classes) } else { 0 };
        ROW_POSITION + self.height + self.width + grids
    }

    /// Inputs of the pixel part, the row part's output not among them.
    pub fn pixel_len(&self) -> usize {
        PIXEL_DENSE + PIXEL_HOT_LEN
    }

    /// Hot inputs of the pixel part, and the place for none of them.
    pub fn pixel_nothing(&self) -> usize {
        PIXEL_HOT_LEN
    }

    /// The row part's inputs in column `x` of the state's row, of which they read nothing, but for those of
    /// [`line`](Self::line). `scalars` are those of [`scalars`](Self::scalars).
    #[inline(always)]
    pub fn row<S: Simd>(
        &self,
        simd: S,
        s: &ImageState,
        x: usize,
        scalars: &[u8; SCALARS],
        dense: &mut [u8; ROW_DENSE],
    ) -> Hot<ROW_HOT> {
        let (window, rest) = dense.split_at_mut(ROW_PATCH);
        for (up, row) in (1..=WINDOW_ROWS as usize).zip(window.as_chunks_mut().0) {
            *row = *s.window_greys(x, up);
        }
        let (patch, summary) = rest.split_at_mut(ROW_SCALARS - ROW_PATCH);
        for (dy, row) in (-2..=2).zip(patch.as_chunks_mut::<5>().0) {
            *row = *s.preview_row(x, dy);
        }
        let [above, beside, below] = [-4, 0, 4].map(|dy| s.preview_row::<9>(x, dy));
        let far: [u8; PATCH_FAR.len()] =
            [above[0], above[4], above[8], beside[0], beside[8], below[0], below[4], below[8]];
        patch[25..PATCH].copy_from_slice(&far);
        patch[PATCH..].fill(0);
        summary.copy_from_slice(scalars);
        let nothing = self.row_nothing() as u32;
        // In vectors, for whether a neighbour is blank is nowhere to be guessed.
        let values = u32x8::from_slice(simd, &s.around(x).above().map(u32::from));
        let first = u32x8::from_slice(simd, &FIRST_NIBBLE);
        let (is_there, nothings) = (values.simd_gt(0), u32x8::splat(simd, nothing));
        let highs: [u32; 8] = is_there.select(first + (values >> 4), nothings).into();
        let lows: [u32; 8] = is_there.select(first + 16 + (values & 15), nothings).into();
        let mut others = [nothing; 4];
        let mut places = Places { places: &mut others, next: 0, nothing };
        places.saturation(ROW_SATURATION, s.column_saturated(x));
        places.put(true, ROW_POSITION + self.height + x);
        if let Some(grid) = &s.grid {
            self.grid_line(&mut places, 1, grid, grid.column(x));
        }
        let mut all = [nothing; ROW_HOT];
        all[..8].copy_from_slice(&highs);
        all[8..].copy_from_slice(&lows);
        // Where no neighbour is.
        for (at, other) in OTHERS.into_iter().zip(others) {
            all[at] = other;
        }
        all
    }

    /// The row part's hot inputs that all columns of the state's row have.
    pub fn line(&self, s: &ImageState) -> Hot<LINE_HOT> {
        let nothing = self.row_nothing() as u32;
        let mut hot = [nothing; LINE_HOT];
        let mut places = Places { places: &mut hot, next: 0, nothing };
        places.put(true, ROW_POSITION + s.y);
        if let Some(grid) = &s.grid {
            self.grid_line(&mut places, 0, grid, grid.row(s.y));
        }
        hot
    }

    /// Lists number and class of a grid's line: of a row, `which` being 0, or of a column.
    #[inline(always)]
    fn grid_line<const N: usize>(
        &self,
        places: &mut Places<N>,
        which: usize,
        grid: &Placed,
        line: Option<Line>,
    ) {
        let first = ROW_POSITION + self.height + self.width;
        let (number, class) = line.map_or((0, 0), |l| (l.number, grid.class(l)));
        places.put(line.is_some(), first + which * LINES + number);
        places.put(line.is_some(), first + 2 * LINES + which * self.classes + class);
    }

    /// The image's totals at the end of the row above, each in 0 ..= 128.
    pub fn scalars(&self, s: &ImageState) -> [u8; SCALARS] {
        let t = &s.summary;
        let area = (self.width * self.height) as u32;
        let share = |n: u32, of: u32, scale: u32| (n * scale / of).min(u32::from(ONE)) as u8;
        let (w, h, y) = (self.width as u32, self.height as u32, s.y as u32);
        [
            share(t.ink, area, 256),
            share(t.grey, area, 256),
            share(t.distinct, 256, 256),
            share(t.mass / 256, area, 512),
            share(t.left.unwrap_or(w), w, 128),
            share(t.right.map_or(0, |r| r + 1), w, 128),
            share(t.top.unwrap_or(h), h, 128),
            share(t.top.map_or(0, |top| y - top), h, 128),
        ]
    }

    /// The pixel part's inputs in column `x` of the state's row, and the 16 values of the copy head.
    #[inline(always)]
    pub fn pixel(
        &self,
        s: &ImageState,
        x: usize,
        dense: &mut [u8; PIXEL_DENSE],
    ) -> (Hot<PIXEL_HOT>, [u8; COPIES]) {
        let around = s.around(x);
        let candidates = s.candidates.values(around.corner(), |v| s.counts.of_value(v));
        let near = around.copies();
        let (left, rest) = dense.split_at_mut(PIXEL_CANDIDATES);
        left.copy_from_slice(s.left_greys(x).as_flattened());
        let (greys, counts) = rest.split_at_mut(PIXEL_COUNTS - PIXEL_CANDIDATES);
        for (pair, &value) in greys.as_chunks_mut().0.iter_mut().zip(&candidates) {
            *pair = grey(value);
        }
        for (count, &value) in counts.iter_mut().zip(&near) {
            *count = log_count(s.counts.of_value(value));
        }
        let saturated = [s.column_saturated(x), s.row_saturated()];
        let nothing = self.pixel_nothing() as u32;
        let mut hot = [nothing; PIXEL_HOT];
        let mut places = Places { places: &mut hot, next: 0, nothing };
        for (k, value) in around.left().into_iter().enumerate() {
            places.nibbles(k * NIBBLES, value);
        }
        places.saturation(PIXEL_SATURATION, saturated[1]);
        let copies = std::array::from_fn(|k| match k {
            0..8 => near[k],
            8 | 9 => saturated[k - 8],
            _ => candidates[k - 10],
        });
        (hot, copies)
    }
}

/// 16 · log₂(1 + count), rounded down: 0 ..= 128.
#[inline(always)]
pub(crate) fn log_count(count: u8) -> u8 {
    const TABLE: [u8; 256] = {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 256 {
            // (1 + i)^16 has at most 128 bits, and 255¹⁶ is below 2¹²⁸.
            table[i] = match (1 + i as u128).checked_pow(16) {
                Some(power) => power.ilog2() as u8,
                None => 128,
            };
            i += 1;
        }
        table
    };
    TABLE[usize::from(count)]
}

#[cfg(test)]
mod tests {
    use fearless_simd::dispatch;

    use super::super::geometry::Reach;
    use super::*;
    use crate::nn::level;
    use proptest::prelude::*;

    #[test]
    #[expect(clippy::disallowed_types, reason = "a float logarithm is the oracle")]
    fn log_counts_are_floors() {
        for c in 0..=255u8 {
            let float: f64 = (1.0 + f64::from(c)).log2() * 16.0;
            assert_eq!(log_count(c), (float + 1e-9).floor() as u8, "{c}");
        }
    }

    proptest! {
        #[test]
        fn hot_inputs_stay_in_their_place(
            pixels in proptest::collection::vec(any::<u8>(), 9 * 7), rows in 0usize..7, x in 0usize..9
        ) {
            let preview: Vec<u8> = pixels.iter().rev().copied().collect();
            let mut s = ImageState::new(9, 7, Reach { rows: 2, columns: 3 }, &preview);
            for row in pixels.chunks(9).take(rows) {
                row.iter().enumerate().filter(|p| *p.1 > 0).for_each(|(x, &v)| s.add(x, v));
                s.end_row();
            }
            let layout = Layout::new(9, 7);
            let mut dense = [0; ROW_DENSE];
            let scalars = layout.scalars(&s);
            let hot = dispatch!(level(), simd => layout.row(simd, &s, x, &scalars, &mut dense));
            let line = layout.line(&s);
            let mut all = [&hot[..], &line].concat();
            prop_assert!(all.iter().all(|&h| h as usize <= layout.row_nothing()));
            all.retain(|&h| (h as usize) < layout.row_nothing());
            all.sort_unstable();
            prop_assert!(all.is_sorted_by(|a, b| a < b), "none twice");
            for (k, &offset) in NEAR_ABOVE.iter().enumerate() {
                let (value, first) = (u32::from(s.neighbour(x, offset)), (k * NIBBLES) as u32);
                let nibbles = [first + (value >> 4), first + 16 + (value & 15)];
                let none = [layout.row_nothing() as u32; 2];
                prop_assert_eq!([hot[k], hot[8 + k]], if value == 0 { none } else { nibbles });
            }
            prop_assert!(dense[ROW_SCALARS..].iter().all(|&v| v <= ONE));
            prop_assert_eq!(&dense[ROW_PATCH + PATCH..ROW_SCALARS], [0; ROW_SCALARS - ROW_PATCH - PATCH]);
            let (hot, _) = layout.pixel(&s, x, &mut [0; PIXEL_DENSE]);
            prop_assert!(hot.iter().all(|&h| h as usize <= layout.pixel_nothing()));
        }
    }
}
