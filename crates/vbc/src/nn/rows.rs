//! Inputs that are 0 or one fixed power of two: what they add is a sum of table rows.

use std::ops::Range;

use fearless_simd::{i16x16, i16x32, i32x16, prelude::*};

use super::kernel::TILE;

/// Outputs of a row are padded to a multiple of this.
const LANES: usize = 64;
const HALF: usize = LANES / 2;

/// Weights of an input for 64 outputs: a cache line, and on one. Lane k has in its high byte the weight for output
/// 32 + k, and in its low one that for output k, and 128, so that it is never below 0: sums of lanes and of high
/// bytes, as many as there are rows, give both sums, and nothing is widened.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line([i16; HALF]);

/// Inputs whose rows are made at a time.
const TOGETHER: usize = 64;

/// The weights of some inputs for no output.
const NO_WEIGHTS: [i8; TOGETHER] = [0; TOGETHER];

/// What a low byte holds besides a weight.
const BIAS: i16 = 128;

/// The weights of some inputs, one row an input, and behind them a row of zeros.
#[derive(Clone, Debug)]
pub(crate) struct TableRows {
    /// Rows of at most [`HALF`] outputs are two a line, each with outputs k and 16 + k in a lane.
    lines: Vec<Line>,
    /// Lines of a row; 1 where two share one.
    stride: usize,
    padded: usize,
    #[cfg(test)]
    inputs: usize,
}

impl TableRows {
    /// `row(o)` are the weights of `inputs` inputs for output o.
    pub fn new<'w>(inputs: usize, outputs: usize, row: impl Fn(usize) -> &'w [i8]) -> Self {
        let padded = outputs.next_multiple_of(TILE);
        let stride = padded.div_ceil(LANES);
        // Lanes of a row, and how far the outputs of a lane are apart.
        let (width, apart) = if padded <= HALF { (TILE, TILE) } else { (stride * HALF, HALF) };
        let mut lines = vec![Line([BIAS; HALF]); ((inputs + 1) * width).div_ceil(HALF)];
        let of = |o: usize, some: &Range<usize>| {
            if o < outputs { &row(o)[some.clone()] } else { &NO_WEIGHTS[..some.len()] }
        };
        // Weights are stored output by output: some inputs of some outputs at a time, for the caches' sake.
        let mut block = [[0; TILE]; TOGETHER];
        for first in (0..inputs).step_by(TOGETHER) {
            let some = first..inputs.min(first + TOGETHER);
            for lane in (0..width).step_by(TILE) {
                let low = lane / apart * 2 * apart + lane % apart;
                for k in 0..TILE {
                    let both = of(low + k, &some).iter().zip(of(low + apart + k, &some));
                    for (to, (&low, &high)) in block.iter_mut().zip(both) {
                        to[k] = BIAS + i16::from(low) + (i16::from(high) << 8);
                    }
                }
                for (i, from) in some.clone().zip(&block) {
                    let at = i * width + lane;
                    lines[at / HALF].0[at % HALF..][..TILE].copy_from_slice(from);
                }
            }
        }
        TableRows {
            lines,
            stride,
            padded,
            #[cfg(test)]
            inputs,
        }
    }

    #[cfg(test)]
    /// The number of the row of zeros, which is the number of inputs.
    fn nothing(&self) -> usize {
        self.inputs
    }

    /// `acc[o] = start[o] + Σ row[o] · 2^shift` over the rows `hot`.
    #[inline(always)]
    pub fn sum<S: Simd, const H: usize>(
        &self,
        simd: S,
        start: &[i32],
        hot: &[u32; H],
        shift: u32,
        acc: &mut [i32],
    ) {
        // A sum of H low bytes, and one of H high bytes, fits an i16.
        const { assert!(H <= 128) };
        debug_assert!(acc.len() == self.padded);
        if self.padded <= HALF {
            self.narrow(simd, start, hot, shift, acc);
            return;
        }
        for first in (0..self.stride).step_by(2) {
            match (self.padded - first * LANES).div_ceil(HALF) {
                1 => self.halves::<S, H, 1>(simd, first, start, hot, shift, acc),
                2 => self.halves::<S, H, 2>(simd, first, start, hot, shift, acc),
                3 => self.halves::<S, H, 3>(simd, first, start, hot, shift, acc),
                _ => self.halves::<S, H, 4>(simd, first, start, hot, shift, acc),
            }
        }
    }

    /// Rows of half a line.
    #[inline(always)]
    fn narrow<S: Simd, const H: usize>(
        &self,
        simd: S,
        start: &[i32],
        hot: &[u32; H],
        shift: u32,
        acc: &mut [i32],
    ) {
        let mut lanes = i16x16::splat(simd, 0);
        let mut high = lanes;
        for &row in hot {
            let (line, half) = (row as usize / 2, row as usize % 2 * TILE);
            let row = i16x16::from_slice(simd, &self.lines[line].0[half..half + TILE]);
            lanes += row;
            high += row >> 8;
        }
        let low = lanes - (high << 8) - BIAS * H as i16;
        for (t, sum) in [low, high].into_iter().enumerate() {
            let (low, high) = sum.widen();
            let sum: i32x16<S> = low.combine(high);
            let tile = t * TILE..(t + 1) * TILE;
            if let (Some(acc), Some(start)) = (acc.get_mut(tile.clone()), start.get(tile)) {
                (i32x16::from_slice(simd, start) + (sum << shift)).store_slice(acc);
            }
        }
    }

    /// `N` ≤ 4 halves of lines, from line `first` of each row on.
    #[inline(always)]
    fn halves<S: Simd, const H: usize, const N: usize>(
        &self,
        simd: S,
        first: usize,
        start: &[i32],
        hot: &[u32; H],
        shift: u32,
        acc: &mut [i32],
    ) {
        let mut lanes = [i16x32::splat(simd, 0); 2];
        let mut high = lanes;
        for &row in hot {
            let row = &self.lines[row as usize * self.stride + first..][..N.div_ceil(2)];
            for l in 0..N.div_ceil(2) {
                let row = i16x32::from_slice(simd, &row[l].0);
                lanes[l] += row;
                // Where there is no such half, its weights are 0.
                if 2 * l + 1 < N {
                    high[l] += row >> 8;
                }
            }
        }
        for n in 0..N {
            let (lanes, high) = (lanes[n / 2], high[n / 2]);
            let sum = if n % 2 == 0 { lanes - (high << 8) - BIAS * H as i16 } else { high };
            let (low, high) = sum.widen();
            let t = 4 * first + 2 * n;
            for (t, sum) in [(t, low), (t + 1, high)] {
                let tile = t * TILE..(t + 1) * TILE;
                if let (Some(acc), Some(start)) = (acc.get_mut(tile.clone()), start.get(tile)) {
                    (i32x16::from_slice(simd, start) + (sum << shift)).store_slice(acc);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::level::levels;
    use super::*;
    use fearless_simd::dispatch;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_add_up(
            inputs in 1usize..150,
            outputs in 1usize..180,
            hot in proptest::array::uniform20(any::<u32>()),
            seed in any::<u64>(),
        ) {
            let mut state = seed | 1;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as i8
            };
            let weights: Vec<i8> = (0..inputs * outputs).map(|_| next()).collect();
            let hot = hot.map(|h| h % (inputs as u32 + 1));
            let padded = outputs.next_multiple_of(TILE);
            let value = |h: u32, o: usize| {
                let is_weight = (h as usize) < inputs && o < outputs;
                if is_weight { i32::from(weights[o * inputs + h as usize]) } else { 0 }
            };
            let expected: Vec<i32> = (0..padded)
                .map(|o| 5 + hot.iter().map(|&h| value(h, o)).sum::<i32>() * 128)
                .collect();
            let rows = TableRows::new(inputs, outputs, |o| &weights[inputs * o..inputs * (o + 1)]);
            prop_assert_eq!(rows.nothing(), inputs);
            for (_, level) in levels() {
                let start = vec![5; padded];
                let mut acc = vec![0; padded];
                dispatch!(level, simd => rows.sum(simd, &start, &hot, 7, &mut acc));
                prop_assert_eq!(&acc, &expected, "{:?}", level);
            }
        }
    }
}
