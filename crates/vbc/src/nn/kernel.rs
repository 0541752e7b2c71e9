//! The inner loop of a network for one row: accumulators += weights · activations.
//!
//! Weights are packed in pairs of inputs, `weights[pair][output] = (w[2·pair], w[2·pair + 1])`, so
//! that one pair-dot instruction does two multiply-adds an output, and a pair of zero activations
//! (most of a blank window, half of what a ReLU leaves) costs nothing. All arithmetic is exact: no
//! sum can overflow once `Linear::new` has proved its bound, so every order gives the same bits.

use fearless_simd::{Level, dispatch, i16x32, i32x16, prelude::*};

use super::activation::saturate;

/// Outputs are padded to a multiple of this.
pub(crate) const TILE: usize = 16;

/// Two neighbouring activations.
pub(crate) type Pair = [i16; 2];

/// A pair that is not zero: its number, and the activations.
pub(crate) type Active = (u32, Pair);

/// A list of pairs that are not zero. Adding to it has no branch to mispredict.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActiveList {
    /// As long as the longest list so far; the entries from `len` on mean nothing.
    pairs: Vec<Active>,
    len: usize,
}

impl ActiveList {
    /// The pairs of `activations` that are not zero, numbered from 0; an odd one out is paired
    /// with 0.
    pub fn collect(&mut self, activations: &[i16]) {
        let most = activations.len().div_ceil(2);
        if self.pairs.len() <= most {
            self.pairs.resize(most + 1, (0, [0; 2]));
        }
        self.len = 0;
        let (whole, rest) = activations.as_chunks::<2>();
        for (i, &pair) in whole.iter().enumerate() {
            self.push(i, pair);
        }
        if let &[a] = rest {
            self.push(whole.len(), [a, 0]);
        }
    }

    #[inline(always)]
    fn push(&mut self, number: usize, pair: Pair) {
        self.pairs[self.len] = (number as u32, pair);
        self.len += usize::from(pair != [0; 2]);
    }

    /// The pairs, in the order of their addition.
    pub fn as_slice(&self) -> &[Active] {
        &self.pairs[..self.len]
    }
}

/// Both activations in one word that, seen as 16-bit lanes, has the first one first.
#[inline(always)]
pub(crate) fn pack([a, b]: Pair) -> i32 {
    let both = (a as u16 as u32 | (b as u16 as u32) << 16) as i32;
    if cfg!(target_endian = "big") { both.rotate_left(16) } else { both }
}

/// The weights of one pair of inputs for one tile of outputs: a cache line, and on one.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct WeightTile(pub [i16; 2 * TILE]);

/// Adds the products of the `active` pairs to `acc` (a multiple of [`TILE`] long). `weights` holds
/// the tiles of pair 0, then those of pair 1, …
pub(crate) fn accumulate(level: Level, weights: &[WeightTile], active: &[Active], acc: &mut [i32]) {
    dispatch!(level, simd => simd_accumulate(simd, weights, active, acc));
}

/// Most tiles of outputs that one pass over the pairs holds in registers.
const MAX_TILES: usize = 8;

#[inline(always)]
fn simd_accumulate<S: Simd>(simd: S, weights: &[WeightTile], active: &[Active], acc: &mut [i32]) {
    let stride = acc.len() / TILE;
    let mut first = 0;
    for part in acc.chunks_mut(MAX_TILES * TILE) {
        let t = Tiles { weights, stride, first, active };
        match part.len() / TILE {
            1 => t.run::<S, 1, 4>(simd, part),
            2 => t.run::<S, 2, 2>(simd, part),
            3 => t.run::<S, 3, 2>(simd, part),
            4 => t.run::<S, 4, 2>(simd, part),
            5 => t.run::<S, 5, 1>(simd, part),
            6 => t.run::<S, 6, 1>(simd, part),
            7 => t.run::<S, 7, 1>(simd, part),
            _ => t.run::<S, 8, 1>(simd, part),
        }
        first += MAX_TILES;
    }
}

/// The tiles of outputs from the `first` on, of `stride` tiles in all.
struct Tiles<'a> {
    weights: &'a [WeightTile],
    stride: usize,
    first: usize,
    active: &'a [Active],
}

impl Tiles<'_> {
    /// `N` tiles, held in registers over all pairs. `WAYS` pairs at a time have sums of their own,
    /// because a product has to wait for the one before it in the same sum.
    #[inline(always)]
    fn run<S: Simd, const N: usize, const WAYS: usize>(&self, simd: S, acc: &mut [i32]) {
        let mut sums = [[i32x16::splat(simd, 0); N]; WAYS];
        sums[0] = std::array::from_fn(|t| i32x16::from_slice(simd, &acc[t * TILE..(t + 1) * TILE]));
        let (groups, rest) = self.active.as_chunks::<WAYS>();
        for group in groups {
            for (&active, sums) in group.iter().zip(&mut sums) {
                self.step(simd, active, sums);
            }
        }
        for (&active, sums) in rest.iter().zip(&mut sums) {
            self.step(simd, active, sums);
        }
        for t in 0..N {
            let total = sums.iter().skip(1).fold(sums[0][t], |total, way| total + way[t]);
            total.store_slice(&mut acc[t * TILE..(t + 1) * TILE]);
        }
    }

    #[inline(always)]
    fn step<S: Simd, const N: usize>(
        &self,
        simd: S,
        (pair, activations): Active,
        sums: &mut [i32x16<S>; N],
    ) {
        let start = pair as usize * self.stride + self.first;
        let both: i16x32<S> = i32x16::splat(simd, pack(activations)).bitcast();
        for (sum, weights) in sums.iter_mut().zip(&self.weights[start..start + N]) {
            *sum += i16x32::from_slice(simd, &weights.0).pairwise_dot_product(both);
        }
    }
}

/// What becomes of an output once it is an activation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Negative values become 0.
    Relu,
    /// A negative value `a` becomes `a >> slope`.
    Leaky(u8),
}

/// For each row of `acc`, which holds the rounding terms, `shift.len()` activations: `acc / 2^shift`
/// rounded down and saturated, then `act`. Rows of `acc` are `padded` apart, those of `out` `stride`; what lies behind a row's
/// activations in `out` stays.
pub(crate) fn activate(
    level: Level,
    act: Act,
    (acc, padded): (&[i32], usize),
    shift: &[u32],
    (out, stride): (&mut [i16], usize),
) {
    dispatch!(level, _simd => {
        for (acc, out) in acc.chunks_exact(padded).zip(out.chunks_exact_mut(stride)) {
            match act {
                Act::Relu => each(acc, shift, out, |v| v.max(0)),
                Act::Leaky(slope) => each(acc, shift, out, |v| if v < 0 { v >> slope } else { v }),
            }
        }
    });
}

#[inline(always)]
fn each(acc: &[i32], shift: &[u32], out: &mut [i16], act: impl Fn(i16) -> i16) {
    for ((out, &acc), &shift) in out.iter_mut().zip(acc).zip(shift) {
        *out = act(saturate(acc >> shift));
    }
}

/// The same sums one by one: the reference that every instruction set is compared with.
#[cfg(test)]
pub(crate) fn reference(weights: &[WeightTile], active: &[Active], acc: &mut [i32]) {
    let stride = acc.len() / TILE;
    for &(pair, activations) in active {
        let [a, b] = activations.map(i32::from);
        let row = &weights[pair as usize * stride..][..stride];
        let weights = row.iter().flat_map(|tile| tile.0.as_chunks::<2>().0);
        for (sum, w) in acc.iter_mut().zip(weights) {
            *sum += i32::from(w[0]) * a + i32::from(w[1]) * b;
        }
    }
}

/// Every level this machine has, the baseline included.
#[cfg(test)]
pub(crate) fn levels() -> Vec<Level> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_level_gives_the_reference_sums(
            tiles in 1usize..19,
            activations in proptest::collection::vec(prop_oneof![Just(0i16), -32_767i16..=32_767], 0..40),
            seed in any::<u64>(),
        ) {
            let outputs = tiles * TILE;
            let mut state = seed | 1;
            let mut next = || { state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1); (state >> 56) as i8 };
            let pairs = activations.len().div_ceil(2);
            let mut tile = || WeightTile(std::array::from_fn(|_| i16::from(next())));
            let weights: Vec<WeightTile> = (0..pairs * tiles).map(|_| tile()).collect();
            let mut list = ActiveList::default();
            list.collect(&activations);
            let active = list.as_slice();
            let mut expected: Vec<i32> = (0..outputs as i32).map(|o| o * 1000 - 7).collect();
            let start = expected.clone();
            reference(&weights, active, &mut expected);
            for level in levels() {
                let mut acc = start.clone();
                accumulate(level, &weights, active, &mut acc);
                prop_assert_eq!(&acc, &expected, "{:?}", level);
            }
        }
    }
}
