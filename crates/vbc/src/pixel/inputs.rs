//! The inputs of the pixel network as integers (SPEC.md 6.2).

use super::geometry::{
    ABOVE, ABOVE_WIDTH, COPY_NEAR, LEFT, NEAR_ABOVE, NEAR_LEFT, PATCH, PATCH_FAR, WINDOW_ROWS,
};
use super::state::{ImageState, SATURATED};
use crate::nn::Pair;

/// Fractional bits of an input.
pub(crate) const INPUT_FRAC: u32 = 10;

/// An input of 1.0.
pub(crate) const ONE: i16 = 1 << INPUT_FRAC;

/// Largest magnitude of an input that is not an activation.
pub(crate) const FEATURE_MAX: u32 = 1 << 10;

pub(crate) const SCALARS: usize = 8;
const SATURATION: usize = 18;
const NIBBLES: usize = 32;

/// Where each group of inputs begins, for a model's image size. Every group begins at an even
/// number, because inputs are multiplied in pairs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    width: usize,
    height: usize,
}

/// A grey value as inputs: value / 256, and whether it is above 0.
#[inline(always)]
pub(crate) fn grey(value: u8) -> Pair {
    [i16::from(value) << 2, if value != 0 { ONE } else { 0 }]
}

/// Takes the inputs of a position, each group at its place. Every input is given once, in ascending
/// order of its group; those that are not given are 0.
pub(crate) trait Sink {
    /// Inputs `first` (even) and `first + 1`.
    fn pair(&mut self, first: usize, pair: Pair);

    /// Input `at` is 1.0.
    fn one(&mut self, at: usize);

    /// The inputs from `first` (even) on.
    #[inline(always)]
    fn pairs<const N: usize>(&mut self, first: usize, pairs: &[Pair; N]) {
        for (k, &pair) in pairs.iter().enumerate() {
            self.pair(first + 2 * k, pair);
        }
    }

    /// Grey values, each a [`grey`].
    #[inline(always)]
    fn greys(&mut self, first: usize, values: &[u8]) {
        for (k, &v) in values.iter().enumerate() {
            self.pair(first + 2 * k, grey(v));
        }
    }

    /// High and low nibble as one-hots, nothing for 0.
    #[inline(always)]
    fn nibbles(&mut self, first: usize, value: u8) {
        if value != 0 {
            self.one(first + usize::from(value >> 4));
            self.one(first + 16 + usize::from(value & 15));
        }
    }

    /// Whether there is a saturated value, and which.
    #[inline(always)]
    fn saturation(&mut self, first: usize, value: u8) {
        if value != 0 {
            self.one(first);
            self.one(first + 2 + usize::from(value - SATURATED));
        }
    }
}

/// Pairs of inputs that can have other values than 0 and 1.0, in the row part and the pixel part.
pub(crate) const ROW_DENSE: usize = Layout::ROW_NIBBLES / 2;
pub(crate) const PIXEL_DENSE: usize = (2 * LEFT + 2 * 6 + COPY_NEAR.len()) / 2;

impl Layout {
    pub fn new(width: usize, height: usize) -> Self {
        Layout { width, height }
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    pub const ROW_PATCH: usize = 2 * ABOVE;
    const ROW_SCALARS: usize = Self::ROW_PATCH + PATCH.next_multiple_of(2);
    const ROW_NIBBLES: usize = Self::ROW_SCALARS + SCALARS;
    const ROW_SATURATION: usize = Self::ROW_NIBBLES + NEAR_ABOVE.len() * NIBBLES;
    const ROW_POSITION: usize = Self::ROW_SATURATION + SATURATION;

    const PIXEL_NIBBLES: usize = 2 * LEFT;
    const PIXEL_SATURATION: usize = Self::PIXEL_NIBBLES + NEAR_LEFT.len() * NIBBLES;
    const PIXEL_CANDIDATES: usize = Self::PIXEL_SATURATION + SATURATION;
    const PIXEL_COUNTS: usize = Self::PIXEL_CANDIDATES + 2 * 6;

    /// Inputs of the row part, the image vector not among them.
    pub fn row_len(&self) -> usize {
        Self::ROW_POSITION + self.height.next_multiple_of(2) + self.width.next_multiple_of(2)
    }

    /// The inputs of the pixel part that are 0 or 1.0: those before, and their number.
    pub fn pixel_split(&self) -> (usize, usize) {
        (Self::PIXEL_NIBBLES, Self::PIXEL_CANDIDATES - Self::PIXEL_NIBBLES)
    }

    /// Inputs of the pixel part, the row part's output not among them.
    pub fn pixel_len(&self) -> usize {
        Self::PIXEL_COUNTS + COPY_NEAR.len()
    }

    /// The inputs of the row part that are 0 or 1.0: those before, and their number.
    pub fn row_split(&self) -> (usize, usize) {
        (Self::ROW_NIBBLES, self.row_len() - Self::ROW_NIBBLES)
    }

    /// The row part's inputs in column `x` of the state's row, of which they read nothing.
    /// `scalars` are those of [`scalars`](Self::scalars).
    #[inline(always)]
    pub fn row(&self, s: &ImageState, x: usize, scalars: &[i16; SCALARS], out: &mut impl Sink) {
        for up in 1..=WINDOW_ROWS as usize {
            out.pairs(2 * (up - 1) * ABOVE_WIDTH, s.window_greys(x, up));
        }
        let mut patch = [0; PATCH + PATCH % 2];
        for (dy, row) in (-2..=2).zip(patch.as_chunks_mut::<5>().0) {
            *row = *s.preview_row(x, dy);
        }
        for (value, &offset) in patch[25..].iter_mut().zip(&PATCH_FAR) {
            *value = s.preview(x, offset);
        }
        for (k, pair) in patch.as_chunks::<2>().0.iter().enumerate() {
            out.pair(Self::ROW_PATCH + 2 * k, pair.map(|v| i16::from(v) << 2));
        }
        for (k, &pair) in scalars.as_chunks::<2>().0.iter().enumerate() {
            out.pair(Self::ROW_SCALARS + 2 * k, pair);
        }
        for (k, &offset) in NEAR_ABOVE.iter().enumerate() {
            out.nibbles(Self::ROW_NIBBLES + k * NIBBLES, s.above(x, offset));
        }
        out.saturation(Self::ROW_SATURATION, s.column_saturated(x));
        out.one(Self::ROW_POSITION + s.y);
        out.one(Self::ROW_POSITION + self.height.next_multiple_of(2) + x);
    }

    /// The image's totals at the end of the row above, each in 0 ..= 1 024.
    pub fn scalars(&self, s: &ImageState) -> [i16; SCALARS] {
        let t = &s.summary;
        let area = (self.width * self.height) as u32;
        let share = |n: u32, of: u32, scale: u32| (n * scale / of).min(FEATURE_MAX) as i16;
        let (w, h, y) = (self.width as u32, self.height as u32, s.y as u32);
        [
            share(t.ink, area, 2048),
            share(t.grey, area, 2048),
            share(t.distinct, 256, 2048),
            share(t.mass / 256, area, 4096),
            share(t.left.unwrap_or(w), w, FEATURE_MAX),
            share(t.right.map_or(0, |r| r + 1), w, FEATURE_MAX),
            share(t.top.unwrap_or(h), h, FEATURE_MAX),
            share(t.top.map_or(0, |top| y - top), h, FEATURE_MAX),
        ]
    }

    /// The pixel part's inputs at the state's position, and the 16 values of the copy head.
    #[inline(always)]
    pub fn pixel(&self, s: &ImageState, out: &mut impl Sink) -> [u8; COPIES] {
        let left: [u8; LEFT] = std::array::from_fn(|k| s.neighbour((0, -(k as i32) - 1)));
        out.greys(0, &left);
        for (k, &offset) in NEAR_LEFT.iter().enumerate() {
            out.nibbles(Self::PIXEL_NIBBLES + k * NIBBLES, s.neighbour(offset));
        }
        let saturated = [s.column_saturated(s.x), s.row_saturated()];
        out.saturation(Self::PIXEL_SATURATION, saturated[1]);
        let candidates = s.candidates.values(s.corner(), |v| s.counts.of_value(v));
        out.greys(Self::PIXEL_CANDIDATES, &candidates);
        let near = COPY_NEAR.map(|o| s.neighbour(o));
        for (k, pair) in near.as_chunks::<2>().0.iter().enumerate() {
            out.pair(Self::PIXEL_COUNTS + 2 * k, pair.map(|v| log_count(s.counts.of_value(v))));
        }
        std::array::from_fn(|k| match k {
            0..8 => near[k],
            8 | 9 => saturated[k - 8],
            _ => candidates[k - 10],
        })
    }
}

/// Values that the copy head can take.
pub(crate) const COPIES: usize = COPY_NEAR.len() + 2 + 6;

/// 128 · log₂(1 + count), rounded down: 0 ..= 1 024.
#[inline(always)]
fn log_count(count: u8) -> i16 {
    const TABLE: [i16; 256] = {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 256 {
            // (1 + i)^128 has 128·log₂(1 + i) bits; squaring keeps 64 of them.
            let mut mantissa = (1 + i as u128) << (127 - (1 + i as u128).ilog2());
            let mut log = (1 + i as u128).ilog2();
            let mut bit = 0;
            while bit < 7 {
                let square = (mantissa >> 64) * (mantissa >> 64);
                log *= 2;
                mantissa = square;
                if square >> 127 == 1 {
                    log += 1;
                } else {
                    mantissa <<= 1;
                }
                bit += 1;
            }
            table[i] = log as i16;
            i += 1;
        }
        table
    };
    TABLE[usize::from(count)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    #[expect(clippy::disallowed_types, reason = "a float logarithm is the oracle")]
    fn log_counts_are_floors() {
        for c in 0..=255u8 {
            let float: f64 = (1.0 + f64::from(c)).log2() * 128.0;
            assert_eq!(log_count(c), (float + 1e-9).floor() as i16, "{c}");
        }
    }

    /// All inputs given, as (place, value).
    #[derive(Default)]
    struct Given(Vec<(usize, i16)>);

    impl Sink for Given {
        fn pair(&mut self, first: usize, [a, b]: Pair) {
            assert_eq!(first % 2, 0);
            self.0.extend([(first, a), (first + 1, b)]);
        }

        fn one(&mut self, at: usize) {
            self.0.push((at, ONE));
        }
    }

    proptest! {
        #[test]
        fn inputs_stay_in_their_place(
            pixels in proptest::collection::vec(any::<u8>(), 9 * 7), known in 0usize..62
        ) {
            let mut s = ImageState::new(9, 7, &pixels.iter().rev().copied().collect::<Vec<_>>());
            pixels[..known].iter().for_each(|&p| s.push(p));
            let layout = Layout::new(9, 7);
            let check = |given: Given, len: usize, (before, hot): (usize, usize)| {
                let is_hot = |at: usize| (before..before + hot).contains(&at);
                given.0.is_sorted_by(|a, b| a.0 < b.0)
                    && given.0.iter().all(|&(at, v)| {
                        at < len && u32::from(v.unsigned_abs()) <= FEATURE_MAX && (!is_hot(at) || v == ONE)
                    })
            };
            let mut row = Given::default();
            layout.row(&s, s.x, &layout.scalars(&s), &mut row);
            prop_assert!(check(row, layout.row_len(), layout.row_split()));
            let mut pixel = Given::default();
            layout.pixel(&s, &mut pixel);
            prop_assert!(check(pixel, layout.pixel_len(), layout.pixel_split()));
        }
    }
}
