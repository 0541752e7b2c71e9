//! Dense products: accumulators += activations · weights for many rows at once.
//!
//! A block of rows and tiles of outputs stays in registers over all pairs of inputs, so that a
//! weight is read once for several rows. Integer sums have one value in any order: every shape of
//! block gives the same bits as `kernel`. Where a vector holds a whole tile, weights are kept as bytes and widened when they are read: what
//! one image needs of them comes from far caches, and half of that comes in half the time.

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use fearless_simd::Avx512;
use fearless_simd::{Level, dispatch, i8x32, i16x32, i32x16, prelude::*};

use super::kernel::{ByteTile, Pair, TILE, WeightTile, pack};

/// Rows of pairs, `stride` apart, of which the first `pairs` count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    pub values: &'a [Pair],
    pub stride: usize,
    pub pairs: usize,
}

impl<'a> Rows<'a> {
    /// Rows one behind the other.
    fn new(values: &'a [Pair], pairs: usize) -> Self {
        Rows { values, stride: pairs, pairs }
    }

    /// All but the first `rows`.
    fn after(self, rows: usize) -> Self {
        let values = self.values.get(rows * self.stride..).unwrap_or_default();
        Rows { values, ..self }
    }

    #[inline(always)]
    fn row(self, r: usize) -> &'a [Pair] {
        &self.values[r * self.stride..][..self.pairs]
    }
}

/// Weights of a layer, or of some of its inputs: the tiles of pair 0, then those of pair 1, …
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    weights: Tiles,
    /// Tiles of a pair.
    stride: usize,
    level: Level,
}

#[derive(Clone, Debug)]
enum Tiles {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    Bytes(Vec<ByteTile>, Avx512),
    Words(Vec<WeightTile>),
}

/// The weights of one pair of inputs for one tile of outputs.
trait Tile: Copy {
    fn load<S: Simd>(&self, simd: S) -> i16x32<S>;
}

impl Tile for WeightTile {
    #[inline(always)]
    fn load<S: Simd>(&self, simd: S) -> i16x32<S> {
        i16x32::from_slice(simd, &self.0)
    }
}

impl Tile for ByteTile {
    #[inline(always)]
    fn load<S: Simd>(&self, simd: S) -> i16x32<S> {
        let (low, high) = i8x32::from_slice(simd, &self.0).widen();
        low.combine(high)
    }
}

impl Packed {
    /// `weights` are a whole number of pairs of `stride` tiles.
    pub fn new(weights: Vec<ByteTile>, stride: usize, level: Level) -> Self {
        debug_assert!(weights.len().is_multiple_of(stride));
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        if let Some(avx512) = level.as_avx512() {
            return Packed { weights: Tiles::Bytes(weights, avx512), stride, level };
        }
        let words = weights.iter().map(|tile| WeightTile(tile.0.map(i16::from)));
        Packed { weights: Tiles::Words(words.collect()), stride, level }
    }

    fn len(&self) -> usize {
        match &self.weights {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Tiles::Bytes(tiles, _) => tiles.len(),
            Tiles::Words(tiles) => tiles.len(),
        }
    }

    /// Number of pairs of inputs.
    pub fn pairs(&self) -> usize {
        self.len() / self.stride
    }

    /// Outputs, padded to whole tiles: the accumulators of a row.
    pub fn padded(&self) -> usize {
        self.stride * TILE
    }

    pub fn level(&self) -> Level {
        self.level
    }

    /// For each row, adds the products of its pairs to its accumulators. `rows` holds
    /// [`pairs`](Self::pairs) pairs for each row, `acc` [`padded`](Self::padded) accumulators.
    pub fn product(&self, rows: &[Pair], acc: &mut [i32]) {
        self.product_on(None, Rows::new(rows, self.pairs()), acc);
    }

    /// As [`product`](Self::product), on top of `start` for every row, whatever `acc` holds.
    pub fn product_from(&self, start: &[i32], rows: &[Pair], acc: &mut [i32]) {
        self.product_on(Some(start), Rows::new(rows, self.pairs()), acc);
    }

    /// As [`product_from`](Self::product_from) for the first `rows.pairs` of the weights' pairs.
    pub fn product_of(&self, start: &[i32], rows: Rows<'_>, acc: &mut [i32]) {
        self.product_on(Some(start), rows, acc);
    }

    fn product_on(&self, start: Option<&[i32]>, rows: Rows<'_>, acc: &mut [i32]) {
        debug_assert!(rows.pairs <= self.pairs());
        if rows.pairs == 0 {
            if let Some(start) = start {
                acc.chunks_exact_mut(start.len()).for_each(|acc| acc.copy_from_slice(start));
            }
            return;
        }
        // Registers for 16 vectors of sums: AVX-512 has twice as many, each twice as wide.
        match &self.weights {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Tiles::Bytes(tiles, avx512) => avx512.vectorize(
                #[inline(always)]
                || self.run::<_, _, 4, 4, 12>(*avx512, tiles, start, rows, acc),
            ),
            Tiles::Words(tiles) => {
                dispatch!(self.level, simd => self.run::<_, _, 2, 2, 4>(simd, tiles, start, rows, acc));
            }
        }
    }

    /// Adds the product of pair `p` alone to the accumulators of one row.
    #[inline(always)]
    pub fn add_pair<S: Simd>(&self, simd: S, p: usize, pair: Pair, acc: &mut [i32]) {
        let of_pair = p * self.stride..(p + 1) * self.stride;
        match &self.weights {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Tiles::Bytes(tiles, _) => add(simd, &tiles[of_pair], pair, acc),
            Tiles::Words(tiles) => add(simd, &tiles[of_pair], pair, acc),
        }
    }

    /// Blocks of `R` rows and at most `N` ≤ 4 tiles; of `M` rows where there is one tile alone, for a product waits
    /// for the one before it in the same sum.
    #[inline(always)]
    fn run<S: Simd, T: Tile, const R: usize, const N: usize, const M: usize>(
        &self,
        simd: S,
        tiles: &[T],
        start: Option<&[i32]>,
        rows: Rows<'_>,
        acc: &mut [i32],
    ) {
        let groups = self.stride.div_ceil(N);
        let size = self.stride.div_ceil(groups);
        for first in (0..self.stride).step_by(size) {
            match (self.stride - first).min(size) {
                1 => {
                    let whole = acc.len() / self.padded() / M * M;
                    let (of_whole, rest) = acc.split_at_mut(whole * self.padded());
                    self.tiles::<S, T, M, 1>(simd, tiles, first, start, rows, of_whole);
                    self.tiles::<S, T, R, 1>(simd, tiles, first, start, rows.after(whole), rest);
                }
                2 => self.tiles::<S, T, R, 2>(simd, tiles, first, start, rows, acc),
                3 => self.tiles::<S, T, R, 3>(simd, tiles, first, start, rows, acc),
                _ => self.tiles::<S, T, R, 4>(simd, tiles, first, start, rows, acc),
            }
        }
    }

    /// `N` tiles of all rows; their weights stay in the nearest cache.
    #[inline(always)]
    fn tiles<S: Simd, T: Tile, const R: usize, const N: usize>(
        &self,
        simd: S,
        tiles: &[T],
        first: usize,
        start: Option<&[i32]>,
        rows: Rows<'_>,
        acc: &mut [i32],
    ) {
        let padded = self.padded();
        let mut row = 0;
        let mut blocks = acc.chunks_exact_mut(R * padded);
        for sums in blocks.by_ref() {
            let block = std::array::from_fn(|r| rows.row(row + r));
            self.block::<S, T, R, N>(simd, tiles, first, start, block, sums);
            row += R;
        }
        let mut sums = blocks.into_remainder();
        if R > 2 && sums.len() >= 2 * padded {
            let (two, more) = sums.split_at_mut(2 * padded);
            let block = [rows.row(row), rows.row(row + 1)];
            self.block::<S, T, 2, N>(simd, tiles, first, start, block, two);
            (sums, row) = (more, row + 2);
        }
        if !sums.is_empty() {
            self.line::<S, T, N>(simd, tiles, first, start, rows.row(row), sums);
        }
    }

    #[inline(always)]
    fn block<S: Simd, T: Tile, const R: usize, const N: usize>(
        &self,
        simd: S,
        tiles: &[T],
        first: usize,
        start: Option<&[i32]>,
        rows: [&[Pair]; R],
        acc: &mut [i32],
    ) {
        let padded = self.padded();
        let mut sums = [[i32x16::splat(simd, 0); N]; R];
        for (r, sums) in sums.iter_mut().enumerate() {
            *sums = load(simd, &start.unwrap_or(&acc[r * padded..])[first * TILE..]);
        }
        let pairs = rows.first().map_or(0, |row| row.len());
        for (p, tiles) in tiles.chunks_exact(self.stride).take(pairs).enumerate() {
            let weights = weights::<S, T, N>(simd, &tiles[first..first + N]);
            for (sums, row) in sums.iter_mut().zip(rows) {
                step(simd, &weights, row[p], sums);
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            store(sums, &mut acc[r * padded + first * TILE..]);
        }
    }

    /// One row. Even and odd pairs have sums of their own, because a product has to wait for the
    /// one before it in the same sum.
    #[inline(always)]
    fn line<S: Simd, T: Tile, const N: usize>(
        &self,
        simd: S,
        tiles: &[T],
        first: usize,
        start: Option<&[i32]>,
        row: &[Pair],
        acc: &mut [i32],
    ) {
        let mut even: [i32x16<S>; N] = load(simd, &start.unwrap_or(acc)[first * TILE..]);
        let mut odd = [i32x16::splat(simd, 0); N];
        let mut tiles = tiles.chunks_exact(self.stride);
        let (twos, rest) = row.as_chunks::<2>();
        for &[a, b] in twos {
            for (pair, sums) in [(a, &mut even), (b, &mut odd)] {
                if let Some(tiles) = tiles.next() {
                    step(simd, &weights::<S, T, N>(simd, &tiles[first..first + N]), pair, sums);
                }
            }
        }
        if let ([pair], Some(tiles)) = (rest, tiles.next()) {
            step(simd, &weights::<S, T, N>(simd, &tiles[first..first + N]), *pair, &mut even);
        }
        for (even, &odd) in even.iter_mut().zip(&odd) {
            *even += odd;
        }
        store(&even, &mut acc[first * TILE..]);
    }
}

#[inline(always)]
fn load<S: Simd, const N: usize>(simd: S, acc: &[i32]) -> [i32x16<S>; N] {
    let mut sums = [i32x16::splat(simd, 0); N];
    for (sum, acc) in sums.iter_mut().zip(acc.chunks_exact(TILE)) {
        *sum = i32x16::from_slice(simd, acc);
    }
    sums
}

#[inline(always)]
fn store<S: Simd, const N: usize>(sums: &[i32x16<S>; N], acc: &mut [i32]) {
    for (sum, acc) in sums.iter().zip(acc.chunks_exact_mut(TILE)) {
        sum.store_slice(acc);
    }
}

#[inline(always)]
fn weights<S: Simd, T: Tile, const N: usize>(simd: S, tiles: &[T]) -> [i16x32<S>; N] {
    let mut weights = [i16x32::splat(simd, 0); N];
    for (weights, tile) in weights.iter_mut().zip(tiles) {
        *weights = tile.load(simd);
    }
    weights
}

/// The products of one pair and its tiles, added to the sums of one row.
#[inline(always)]
fn add<S: Simd, T: Tile>(simd: S, tiles: &[T], pair: Pair, acc: &mut [i32]) {
    for (tile, acc) in tiles.chunks_exact(1).zip(acc.chunks_exact_mut(TILE)) {
        let mut sums: [i32x16<S>; 1] = load(simd, acc);
        step(simd, &weights::<S, T, 1>(simd, tile), pair, &mut sums);
        store(&sums, acc);
    }
}

#[inline(always)]
fn step<S: Simd, const N: usize>(
    simd: S,
    weights: &[i16x32<S>; N],
    pair: Pair,
    sums: &mut [i32x16<S>; N],
) {
    let both: i16x32<S> = i32x16::splat(simd, pack(pair)).bitcast();
    for (sum, weights) in sums.iter_mut().zip(weights) {
        *sum += weights.pairwise_dot_product(both);
    }
}

#[cfg(test)]
mod tests {
    use super::super::level::levels;
    use super::*;
    use proptest::prelude::*;

    /// The same sums one by one: the reference that every instruction set is compared with.
    fn reference(weights: &[ByteTile], row: &[Pair], acc: &mut [i32]) {
        let stride = acc.len() / TILE;
        for (tiles, pair) in weights.chunks_exact(stride).zip(row) {
            let [a, b] = pair.map(i32::from);
            let weights = tiles.iter().flat_map(|tile| tile.0.as_chunks::<2>().0);
            for (sum, w) in acc.iter_mut().zip(weights) {
                *sum += i32::from(w[0]) * a + i32::from(w[1]) * b;
            }
        }
    }

    proptest! {
        #[test]
        fn every_level_and_block_gives_the_reference_sums(
            stride in 1usize..10,
            rows in 0usize..30,
            pairs in 0usize..8,
            seed in any::<u64>(),
        ) {
            let mut state = seed | 1;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 48) as i16
            };
            let weights: Vec<ByteTile> = (0..pairs * stride)
                .map(|_| ByteTile(std::array::from_fn(|_| (next() >> 8) as i8)))
                .collect();
            let activations: Vec<Pair> =
                (0..rows * pairs).map(|_| [next().max(-32_767), next().max(0)]).collect();
            let start: Vec<i32> = (0..rows * stride * TILE).map(|o| o as i32 * 1000 - 7).collect();
            let mut expected = start.clone();
            for (r, sums) in expected.chunks_exact_mut(stride * TILE).enumerate() {
                reference(&weights, &activations[r * pairs..(r + 1) * pairs], sums);
            }
            for (_, level) in levels() {
                let packed = Packed::new(weights.clone(), stride, level);
                let mut acc = start.clone();
                packed.product(&activations, &mut acc);
                prop_assert_eq!(&acc, &expected, "{:?}", level);
                let mut zeros = acc.clone();
                packed.product_from(&vec![0; stride * TILE], &activations, &mut zeros);
                acc.iter_mut().zip(&start).for_each(|(acc, start)| *acc -= start);
                prop_assert_eq!(&zeros, &acc, "{:?}", level);
                // All but the last pair, and then that.
                if let Some(most) = pairs.checked_sub(1) {
                    let rows = Rows { values: &activations, stride: pairs, pairs: most };
                    let mut acc = vec![0; start.len()];
                    packed.product_of(&vec![0; stride * TILE], rows, &mut acc);
                    for (pair, acc) in
                        activations.iter().skip(most).step_by(pairs).zip(acc.chunks_exact_mut(stride * TILE))
                    {
                        dispatch!(level, simd => packed.add_pair(simd, most, *pair, acc));
                    }
                    prop_assert_eq!(&acc, &zeros, "{:?}", level);
                }
            }
        }
    }
}
