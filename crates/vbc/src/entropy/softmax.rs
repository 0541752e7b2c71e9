//! Integer logits to frequencies (SPEC.md section 7.2).

use fearless_simd::{Simd, i32x16, prelude::*, u32x16};

use super::range::{Decoder, Encoder};

/// Frequencies of a distribution add up to 2^`TOTAL_BITS`.
pub(crate) const TOTAL_BITS: u32 = 16;

/// Fractional bits of a logit. Logits are to the base 2.
pub(crate) const LOGIT_FRAC: u32 = 10;

pub(super) const TOTAL: u32 = 1 << TOTAL_BITS;
const ONE: u32 = 1 << LOGIT_FRAC;

/// How far the parabola through 2^0, 2^−1/2 and 2^−1 hangs below their chord. It is within 0.4 % of
/// the power: less than 10⁻⁵ bits a symbol.
const BEND: u32 = 11_244;

/// About 2^(16 − distance/1024).
#[inline(always)]
fn weight(distance: u32) -> u32 {
    let f = distance % ONE;
    (TOTAL - (f << 5) - ((f * (ONE - f) * BEND) >> 20)) >> (distance / ONE).min(31)
}

/// A distribution over `N` ≥ 2 symbols, each of frequency at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Distribution<const N: usize> {
    /// Sum of the frequencies of the symbols before each.
    starts: [u16; N],
}

/// What is coded of a symbol: where its part of 2^[`TOTAL_BITS`] begins, and how large it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interval {
    pub start: u16,
    /// At least 1.
    pub frequency: u16,
}

impl<const N: usize> Default for Distribution<N> {
    /// Nothing that could be coded with.
    fn default() -> Self {
        Distribution { starts: [0; N] }
    }
}

impl<const N: usize> Distribution<N> {
    /// Frequencies proportional to about 2^logit, by the rule of SPEC.md section 7.2: every symbol
    /// gets 1, the rest is shared in proportion to the weights by rounding down their running sums,
    /// and what rounding leaves over goes to the last symbol.
    #[inline(always)]
    pub fn new(logits: &[i32; N]) -> Self {
        let max = logits.iter().fold(i32::MIN, |max, &l| max.max(l));
        let weights = logits.map(|l| weight(max.wrapping_sub(l) as u32));
        let sum: u32 = weights.iter().sum();
        // 2¹⁶ ≤ sum, and no running sum is above it: every product fits 32 bits.
        let scale = ((TOTAL - N as u32) << 16) / sum;
        let (mut before, mut symbol) = (0, 0);
        let starts = weights.map(|w| {
            let start = symbol + ((before * scale) >> 16);
            (before, symbol) = (before + w, symbol + 1);
            start as u16
        });
        Distribution { starts }
    }

    /// No symbol has all of the total, so a frequency is the difference of two starts modulo the
    /// total, with 0 as the start behind the last one.
    #[inline(always)]
    fn frequency(&self, symbol: usize) -> u32 {
        u32::from(self.starts[(symbol + 1) % N].wrapping_sub(self.starts[symbol]))
    }

    /// The part of the total that a symbol has.
    #[inline(always)]
    pub fn interval(&self, symbol: usize) -> Interval {
        Interval { start: self.starts[symbol], frequency: self.frequency(symbol) as u16 }
    }

    #[inline(always)]
    pub fn encode(&self, symbol: usize, encoder: &mut Encoder) {
        encoder.put(self.interval(symbol));
    }

    #[inline(always)]
    pub fn decode(&self, decoder: &mut Decoder) -> usize {
        if N == 2 {
            return usize::from(decoder.decide(u32::from(self.starts[1])));
        }
        let point = decoder.peek() as u16;
        // Counted, not searched: a search ends at a place that no branch predictor knows.
        let mut beyond = 0;
        for start in self.starts {
            beyond += u16::from(start > point);
        }
        let symbol = (N - 1 - usize::from(beyond)) % N;
        decoder.consume(u32::from(self.starts[symbol]), self.frequency(symbol));
        symbol
    }
}

impl Distribution<16> {
    /// As [`new`](Self::new), in vectors.
    #[inline(always)]
    pub fn of<S: Simd>(simd: S, logits: i32x16<S>) -> Self {
        let max = i32x16::splat(simd, logits.reduce_max());
        let distance: u32x16<S> = (max - logits).bitcast();
        let weights = of_power(simd, distance);
        let scale = ((TOTAL - 16) << 16) / weights.reduce_sum().max(1);
        let zero = u32x16::splat(simd, 0);
        let mut sums = weights;
        sums += zero.slide::<15>(sums);
        sums += zero.slide::<14>(sums);
        sums += zero.slide::<12>(sums);
        sums += zero.slide::<8>(sums);
        let starts = (((sums - weights) * scale) >> 16) + u32x16::from_slice(simd, &SYMBOLS);
        let starts: [u32; 16] = starts.into();
        Distribution { starts: starts.map(|start| start as u16) }
    }
}

/// Rows that [`Distribution::of_each`] takes at a time.
pub(crate) const TOGETHER: usize = 16;

/// Rows behind the last whole [`TOGETHER`] that are not worth their being filled up.
pub(super) const FEW: usize = 5;

impl Distribution<16> {
    /// As [`new`](Self::new) of each row: 16 rows side by side, a symbol a vector, so that sums over symbols
    /// need no shuffles.
    #[inline(always)]
    pub fn of_each<S: Simd>(simd: S, logits: &[[i32; 16]], out: &mut [Self]) {
        let (whole, rows) = logits.as_chunks();
        let (whole_to, to) = out.as_chunks_mut();
        for (rows, to) in whole.iter().zip(whole_to) {
            *to = Self::sixteen(simd, rows);
        }
        if rows.len() <= FEW {
            for (row, to) in rows.iter().zip(to) {
                *to = Self::of(simd, i32x16::from_slice(simd, row));
            }
            return;
        }
        let mut filled = [[0; 16]; TOGETHER];
        filled[..rows.len()].copy_from_slice(rows);
        to.copy_from_slice(&Self::sixteen(simd, &filled)[..rows.len()]);
    }

    #[inline(always)]
    fn sixteen<S: Simd>(simd: S, rows: &[[i32; 16]; TOGETHER]) -> [Self; TOGETHER] {
        let (logits, max) = across(simd, rows);
        let mut sum = u32x16::splat(simd, 0);
        let mut before = [sum; 16];
        for s in 0..16 {
            before[s] = sum;
            sum += of_power(simd, (max - logits[s]).bitcast());
        }
        let mut scales: [u32; 16] = sum.into();
        for scale in &mut scales {
            *scale = ((TOTAL - 16) << 16) / (*scale).max(1);
        }
        let scale = u32x16::from_slice(simd, &scales);
        // Two symbols side by side, then a row's symbols one behind the other.
        let zero = i32x16::splat(simd, 0);
        let mut pairs = [zero; 8];
        for k in 0..8 {
            let first = ((before[2 * k] * scale) >> 16) + (2 * k) as u32;
            let second = ((before[2 * k + 1] * scale) >> 16) + (2 * k + 1) as u32;
            pairs[k] = ((first & 0xffff) | (second << 16)).bitcast();
        }
        for _ in 0..3 {
            pairs = rotated(pairs, zero);
        }
        let mut out = [Distribution { starts: [0; 16] }; TOGETHER];
        for k in 0..8 {
            let words: [i32; 16] = pairs[k].into();
            for n in 0..16 {
                let starts = &mut out[2 * k + n / 8].starts;
                starts[2 * (n % 8)] = words[n] as u16;
                starts[2 * (n % 8) + 1] = (words[n] >> 16) as u16;
            }
        }
        out
    }
}

/// As [`weight`] of each distance.
#[inline(always)]
pub(super) fn of_power<S: Simd>(simd: S, distance: u32x16<S>) -> u32x16<S> {
    let f = distance & (ONE - 1);
    let bend = (f * (u32x16::splat(simd, ONE) - f) * BEND) >> 20;
    let shift = (distance >> LOGIT_FRAC).min(31);
    (u32x16::splat(simd, TOTAL) - (f << 5) - bend) >> shift
}

/// Logits of 16 rows, a symbol a vector, and the largest of each row.
#[inline(always)]
#[expect(
    clippy::needless_range_loop,
    reason = "loops of constant length keep vectors in registers"
)]
pub(super) fn across<S: Simd>(
    simd: S,
    rows: &[[i32; 16]; TOGETHER],
) -> ([i32x16<S>; 16], i32x16<S>) {
    let zero = i32x16::splat(simd, 0);
    let mut logits = [zero; 16];
    for row in 0..16 {
        logits[row] = i32x16::from_slice(simd, &rows[row]);
    }
    for _ in 0..4 {
        logits = rotated(logits, zero);
    }
    let mut max = logits[0];
    for s in 1..16 {
        max = max.max(logits[s]);
    }
    (logits, max)
}

/// The elements of vectors in another order: the bits of each one's number, among those of all vectors in a
/// row, rotated by one.
#[inline(always)]
fn rotated<S: Simd, const N: usize>(v: [i32x16<S>; N], zero: i32x16<S>) -> [i32x16<S>; N] {
    let mut out = [zero; N];
    for k in 0..N / 2 {
        out[2 * k] = v[k].zip_low(v[k + N / 2]);
        out[2 * k + 1] = v[k].zip_high(v[k + N / 2]);
    }
    out
}

static SYMBOLS: [u32; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Place;
    use fearless_simd::dispatch;
    use proptest::prelude::*;

    #[test]
    #[expect(clippy::disallowed_types, reason = "a float power is the oracle")]
    fn weights_are_near_the_power() {
        assert_eq!([weight(0), weight(1024), weight(2048)], [65_536, 32_768, 16_384]);
        for d in 0..4096 {
            let power: f64 = (16.0 - d as f64 / 1024.0).exp2();
            assert!((f64::from(weight(d)) / power - 1.0).abs() < 0.004, "{d}");
            assert!(weight(d + 1) <= weight(d));
        }
        assert_eq!(weight(u32::MAX), 0);
    }

    #[test]
    fn equal_logits_share_equally() {
        let d = Distribution::new(&[5; 16]);
        assert_eq!(d.starts, std::array::from_fn(|i| 4095 * i as u16 + i as u16));
    }

    proptest! {
        #[test]
        fn vectors_give_the_same(
            logits in proptest::array::uniform16(prop_oneof![-3i32..3, -30_000i32..30_000, any::<i32>()])
        ) {
            for (_, level) in crate::nn::levels() {
                let of = dispatch!(level, simd => Distribution::of(simd, i32x16::from_slice(simd, &logits)));
                prop_assert_eq!(of, Distribution::new(&logits), "{:?}", level);
            }
        }

        #[test]
        fn many_side_by_side_are_the_same(
            rows in proptest::collection::vec(
                proptest::array::uniform16(prop_oneof![-3i32..3, -30_000i32..30_000, any::<i32>()]), 0..50
            )
        ) {
            let expected: Vec<Distribution<16>> = rows.iter().map(Distribution::new).collect();
            for (_, level) in crate::nn::levels() {
                let mut out = vec![Distribution::default(); rows.len()];
                dispatch!(level, simd => Distribution::of_each(simd, &rows, &mut out));
                prop_assert_eq!(&out, &expected, "{:?}", level);
            }
        }

        #[test]
        fn sums_to_the_total(logits in proptest::array::uniform16(-(1i32 << 30)..1 << 30)) {
            let d = Distribution::new(&logits);
            prop_assert_eq!(d.starts[0], 0);
            prop_assert_eq!((0..16).map(|s| d.frequency(s)).sum::<u32>(), TOTAL);
            prop_assert!((0..16).all(|s| d.frequency(s) >= 1));
        }

        #[test]
        fn symbols_come_back(
            steps in proptest::collection::vec((proptest::array::uniform16(-20_000i32..20_000), 0usize..16), 0..60)
        ) {
            let mut e = Encoder::new();
            for (l, s) in &steps {
                Distribution::new(l).encode(*s, &mut e);
            }
            let data = e.finish();
            let mut d = Decoder::new(&data);
            for (l, s) in &steps {
                prop_assert_eq!(Distribution::new(l).decode(&mut d), *s);
            }
            prop_assert!(d.finish(Place::default()).is_ok());
        }
    }
}
