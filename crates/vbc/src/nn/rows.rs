//! Inputs that are 0 or one fixed power of two: what they add is a sum of table rows.

use fearless_simd::{Level, i16x32, i32x16, prelude::*};

use super::kernel::TILE;
use super::product::Packed;

/// Outputs of a row are padded to a multiple of this.
const LANES: usize = 32;

/// Most rows that one sum can have: 255 · 127 still fits an i16.
pub(crate) const MOST_ROWS: usize = 255;

/// The weights of some inputs, one row an input.
#[derive(Clone, Debug)]
pub(crate) struct TableRows {
    rows: Vec<i16>,
    stride: usize,
    padded: usize,
    level: Level,
}

impl TableRows {
    /// Of the weights' i8 `inputs`.
    pub fn new(weights: &Packed, inputs: impl Iterator<Item = usize>) -> Self {
        let padded = weights.padded();
        let stride = padded.next_multiple_of(LANES);
        let mut rows = Vec::new();
        for input in inputs {
            let end = rows.len() + stride;
            for tile in weights.pair(input / 2) {
                rows.extend(tile.0.as_chunks::<2>().0.iter().map(|pair| pair[input % 2]));
            }
            rows.resize(end, 0);
        }
        TableRows { rows, stride, padded, level: weights.level() }
    }

    pub fn level(&self) -> Level {
        self.level
    }

    /// `acc[o] = start[o] + Σ row[o] · 2^shift` over the rows `hot`, at most [`MOST_ROWS`].
    #[inline(always)]
    pub fn sum<S: Simd>(&self, simd: S, start: &[i32], hot: &[u32], shift: u32, acc: &mut [i32]) {
        debug_assert!(hot.len() <= MOST_ROWS && acc.len() == self.padded);
        const MOST: usize = 3;
        let mut first = 0;
        for part in acc.chunks_mut(MOST * LANES) {
            let start = &start[first..first + part.len()];
            match part.len().div_ceil(LANES) {
                1 => self.lanes::<S, 1>(simd, first, start, hot, shift, part),
                2 => self.lanes::<S, 2>(simd, first, start, hot, shift, part),
                _ => self.lanes::<S, MOST>(simd, first, start, hot, shift, part),
            }
            first += MOST * LANES;
        }
    }

    #[inline(always)]
    fn lanes<S: Simd, const N: usize>(
        &self,
        simd: S,
        first: usize,
        start: &[i32],
        hot: &[u32],
        shift: u32,
        acc: &mut [i32],
    ) {
        let mut sums = [i16x32::splat(simd, 0); N];
        for &row in hot {
            let start = row as usize * self.stride + first;
            let row = &self.rows[start..start + N * LANES];
            for (sum, row) in sums.iter_mut().zip(row.chunks_exact(LANES)) {
                *sum += i16x32::from_slice(simd, row);
            }
        }
        let parts = acc.chunks_mut(LANES).zip(start.chunks(LANES));
        for (sum, (acc, start)) in sums.into_iter().zip(parts) {
            let (low, high) = sum.widen();
            let tiles = acc.chunks_exact_mut(TILE).zip(start.chunks_exact(TILE));
            for ((acc, start), sum) in tiles.zip([low, high]) {
                (i32x16::from_slice(simd, start) + (sum << shift)).store_slice(acc);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::kernel::WeightTile;
    use super::super::level::levels;
    use super::*;
    use fearless_simd::dispatch;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_add_up(tiles in 1usize..12, hot in proptest::collection::vec(0u32..6, 0..200), seed in any::<u64>()) {
            let mut state = seed | 1;
            let mut next = || { state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1); (state >> 56) as i8 };
            let weights: Vec<WeightTile> = (0..3 * tiles)
                .map(|_| WeightTile(std::array::from_fn(|_| i16::from(next()))))
                .collect();
            let expected: Vec<i32> = (0..tiles * TILE)
                .map(|o| {
                    let weight = |&h: &u32| {
                        let (h, tile) = (h as usize, o / TILE);
                        i32::from(weights[h / 2 * tiles + tile].0[o % TILE * 2 + h % 2])
                    };
                    5 + hot.iter().map(weight).sum::<i32>() * 1024
                })
                .collect();
            for (_, level) in levels() {
                let packed = Packed::new(weights.clone(), tiles, level);
                let rows = TableRows::new(&packed, 0..6);
                let start = vec![5; tiles * TILE];
                let mut acc = vec![0; tiles * TILE];
                dispatch!(rows.level(), simd => rows.sum(simd, &start, &hot, 10, &mut acc));
                prop_assert_eq!(&acc, &expected, "{:?}", level);
            }
        }
    }
}
