//! Intervals of symbols that are known: what an encoder needs of a distribution, and no more.

use fearless_simd::{Simd, i32x16, prelude::*, u32x16};

use super::softmax::{Distribution, FEW, Interval, TOGETHER, TOTAL, across, of_power};

/// The interval of a symbol of each row of logits, of which there are as many as symbols and places in `out`: those
/// of [`Distribution::new`].
#[inline(always)]
pub(crate) fn intervals<S: Simd>(
    simd: S,
    logits: &[[i32; 16]],
    symbols: &[u8],
    out: &mut [Interval],
) {
    let (whole, rows) = logits.as_chunks::<TOGETHER>();
    let (of_whole, symbols) = symbols.as_chunks::<TOGETHER>();
    let (whole_to, to) = out.as_chunks_mut::<TOGETHER>();
    for ((rows, symbols), to) in whole.iter().zip(of_whole).zip(whole_to) {
        *to = sixteen(simd, rows, symbols);
    }
    if rows.len() <= FEW {
        for ((row, symbol), to) in rows.iter().zip(symbols).zip(to) {
            let of_row = Distribution::of(simd, i32x16::from_slice(simd, row));
            *to = of_row.interval(usize::from(symbol % 16));
        }
        return;
    }
    let (mut filled, mut of_filled) = ([[0; 16]; TOGETHER], [0; TOGETHER]);
    filled[..rows.len()].copy_from_slice(rows);
    of_filled[..rows.len()].copy_from_slice(symbols);
    to.copy_from_slice(&sixteen(simd, &filled, &of_filled)[..rows.len()]);
}

/// Of 16 rows side by side, a symbol a vector: a start is a sum of the weights before the symbol, of which there is
/// no need to know any other.
#[inline(always)]
#[expect(
    clippy::needless_range_loop,
    reason = "loops of constant length keep vectors in registers"
)]
fn sixteen<S: Simd>(
    simd: S,
    rows: &[[i32; 16]; TOGETHER],
    symbols: &[u8; TOGETHER],
) -> [Interval; TOGETHER] {
    let (logits, max) = across(simd, rows);
    let wide: [i32; TOGETHER] = symbols.map(|symbol| i32::from(symbol % 16));
    let wanted = i32x16::from_slice(simd, &wide);
    let zero = u32x16::splat(simd, 0);
    let (mut sum, mut before, mut own) = (zero, zero, zero);
    for s in 0..16 {
        let weight = of_power(simd, (max - logits[s]).bitcast());
        sum += weight;
        before += wanted.simd_gt(s as i32).select(weight, zero);
        own += wanted.simd_eq(s as i32).select(weight, zero);
    }
    let mut scales: [u32; 16] = sum.into();
    for scale in &mut scales {
        *scale = ((TOTAL - 16) << 16) / (*scale).max(1);
    }
    let scale = u32x16::from_slice(simd, &scales);
    let symbol: u32x16<S> = wanted.bitcast();
    let start = ((before * scale) >> 16) + symbol;
    // What rounding leaves over goes to the last symbol.
    let end = (((before + own) * scale) >> 16) + symbol + 1;
    let end = wanted.simd_eq(15).select(u32x16::splat(simd, TOTAL), end);
    let words: [u32; TOGETHER] = (start | ((end - start) << 16)).into();
    words.map(|word| Interval { start: word as u16, frequency: (word >> 16) as u16 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fearless_simd::dispatch;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn known_symbols_have_the_intervals_of_their_distributions(
            rows in proptest::collection::vec((
                proptest::array::uniform16(prop_oneof![-3i32..3, -30_000i32..30_000, any::<i32>()]), 0u8..16
            ), 0..50)
        ) {
            let (logits, symbols): (Vec<[i32; 16]>, Vec<u8>) = rows.into_iter().unzip();
            let each = logits.iter().zip(&symbols);
            let expected: Vec<Interval> =
                each.map(|(row, &s)| Distribution::new(row).interval(usize::from(s))).collect();
            for (_, level) in crate::nn::levels() {
                let mut out = vec![Interval::default(); logits.len()];
                dispatch!(level, simd => intervals(simd, &logits, &symbols, &mut out));
                prop_assert_eq!(&out, &expected, "{:?}", level);
            }
        }
    }
}
