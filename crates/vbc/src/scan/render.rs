//! From a scan to greys: float32 arithmetic, one rounding a step, done in integers.

use super::round::{round, round24};
use super::spans::{WEIGHT_FRAC, spans};
use super::{BOX, CELLS};

/// Binary places of a sum of ink, which is below 2¹¹.
pub(super) const INK_FRAC: u32 = 2 * WEIGHT_FRAC;

/// Ink of each cell, in units of 2⁻[`INK_FRAC`]: the weights of the scan's black pixels, each added
/// and rounded in raster order. Bit c of a row is column c.
pub(super) fn ink(side: usize, rows: &[u128]) -> [u64; CELLS] {
    let spans = spans(side);
    let mut ink = [0; CELLS];
    for (&row, rows_span) in rows.iter().zip(spans) {
        let mut left = row;
        while left != 0 {
            let Some(span) = spans.get(left.trailing_zeros() as usize) else { break };
            left &= left - 1;
            for (y, row_weight) in rows_span.cells() {
                for (x, weight) in span.cells() {
                    let cell = &mut ink[y * BOX + x];
                    let product = u64::from(row_weight) * u64::from(weight);
                    *cell = round24(*cell + round24(product));
                }
            }
        }
    }
    ink
}

/// Greys of cells with that ink: a = 255 / max, y = a · ink, up below 128 and down from 128 on.
pub(super) fn greys(ink: &[u64; CELLS]) -> [u8; CELLS] {
    let Some(scale) = Scale::new(ink.iter().copied().max().unwrap_or(0)) else {
        return [0; CELLS];
    };
    ink.map(|ink| if ink == 0 { 0 } else { scale.grey(ink) })
}

/// a = 255 / max as a float: `mantissa` · 2^([`INK_FRAC`] − `frac`).
struct Scale {
    mantissa: u64,
    frac: u32,
}

impl Scale {
    fn new(max: u64) -> Option<Self> {
        let bits = max.checked_ilog2()?;
        // A quotient of more than 25 bits, its last bit set where the division leaves a rest.
        let numerator = 255u128 << (bits + 40);
        let (quotient, rest) = (numerator / u128::from(max), numerator % u128::from(max));
        let mantissa = round24((quotient << 1) as u64 | u64::from(rest != 0));
        Some(Scale { mantissa, frac: bits + 41 })
    }

    /// The grey of `ink`, at most the maximum.
    fn grey(&self, ink: u64) -> u8 {
        // At most 49 bits times 63.
        let y = round((u128::from(self.mantissa) * u128::from(ink)) as i128, 24);
        let whole = y >> self.frac;
        let up = whole < 128 && y & ((1 << self.frac) - 1) != 0;
        (whole + i128::from(up)).min(255) as u8
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_types, clippy::float_arithmetic, reason = "floats are the oracle")]
mod tests {
    use super::super::random::Random;
    use super::super::{MAX_SIDE, MIN_SIDE};
    use super::*;

    fn oracle(side: usize, rows: &[u128]) -> ([f32; CELLS], [u8; CELLS]) {
        let one = (1u32 << WEIGHT_FRAC) as f32;
        let mut ink = [0.0f32; CELLS];
        for (row, rows_span) in rows.iter().zip(spans(side)) {
            for (_, span) in spans(side).iter().enumerate().filter(|(c, _)| row >> c & 1 == 1) {
                for (y, row_weight) in rows_span.cells() {
                    for (x, weight) in span.cells() {
                        ink[y * BOX + x] += (row_weight as f32 / one) * (weight as f32 / one);
                    }
                }
            }
        }
        let scale = 255.0 / ink.iter().copied().fold(0.0, f32::max);
        let grey = |ink: f32| {
            let y = scale * ink;
            if y < 128.0 { y.ceil() as u8 } else { y.floor() as u8 }
        };
        (ink, ink.map(grey))
    }

    #[test]
    fn random_scans_render_as_in_floats() {
        let mut random = Random::new(1);
        for side in MIN_SIDE..=MAX_SIDE {
            let mask = u128::MAX >> (128 - side);
            for density in 0..8 {
                let mut row = || u128::from(random.next()) | u128::from(random.next()) << 64;
                let rows: Vec<u128> = (0..side)
                    .map(|_| match density {
                        0 => row() & row() & row() & row() & row() & row() & row() & row() & mask,
                        1..4 => row() & row() & mask,
                        4..6 => row() & mask,
                        6 => (row() | row() | row()) & mask,
                        _ => mask,
                    })
                    .collect();
                let sums = ink(side, &rows);
                let (expected_ink, expected) = oracle(side, &rows);
                let unit = (1u64 << INK_FRAC) as f32;
                assert_eq!(sums.map(|s| s as f32 / unit), expected_ink, "{side} {density}");
                assert_eq!(greys(&sums), expected, "{side} {density}");
            }
        }
    }

    #[test]
    fn no_ink_and_hardly_any() {
        assert_eq!(greys(&[0; CELLS]), [0; CELLS]);
        for size in [1, 3, 1 << 40, (1 << 63) - 1] {
            let mut ink = [1; CELLS];
            ink[7] = size;
            assert!(greys(&ink)[7] >= 254);
        }
        assert_eq!(ink(999, &[u128::MAX; 200]), ink(MAX_SIDE, &[u128::MAX; MAX_SIDE]));
    }
}
