//! The inputs of the pixel network as integers (SPEC.md 6.2).

use super::geometry::{
    ABOVE, ABOVE_WIDTH, COPY_NEAR, LEFT, NEAR_ABOVE, NEAR_LEFT, PATCH, PATCH_FAR, WINDOW_ROWS,
};
use super::state::{ImageState, SATURATED};
use crate::nn::ActiveList;

/// Fractional bits of an input: 1.0 is 1 024.
const ONE: i16 = 1 << 10;

/// Largest magnitude of an input that is not an activation.
pub(crate) const FEATURE_MAX: u32 = 1 << 10;

const SCALARS: usize = 8;
const SATURATION: usize = 18;
const NIBBLES: usize = 32;

/// Where each group of inputs begins, for a model's image size. Every group begins at an even
/// number, because inputs are multiplied in pairs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    width: usize,
    height: usize,
}

/// Collects inputs as (pair number, two activations).
#[derive(Clone, Debug, Default)]
pub(crate) struct Inputs(ActiveList);

/// Most pairs that one pixel's inputs are in.
const MOST_PAIRS: usize = 160;

impl Inputs {
    /// The pairs that are not zero.
    pub fn as_slice(&self) -> &[(u32, i32)] {
        self.0.as_slice()
    }

    /// Inputs `first` (even) and `first + 1`.
    #[inline(always)]
    fn pair(&mut self, first: usize, a: i16, b: i16) {
        self.0.push(first / 2, a, b);
    }

    /// A single input that no other call of the same group shares a pair with.
    fn one_hot(&mut self, at: usize) {
        let odd = at % 2 == 1;
        self.pair(at, if odd { 0 } else { ONE }, if odd { ONE } else { 0 });
    }

    /// A grey value / 256, and whether it is above 0.
    #[inline(always)]
    fn grey(&mut self, first: usize, value: u8) {
        self.pair(first, i16::from(value) << 2, if value != 0 { ONE } else { 0 });
    }

    /// High and low nibble as one-hots, nothing for 0.
    fn nibbles(&mut self, first: usize, value: u8) {
        if value != 0 {
            self.one_hot(first + usize::from(value >> 4));
            self.one_hot(first + 16 + usize::from(value & 15));
        }
    }

    /// Whether there is a saturated value, and which.
    fn saturation(&mut self, first: usize, value: u8) {
        if value != 0 {
            self.pair(first, ONE, 0);
            self.one_hot(first + 2 + usize::from(value - SATURATED));
        }
    }
}

impl Layout {
    pub fn new(width: usize, height: usize) -> Self {
        Layout { width, height }
    }

    const ROW_PATCH: usize = 2 * ABOVE;
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

    /// Inputs of the pixel part, the row part's output not among them.
    pub fn pixel_len(&self) -> usize {
        Self::PIXEL_COUNTS + COPY_NEAR.len()
    }

    /// The row part's inputs at the state's position. Reads nothing of the current row.
    pub fn row(&self, s: &ImageState, out: &mut Inputs) {
        out.0.clear(MOST_PAIRS);
        for up in 1..=WINDOW_ROWS as usize {
            for (k, &value) in s.window_row(up).iter().enumerate() {
                out.grey(2 * ((up - 1) * ABOVE_WIDTH + k), value);
            }
        }
        let mut patch = [0; PATCH + PATCH % 2];
        for (dy, row) in (-2..=2).zip(patch.as_chunks_mut::<5>().0) {
            *row = *s.preview_row(dy);
        }
        for (value, &offset) in patch[25..].iter_mut().zip(&PATCH_FAR) {
            *value = s.preview(offset);
        }
        for (k, &[a, b]) in patch.as_chunks::<2>().0.iter().enumerate() {
            out.pair(Self::ROW_PATCH + 2 * k, i16::from(a) << 2, i16::from(b) << 2);
        }
        for (k, &[a, b]) in self.scalars(s).as_chunks::<2>().0.iter().enumerate() {
            out.pair(Self::ROW_SCALARS + 2 * k, a, b);
        }
        for (k, &offset) in NEAR_ABOVE.iter().enumerate() {
            out.nibbles(Self::ROW_NIBBLES + k * NIBBLES, s.neighbour(offset));
        }
        out.saturation(Self::ROW_SATURATION, s.saturated()[0]);
        out.one_hot(Self::ROW_POSITION + s.y);
        out.one_hot(Self::ROW_POSITION + self.height.next_multiple_of(2) + s.x);
    }

    /// The image's totals at the end of the row above, each in 0 ..= 1 024.
    fn scalars(&self, s: &ImageState) -> [i16; SCALARS] {
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
    pub fn pixel(&self, s: &ImageState, out: &mut Inputs) -> [u8; COPIES] {
        out.0.clear(MOST_PAIRS);
        for k in 0..LEFT {
            out.grey(2 * k, s.neighbour((0, -(k as i32) - 1)));
        }
        for (k, &offset) in NEAR_LEFT.iter().enumerate() {
            out.nibbles(Self::PIXEL_NIBBLES + k * NIBBLES, s.neighbour(offset));
        }
        let saturated = s.saturated();
        out.saturation(Self::PIXEL_SATURATION, saturated[1]);
        let candidates = s.candidates.values(s.corner(), |v| s.counts.of_value(v));
        for (k, &value) in candidates.iter().enumerate() {
            out.grey(Self::PIXEL_CANDIDATES + 2 * k, value);
        }
        let near = COPY_NEAR.map(|o| s.neighbour(o));
        for (k, &[a, b]) in near.as_chunks::<2>().0.iter().enumerate() {
            let seen = |v: u8| log_count(s.counts.of_value(v));
            out.pair(Self::PIXEL_COUNTS + 2 * k, seen(a), seen(b));
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

    proptest! {
        #[test]
        fn inputs_stay_in_their_place(
            pixels in proptest::collection::vec(any::<u8>(), 9 * 7), known in 0usize..62
        ) {
            let mut s = ImageState::new(9, 7, &pixels.iter().rev().copied().collect::<Vec<_>>());
            pixels[..known].iter().for_each(|&p| s.push(p));
            let layout = Layout::new(9, 7);
            let mut inputs = Inputs::default();
            layout.row(&s, &mut inputs);
            let check = |inputs: &Inputs, len: usize| {
                let mut pairs: Vec<u32> = inputs.as_slice().iter().map(|a| a.0).collect();
                let halves = inputs.as_slice().iter().flat_map(|&(_, b)| [i32::from(b as i16), b >> 16]);
                let fits = halves.clone().all(|v| v.unsigned_abs() <= FEATURE_MAX);
                pairs.sort_unstable();
                fits && pairs.windows(2).all(|w| w[0] <= w[1]) && pairs.iter().all(|&p| (p as usize) * 2 < len)
            };
            prop_assert!(check(&inputs, layout.row_len()));
            layout.pixel(&s, &mut inputs);
            prop_assert!(check(&inputs, layout.pixel_len()));
        }
    }
}
