//! The one inner loop of every network: accumulators += weights · activations.
//!
//! Weights are packed in pairs of inputs, `weights[pair][output] = (w[2·pair], w[2·pair + 1])`, so
//! that one pair-dot instruction does two multiply-adds an output, and a pair of zero activations
//! (most of a blank window, half of what a ReLU leaves) costs nothing. All arithmetic is exact: no
//! sum can overflow once `Linear::new` has proved its bound, so every order gives the same bits.

use fearless_simd::{Level, dispatch, i16x32, i32x16, prelude::*};

use super::activation::requantise;

/// Outputs are padded to a multiple of this.
pub(crate) const TILE: usize = 16;

/// One pair of inputs that is not zero: its number, and both activations in one word.
pub(crate) type Active = (u32, i32);

/// A list of pairs that are not zero. Adding to it has no branch to mispredict.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActiveList {
    /// As long as the longest list so far; the entries from `len` on mean nothing.
    pairs: Vec<Active>,
    len: usize,
}

impl ActiveList {
    /// Empties the list and makes room for `most` additions.
    pub fn clear(&mut self, most: usize) {
        if self.pairs.len() <= most {
            self.pairs.resize(most + 1, (0, 0));
        }
        self.len = 0;
    }

    /// Adds pair `number` of the activations `a` and `b` unless both are 0.
    #[inline(always)]
    pub fn push(&mut self, number: usize, a: i16, b: i16) {
        let both = pack(a, b);
        self.pairs[self.len] = (number as u32, both);
        self.len += usize::from(both != 0);
    }

    /// The pairs, in the order of their addition.
    pub fn as_slice(&self) -> &[Active] {
        &self.pairs[..self.len]
    }

    /// The pairs of `activations`, numbered from 0; an odd one out is paired with 0.
    pub fn collect(&mut self, activations: &[i16]) {
        self.clear(activations.len().div_ceil(2));
        let (whole, rest) = activations.as_chunks::<2>();
        for (i, &[a, b]) in whole.iter().enumerate() {
            self.push(i, a, b);
        }
        if let &[a] = rest {
            self.push(whole.len(), a, 0);
        }
    }
}

fn pack(a: i16, b: i16) -> i32 {
    (a as u16 as u32 | (b as u16 as u32) << 16) as i32
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
        (pair, both): Active,
        sums: &mut [i32x16<S>; N],
    ) {
        // As 16-bit lanes the first activation must come first, in any byte order.
        let both = if cfg!(target_endian = "big") { both.rotate_left(16) } else { both };
        let start = pair as usize * self.stride + self.first;
        let both: i16x32<S> = i32x16::splat(simd, both).bitcast();
        for (sum, weights) in sums.iter_mut().zip(&self.weights[start..start + N]) {
            *sum += i16x32::from_slice(simd, &weights.0).pairwise_dot_product(both);
        }
    }
}

/// `out[o] = acc[o] / 2^shift[o]`, rounded half up and saturated, for a whole layer.
pub(crate) fn activations(level: Level, acc: &[i32], shift: &[u8], out: &mut [i16]) {
    dispatch!(level, _simd => plain_activations(acc, shift, out));
}

#[inline(always)]
fn plain_activations(acc: &[i32], shift: &[u8], out: &mut [i16]) {
    for ((out, &acc), &shift) in out.iter_mut().zip(acc).zip(shift) {
        *out = requantise(acc, shift);
    }
}

/// `out[o] = max(0, acc[o] / 2^shift[o])`, rounded half up and saturated: [`requantise`] and a ReLU
/// for a whole layer.
///
/// [`requantise`]: super::activation::requantise
pub(crate) fn relu(level: Level, acc: &[i32], shift: &[u8], out: &mut [i16]) {
    dispatch!(level, _simd => plain_relu(acc, shift, out));
}

#[inline(always)]
fn plain_relu(acc: &[i32], shift: &[u8], out: &mut [i16]) {
    for ((out, &acc), &shift) in out.iter_mut().zip(acc).zip(shift) {
        *out = requantise(acc, shift).max(0);
    }
}

/// The same sums one by one: the reference that every instruction set is compared with.
#[cfg(test)]
pub(crate) fn reference(weights: &[WeightTile], active: &[Active], acc: &mut [i32]) {
    let stride = acc.len() / TILE;
    for &(pair, both) in active {
        let (a, b) = (i32::from(both as i16), both >> 16);
        let row = &weights[pair as usize * stride..][..stride];
        let weights = row.iter().flat_map(|tile| tile.0.as_chunks::<2>().0);
        for (sum, w) in acc.iter_mut().zip(weights) {
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
