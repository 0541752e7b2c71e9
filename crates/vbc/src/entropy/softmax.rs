//! Integer logits to frequencies (SPEC.md section 7.2).

use fearless_simd::{Simd, i32x16, mask32x16, prelude::*, u32x16};

use super::range::{Decoder, Encoder};

/// Frequencies of a distribution add up to 2^`TOTAL_BITS`.
pub(crate) const TOTAL_BITS: u32 = 16;

/// Fractional bits of a logit. Logits are to the base 2.
pub(crate) const LOGIT_FRAC: u32 = 10;

const TOTAL: u32 = 1 << TOTAL_BITS;

/// `EXP2[i]` = 2^(16 − i/1024), rounded half up.
static EXP2: [u32; 1 << LOGIT_FRAC] = exp2_table();

const fn exp2_table() -> [u32; 1 << LOGIT_FRAC] {
    // 2^(−1/1024) in units of 2⁻⁶³: ten square roots of 1/2.
    let mut root = 1u128 << 62;
    let mut i = 0;
    while i < LOGIT_FRAC {
        root = (root << 63).isqrt();
        i += 1;
    }
    let mut table = [0; 1 << LOGIT_FRAC];
    let mut power = 1u128 << 63;
    let mut i = 0;
    while i < table.len() {
        table[i] = ((power >> 46) as u32).div_ceil(2);
        power = (power * root) >> 63;
        i += 1;
    }
    table
}

/// A distribution over `N` ≥ 2 symbols, each of frequency at least 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Distribution<const N: usize> {
    /// Sum of the frequencies of the symbols before each.
    starts: [u32; N],
}

impl<const N: usize> Distribution<N> {
    /// Frequencies proportional to 2^logit, by the rule of SPEC.md section 7.2: every symbol gets
    /// 1, the rest is shared in proportion and rounded down, and what rounding left over goes to
    /// the first symbol of the largest logit.
    #[inline(always)]
    pub fn new(logits: &[i32; N]) -> Self {
        let max = logits.iter().fold(i32::MIN, |max, &l| max.max(l));
        let mut is_best = 0u32;
        for (i, &l) in logits.iter().enumerate() {
            is_best |= u32::from(l == max) << i;
        }
        let best = is_best.trailing_zeros() as usize % N;
        let mut weights = [0; N];
        for (weight, &l) in weights.iter_mut().zip(logits) {
            let distance = max.wrapping_sub(l) as u32;
            *weight = EXP2[(distance & ((1 << LOGIT_FRAC) - 1)) as usize]
                >> (distance >> LOGIT_FRAC).min(31);
        }
        let sum: u32 = weights.iter().sum();
        // sum ≥ 2¹⁶ and w ≤ 2¹⁶, so scale < 2¹⁶ and every product fits 32 bits.
        let scale = ((TOTAL - N as u32) << 16) / sum;
        let mut frequencies = weights;
        for f in &mut frequencies {
            *f = 1 + ((*f * scale) >> 16);
        }
        frequencies[best] += TOTAL - frequencies.iter().sum::<u32>();
        let mut next = 0;
        let starts = frequencies.map(|f| {
            let start = next;
            next += f;
            start
        });
        Distribution { starts }
    }

    /// No symbol has all of the total, so a frequency is what is left of the difference of two
    /// starts modulo the total, with 0 as the start behind the last one.
    #[inline(always)]
    fn frequency(&self, symbol: usize) -> u32 {
        self.starts[(symbol + 1) % N].wrapping_sub(self.starts[symbol]) % TOTAL
    }

    #[inline(always)]
    pub fn encode(&self, symbol: usize, encoder: &mut Encoder) {
        encoder.encode(self.starts[symbol], self.frequency(symbol));
    }

    #[inline(always)]
    pub fn decode(&self, decoder: &mut Decoder) -> usize {
        let point = decoder.peek();
        // Counted, not searched: a search ends at a place that no branch predictor knows.
        // A difference of two numbers below 2³¹ has its sign in the top bit.
        let mut beyond = 0;
        for start in self.starts {
            beyond += point.wrapping_sub(start) >> 31;
        }
        let symbol = (N - 1 - beyond as usize) % N;
        decoder.consume(self.starts[symbol], self.frequency(symbol));
        symbol
    }
}

impl Distribution<16> {
    /// As [`new`](Self::new), in vectors.
    #[inline(always)]
    pub fn of<S: Simd>(simd: S, logits: i32x16<S>) -> Self {
        let max = i32x16::splat(simd, logits.reduce_max());
        let best = logits.simd_eq(max).to_bitmask();
        // The symbols behind the first of the best.
        let behind =
            mask32x16::from_bitmask(simd, (2 * (best & best.wrapping_neg())).wrapping_neg());
        let distance: u32x16<S> = (max - logits).bitcast();
        let mut weights: [u32; 16] = distance.into();
        for weight in &mut weights {
            *weight = EXP2[(*weight & ((1 << LOGIT_FRAC) - 1)) as usize];
        }
        let shift = (distance >> LOGIT_FRAC).min(u32x16::splat(simd, 31));
        let weights = u32x16::from_slice(simd, &weights) >> shift;
        let scale = ((TOTAL - 16) << 16) / weights.reduce_sum().max(1);
        let shares = ((weights * scale) >> 16) + 1;
        let rest = u32x16::splat(simd, TOTAL - shares.reduce_sum());
        let zero = u32x16::splat(simd, 0);
        let mut ends = shares;
        ends += zero.slide::<15>(ends);
        ends += zero.slide::<14>(ends);
        ends += zero.slide::<12>(ends);
        ends += zero.slide::<8>(ends);
        Distribution { starts: (ends - shares + behind.select(rest, zero)).into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Place;
    use fearless_simd::dispatch;
    use proptest::prelude::*;

    #[test]
    #[expect(clippy::disallowed_types, reason = "a float power is the oracle")]
    fn table_is_the_rounded_power() {
        for (i, &e) in EXP2.iter().enumerate() {
            let float: f64 = (16.0 - i as f64 / 1024.0).exp2();
            assert_eq!(e, (float + 0.5).floor() as u32, "{i}");
        }
    }

    #[test]
    fn equal_logits_share_equally() {
        let d = Distribution::new(&[5; 16]);
        assert_eq!(d.starts, std::array::from_fn(|i| 4096 * i as u32));
    }

    proptest! {
        #[test]
        fn vectors_give_the_same(
            logits in proptest::array::uniform16(prop_oneof![-3i32..3, -30_000i32..30_000, any::<i32>()])
        ) {
            for level in crate::nn::levels() {
                let of = dispatch!(level, simd => Distribution::of(simd, i32x16::from_slice(simd, &logits)));
                prop_assert_eq!(of, Distribution::new(&logits), "{:?}", level);
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
