//! Where a row or column of a scan falls on the 20 cells, and with what weight.

use std::sync::OnceLock;

use super::round::round;
use super::{BOX, MAX_SIDE, MIN_SIDE};

/// Binary places of a weight: each is a multiple of 2⁻²⁶, and at most 1.
pub(super) const WEIGHT_FRAC: u32 = 26;

/// Binary places of the arithmetic here: 53-bit products of numbers above 2⁻²⁷ are exact.
const FRAC: u32 = 80;
const ONE: i128 = 1 << FRAC;

/// 0.99 as a double is this · 2⁻⁵³.
const SHRINK: i128 = 0x1F_AE14_7AE1_47AE;

/// The cells that one row or column falls on: one, or two neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The first cell, below [`BOX`].
    pub first: u8,
    /// Cells: 1 or 2.
    pub len: u8,
    /// Weight in each, in units of 2⁻[`WEIGHT_FRAC`]; 0 where there is no second cell.
    pub weights: [u32; 2],
}

impl Span {
    /// Cells and their weights.
    #[inline(always)]
    pub fn cells(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        let first = usize::from(self.first);
        (0..usize::from(self.len)).map(move |k| (first + k, self.weights[k]))
    }
}

/// The spans of a scan of `side` × `side` pixels, one for each row or column; `side` is brought
/// into [`MIN_SIDE`]..=[`MAX_SIDE`].
pub(super) fn spans(side: usize) -> &'static [Span] {
    static TABLES: [OnceLock<Vec<Span>>; MAX_SIDE - MIN_SIDE + 1] =
        [const { OnceLock::new() }; MAX_SIDE - MIN_SIDE + 1];
    let side = side.clamp(MIN_SIDE, MAX_SIDE);
    TABLES[side - MIN_SIDE].get_or_init(|| (0..side).map(|i| span(side, i)).collect())
}

fn span(side: usize, i: usize) -> Span {
    let (side, i) = (side as i128, i as i128);
    let centre = ONE * (BOX as i128 / 2);
    let scale = round(ONE * BOX as i128 / side, 24);
    let low = round(centre + round(scale * (2 * i - side) / 2, 24), 24);
    let width = round((scale >> 53) * SHRINK, 53);
    let high = round(round(low + width, 53), 24);
    let (first, last) = (low / ONE, high / ONE);
    let weights = if first == last {
        [scale, 0]
    } else {
        [round((first + 1) * ONE - low, 24), round(high - last * ONE, 24)]
    };
    Span {
        first: first as u8,
        len: if first == last { 1 } else { 2 },
        weights: weights.map(|w| (w.clamp(0, ONE) >> (FRAC - WEIGHT_FRAC)) as u32),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_types, clippy::float_arithmetic, reason = "floats are the oracle")]
mod tests {
    use super::*;

    /// The recipe as its author's program has it.
    fn oracle(side: usize, i: usize) -> (usize, usize, [f32; 2]) {
        let s = (20.0 / side as f64) as f32;
        let part = (f64::from(s) * (i as f64 - side as f64 / 2.0)) as f32;
        let low = 10.0 + part;
        let high = (f64::from(low) + 0.99 * f64::from(s)) as f32;
        let (first, last) = (low as i32, high as i32);
        if first == last {
            return (first as usize, 1, [s, 0.0]);
        }
        let weights = [(first + 1) as f32 - low, high - last as f32];
        assert_eq!(last, first + 1);
        (first as usize, 2, weights.map(|w| w.clamp(0.0, 1.0)))
    }

    #[test]
    fn every_weight_is_that_of_the_float_recipe() {
        for side in MIN_SIDE..=MAX_SIDE {
            for (i, span) in spans(side).iter().enumerate() {
                let (first, len, weights) = oracle(side, i);
                assert_eq!((usize::from(span.first), usize::from(span.len)), (first, len));
                assert!(first + len <= BOX);
                let one = (1u32 << WEIGHT_FRAC) as f32;
                assert_eq!(span.weights.map(|w| w as f32 / one), weights, "{side} {i}");
            }
        }
    }
}
