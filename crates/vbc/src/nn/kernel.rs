//! The one inner loop of every network: accumulators += weights · activations.
//!
//! Weights are packed in pairs of inputs, `weights[pair][output] = (w[2·pair], w[2·pair + 1])`, so
//! that one pair-dot instruction does two multiply-adds an output, and a pair of zero activations
//! (most of a blank window, half of what a ReLU leaves) costs nothing. All arithmetic is exact: no
//! sum can overflow once `Linear::new` has proved its bound, so every order gives the same bits.

use fearless_simd::{Level, dispatch, i16x32, i32x16, prelude::*};

/// Outputs are padded to a multiple of this.
pub(crate) const TILE: usize = 16;

/// One pair of inputs that is not zero: its number, and both activations in one word.
pub(crate) type Active = (u32, i32);

/// Collects the pairs of `activations` that are not both zero.
pub(crate) fn active_pairs(activations: &[i16], pairs: &mut Vec<Active>) {
    pairs.clear();
    let (whole, rest) = activations.as_chunks::<2>();
    for (i, &[a, b]) in whole.iter().enumerate() {
        if a != 0 || b != 0 {
            pairs.push((i as u32, pack(a, b)));
        }
    }
    if let &[a] = rest
        && a != 0
    {
        pairs.push((whole.len() as u32, pack(a, 0)));
    }
}

fn pack(a: i16, b: i16) -> i32 {
    (a as u16 as u32 | (b as u16 as u32) << 16) as i32
}

/// Adds the products of the `active` pairs to `acc` (a multiple of [`TILE`] long).
pub(crate) fn accumulate(level: Level, weights: &[i16], active: &[Active], acc: &mut [i32]) {
    dispatch!(level, simd => simd_accumulate(simd, weights, active, acc));
}

#[inline(always)]
fn simd_accumulate<S: Simd>(simd: S, weights: &[i16], active: &[Active], acc: &mut [i32]) {
    let stride = acc.len() * 2;
    let mut column = 0;
    let (wide, narrow) = acc.as_chunks_mut::<{ 4 * TILE }>();
    for tile in wide {
        tiles::<S, 4>(simd, weights, stride, column, active, tile);
        column += 4 * TILE;
    }
    for tile in narrow.as_chunks_mut::<TILE>().0 {
        tiles::<S, 1>(simd, weights, stride, column, active, tile);
        column += TILE;
    }
}

/// `N` tiles of outputs from `column` on, held in registers over all pairs.
#[inline(always)]
fn tiles<S: Simd, const N: usize>(
    simd: S,
    weights: &[i16],
    stride: usize,
    column: usize,
    active: &[Active],
    acc: &mut [i32],
) {
    let mut sums: [i32x16<S>; N] =
        std::array::from_fn(|t| i32x16::from_slice(simd, &acc[t * TILE..(t + 1) * TILE]));
    for &(pair, both) in active {
        // As 16-bit lanes the first activation must come first, in any byte order.
        let both = if cfg!(target_endian = "big") { both.rotate_left(16) } else { both };
        let start = pair as usize * stride + column * 2;
        let row = &weights[start..start + N * 2 * TILE];
        let both: i16x32<S> = i32x16::splat(simd, both).bitcast();
        for (t, sum) in sums.iter_mut().enumerate() {
            let w = i16x32::from_slice(simd, &row[t * 2 * TILE..(t + 1) * 2 * TILE]);
            *sum += w.pairwise_dot_product(both);
        }
    }
    for (t, sum) in sums.iter().enumerate() {
        sum.store_slice(&mut acc[t * TILE..(t + 1) * TILE]);
    }
}

/// The same sums one by one: the reference that every instruction set is compared with.
#[cfg(test)]
pub(crate) fn reference(weights: &[i16], active: &[Active], acc: &mut [i32]) {
    let stride = acc.len() * 2;
    for &(pair, both) in active {
        let (a, b) = (i32::from(both as i16), both >> 16);
        let row = &weights[pair as usize * stride..][..stride];
        for (sum, w) in acc.iter_mut().zip(row.as_chunks::<2>().0) {
            *sum += i32::from(w[0]) * a + i32::from(w[1]) * b;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every level this machine has, the baseline included.
    fn levels() -> Vec<Level> {
        let best = Level::new();
        let mut levels = vec![Level::baseline(), best];
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            levels.extend(best.as_sse4_2().map(|simd| simd.level()));
            levels.extend(best.as_avx2().map(|simd| simd.level()));
            levels.extend(best.as_avx512().map(|simd| simd.level()));
        }
        levels
    }

    proptest! {
        #[test]
        fn every_level_gives_the_reference_sums(
            tiles in 1usize..7,
            activations in proptest::collection::vec(prop_oneof![Just(0i16), -32_767i16..=32_767], 0..40),
            seed in any::<u64>(),
        ) {
            let outputs = tiles * TILE;
            let mut state = seed | 1;
            let mut next = || { state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1); (state >> 56) as i8 };
            let pairs = activations.len().div_ceil(2);
            let weights: Vec<i16> = (0..pairs * outputs * 2).map(|_| i16::from(next())).collect();
            let mut active = Vec::new();
            active_pairs(&activations, &mut active);
            let mut expected: Vec<i32> = (0..outputs as i32).map(|o| o * 1000 - 7).collect();
            let start = expected.clone();
            reference(&weights, &active, &mut expected);
            for level in levels() {
                let mut acc = start.clone();
                accumulate(level, &weights, &active, &mut acc);
                prop_assert_eq!(&acc, &expected, "{:?}", level);
            }
        }
    }
}
