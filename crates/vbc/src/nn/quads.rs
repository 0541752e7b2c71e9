//! Dense products of bytes: accumulators += unsigned activations · signed weights, four inputs a step.
//!
//! AVX-512 has an instruction for it, which adds four products of bytes to each of 16 sums. Other
//! levels widen the activations and take pairs of 16-bit numbers, by [`Packed`]. Integer sums have one
//! value in any order, so all give the same bits.

use fearless_simd::Level;

use super::kernel::{ByteTile, Pair, TILE};
use super::product::Packed;

/// Four neighbouring activations.
pub(crate) type Quad = [u8; 4];

/// The weights of some of a layer's inputs.
#[derive(Clone, Debug)]
pub(crate) struct Quads {
    weights: Weights,
    quads: usize,
    padded: usize,
}

#[derive(Clone, Debug)]
enum Weights {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    Wide(wide::Tiles),
    Pairs(Packed),
}

impl Quads {
    /// `row(o)` are the weights of `inputs` inputs for output o; the last quad of inputs is filled up with zeros.
    pub fn new<'w>(
        outputs: usize,
        inputs: usize,
        row: impl Fn(usize) -> &'w [i8],
        level: Level,
    ) -> Self {
        let (padded, quads) = (outputs.next_multiple_of(TILE), inputs.div_ceil(4));
        let rows = (0..outputs).map(row);
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        if let Some(avx512) = level.as_avx512() {
            let weights = Weights::Wide(wide::Tiles::new(avx512, padded, quads, rows));
            return Quads { weights, quads, padded };
        }
        let tiles = padded / TILE;
        let mut packed = vec![ByteTile([0; 2 * TILE]); 2 * quads * tiles];
        for (o, row) in rows.enumerate() {
            let of_output = packed.iter_mut().skip(o / TILE).step_by(tiles);
            for (to, pair) in of_output.zip(row.chunks(2)) {
                to.0[o % TILE * 2..][..pair.len()].copy_from_slice(pair);
            }
        }
        let weights = Weights::Pairs(Packed::new(packed, tiles, level));
        Quads { weights, quads, padded }
    }

    /// Quads of a row of inputs.
    pub fn quads(&self) -> usize {
        self.quads
    }

    /// Accumulators of a row: outputs, padded to whole tiles.
    pub fn padded(&self) -> usize {
        self.padded
    }

    /// For each row of [`quads`](Self::quads) quads, adds its products to its accumulators.
    pub fn product(&self, rows: &[Quad], acc: &mut [i32]) {
        self.product_on(None, rows, acc);
    }

    /// As [`product`](Self::product), on top of `start` for every row, whatever `acc` holds.
    pub fn product_from(&self, start: &[i32], rows: &[Quad], acc: &mut [i32]) {
        self.product_on(Some(start), rows, acc);
    }

    fn product_on(&self, start: Option<&[i32]>, rows: &[Quad], acc: &mut [i32]) {
        debug_assert_eq!(rows.len() * self.padded, acc.len() * self.quads);
        if self.quads == 0 {
            if let Some(start) = start {
                acc.chunks_exact_mut(self.padded).for_each(|acc| acc.copy_from_slice(start));
            }
            return;
        }
        match &self.weights {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Weights::Wide(tiles) => tiles.product(start, rows, self.quads, acc),
            Weights::Pairs(packed) => self.widened(packed, start, rows, acc),
        }
    }

    /// The product in pairs: some rows at a time, widened into a buffer that stays in the nearest
    /// cache.
    fn widened(&self, packed: &Packed, start: Option<&[i32]>, rows: &[Quad], acc: &mut [i32]) {
        let mut buffer = [[0; 2]; WIDENED];
        // An even number, for the product takes rows two by two.
        let many = (WIDENED / (4 * self.quads) * 2).max(1);
        for (rows, acc) in rows.chunks(many * self.quads).zip(acc.chunks_mut(many * self.padded)) {
            let bytes = rows.as_flattened().as_chunks::<2>().0;
            let Some(pairs) = buffer.get_mut(..bytes.len()) else {
                // One row, longer than the buffer.
                let pairs: Vec<Pair> = bytes.iter().map(|pair| pair.map(i16::from)).collect();
                multiply(packed, start, &pairs, acc);
                continue;
            };
            for (wide, pair) in pairs.iter_mut().zip(bytes) {
                *wide = pair.map(i16::from);
            }
            multiply(packed, start, pairs, acc);
        }
    }
}

/// Pairs that are widened at a time.
const WIDENED: usize = 512;

fn multiply(packed: &Packed, start: Option<&[i32]>, pairs: &[Pair], acc: &mut [i32]) {
    match start {
        Some(start) => packed.product_from(start, pairs, acc),
        None => packed.product(pairs, acc),
    }
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[path = "quads_wide.rs"]
mod wide;

#[cfg(test)]
mod tests {
    use super::super::level::levels;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_level_gives_the_reference_sums(
            outputs in 1usize..120,
            inputs in prop_oneof![9 => 0usize..40, 1 => 4000usize..5000],
            rows in prop_oneof![4 => 0usize..11, 1 => 100usize..120],
            seed in any::<u64>(),
        ) {
            let mut state = seed | 1;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            };
            let weights: Vec<i8> = (0..outputs * inputs).map(|_| next() as i8).collect();
            let quads = inputs.div_ceil(4);
            let values: Vec<Quad> =
                (0..rows * quads).map(|_| std::array::from_fn(|_| next())).collect();
            let padded = outputs.next_multiple_of(TILE);
            let start: Vec<i32> = (0..padded as i32).map(|o| o * 1000 - 7).collect();
            let mut expected = Vec::new();
            for r in 0..rows {
                let row = values[r * quads..(r + 1) * quads].as_flattened();
                for (o, &start) in start.iter().enumerate() {
                    let weights = if o < outputs { &weights[o * inputs..(o + 1) * inputs] } else { &[] };
                    let products = weights.iter().zip(row);
                    expected.push(start + products.map(|(&w, &a)| i32::from(w) * i32::from(a)).sum::<i32>());
                }
            }
            for (_, level) in levels() {
                let layer = Quads::new(outputs, inputs, |o| &weights[o * inputs..][..inputs], level);
                let mut acc = vec![7; rows * padded];
                layer.product_from(&start, &values, &mut acc);
                prop_assert_eq!(&acc, &expected, "{:?}", level);
                layer.product(&values, &mut acc);
                let twice = expected.chunks_exact(padded).flat_map(|row| row.iter().zip(&start));
                prop_assert_eq!(acc, twice.map(|(a, s)| 2 * a - s).collect::<Vec<_>>());
            }
        }
    }
}
