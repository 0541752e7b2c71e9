//! A linear layer of integer weights.

use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch, i32x16, prelude::*, u32x16};

use super::activation::MAX;
use super::kernel::{self, Act, ByteTile, Pair, TILE};
use super::level::level;
use super::product::Packed;
use crate::error::Error;

/// `acc = bias + Σ weight·activation`, then `acc / 2^shift` rounded half up: i8 weights, i16
/// activations, i32 accumulators, a shift for each output (SPEC.md section 4.1).
#[derive(Debug)]
pub(crate) struct Linear {
    inputs: usize,
    outputs: usize,
    weights: Packed,
    /// Bias and rounding term 2^(shift−1), padded like the weights.
    start: Vec<i32>,
    /// Padded with 0.
    shift: Vec<u32>,
}

/// A layer's numbers as they are stored, checked, to be packed as a whole or in parts.
#[derive(Debug)]
pub(crate) struct Stored<'w> {
    inputs: usize,
    outputs: usize,
    /// `[output][input]`.
    weights: &'w [i8],
    /// Those of [`Linear`].
    start: Vec<i32>,
    shift: Vec<u32>,
}

/// Pairs of inputs that are packed at a time.
const TOGETHER: usize = 64;

/// The inputs as runs of the same largest magnitude.
fn runs(inputs: usize, max_input: impl Fn(usize) -> u32) -> Vec<(Range<usize>, u32)> {
    let mut runs: Vec<(Range<usize>, u32)> = Vec::new();
    for i in 0..inputs {
        let max = max_input(i);
        match runs.last_mut() {
            Some((run, of)) if *of == max => run.end = i + 1,
            _ => runs.push((i..i + 1, max)),
        }
    }
    runs
}

/// Checks a layer's lengths, and that no accumulator can overflow.
///
/// # Errors
/// Those of [`Linear::new`].
pub(super) fn check(
    name: &str,
    (inputs, outputs): (usize, usize),
    weights: &[i8],
    bias: &[i32],
    shift: &[u8],
    max_input: impl Fn(usize) -> u32,
) -> Result<(), Error> {
    for (what, found, expected) in [
        ("weights", weights.len(), inputs * outputs),
        ("biases", bias.len(), outputs),
        ("shifts", shift.len(), outputs),
    ] {
        if found != expected {
            return Err(Error::model(name, format!("{found} {what}, {expected} expected")));
        }
    }
    let runs = runs(inputs, max_input);
    for o in 0..outputs {
        if shift[o] > 24 {
            return Err(Error::model(
                name,
                format!("shift {} of output {o} is above 24", shift[o]),
            ));
        }
        let row = &weights[o * inputs..(o + 1) * inputs];
        let magnitude = |w: &[i8]| w.iter().map(|w| u32::from(w.unsigned_abs())).sum::<u32>();
        let sum: u64 = runs
            .iter()
            .map(|(run, max)| u64::from(magnitude(&row[run.clone()])) * u64::from(*max))
            .sum();
        let bound = sum + u64::from(bias[o].unsigned_abs()) + (1 << shift[o] >> 1);
        if bound >= 1 << 31 {
            return Err(Error::model(
                name,
                format!("output {o} can reach {bound}, beyond a 32-bit accumulator"),
            ));
        }
    }
    Ok(())
}

/// Biases with their rounding terms, and shifts, both padded to whole tiles with 0.
pub(super) fn ends(bias: &[i32], shift: &[u8]) -> (Vec<i32>, Vec<u32>) {
    let padded = bias.len().next_multiple_of(TILE);
    let mut start: Vec<i32> = bias.iter().zip(shift).map(|(b, s)| b + (1 << s >> 1)).collect();
    start.resize(padded, 0);
    let mut shift: Vec<u32> = shift.iter().map(|&s| u32::from(s)).collect();
    shift.resize(padded, 0);
    (start, shift)
}

impl<'w> Stored<'w> {
    /// Row-major `weights[output][input]`, with the proof that no accumulator can
    /// overflow: |bias| + 2^(shift−1) + Σ|w|·`max_input` < 2³¹ for each output, where `max_input`
    /// gives the largest magnitude of each input.
    ///
    /// # Errors
    /// [`Error::Model`] naming `name` where a length is wrong, a shift is above 24 or the bound is
    /// passed.
    pub fn new(
        name: &str,
        (inputs, outputs): (usize, usize),
        weights: &'w [i8],
        bias: &[i32],
        shift: &[u8],
        max_input: impl Fn(usize) -> u32,
    ) -> Result<Self, Error> {
        check(name, (inputs, outputs), weights, bias, shift, max_input)?;
        let (start, shift) = ends(bias, shift);
        Ok(Stored { inputs, outputs, weights, start, shift })
    }

    pub fn inputs(&self) -> usize {
        self.inputs
    }

    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The layer of some of the outputs, which read the first `inputs` only.
    pub fn part(&self, outputs: Range<usize>, inputs: usize) -> Linear {
        let padded = outputs.len().next_multiple_of(TILE);
        let stride = padded / TILE;
        let mut packed = vec![ByteTile([0; 2 * TILE]); inputs.div_ceil(2) * stride];
        let row = |o: usize| &self.weights[o * self.inputs..][..inputs];
        // Some inputs of a tile of outputs at a time, for the caches' sake.
        for (t, first) in outputs.clone().step_by(TILE).enumerate() {
            let of_tile = first..outputs.end.min(first + TILE);
            for pairs in (0..inputs.div_ceil(2)).step_by(TOGETHER) {
                let mut block = [ByteTile([0; 2 * TILE]); TOGETHER];
                let some = 2 * pairs..inputs.min(2 * (pairs + TOGETHER));
                for (k, o) in of_tile.clone().enumerate() {
                    let (pairs, odd) = row(o)[some.clone()].as_chunks::<2>();
                    let odd = odd.first().map(|&w| [w, 0]);
                    for (to, pair) in block.iter_mut().zip(pairs.iter().chain(&odd)) {
                        to.0[2 * k..2 * k + 2].copy_from_slice(pair);
                    }
                }
                let to = packed[pairs * stride..].iter_mut().skip(t).step_by(stride);
                to.zip(block).for_each(|(to, tile)| *to = tile);
            }
        }
        let mut start = self.start[outputs.clone()].to_vec();
        start.resize(padded, 0);
        let mut shift = self.shift[outputs.clone()].to_vec();
        shift.resize(padded, 0);
        let weights = Packed::new(packed, stride, level());
        Linear { inputs, outputs: outputs.len(), weights, start, shift }
    }
}

impl Linear {
    /// A whole layer.
    ///
    /// # Errors
    /// Those of [`Stored::new`].
    pub fn new(
        name: &str,
        inputs: usize,
        outputs: usize,
        weights: &[i8],
        bias: &[i32],
        shift: &[u8],
        max_input: impl Fn(usize) -> u32,
    ) -> Result<Self, Error> {
        let stored = Stored::new(name, (inputs, outputs), weights, bias, shift, max_input)?;
        Ok(stored.part(0..outputs, inputs))
    }

    pub fn inputs(&self) -> usize {
        self.inputs
    }

    pub fn outputs(&self) -> usize {
        self.outputs
    }

    pub fn weights(&self) -> &Packed {
        &self.weights
    }

    /// Padded biases and rounding terms.
    pub fn start_row(&self) -> &[i32] {
        &self.start
    }

    /// Tile `t` of a row of finished accumulators, rounded but not saturated; those of no output are 0.
    #[inline(always)]
    pub fn wide_tile<S: Simd>(&self, simd: S, acc: &[i32], t: usize) -> i32x16<S> {
        let place = t * TILE..(t + 1) * TILE;
        let shift: i32x16<S> = u32x16::from_slice(simd, &self.shift[place.clone()]).bitcast();
        i32x16::from_slice(simd, &acc[place]) >> shift
    }

    /// Outputs of finished accumulators from number `first` on, at most 32 in all, as activations that are not
    /// negative. In vectors, for no branch predictor knows which ones are not.
    #[inline(always)]
    pub fn relu_from<S: Simd>(&self, simd: S, acc: &[i32], first: usize, to: &mut [i16]) {
        let mut outputs = [0; 2 * TILE];
        for (t, outputs) in outputs.chunks_exact_mut(TILE).enumerate().take(acc.len() / TILE) {
            let tile = self.wide_tile(simd, acc, t);
            tile.max(0).min(MAX).store_slice(outputs);
        }
        to.iter_mut().zip(outputs.iter().skip(first)).for_each(|(to, &output)| *to = output as i16);
    }

    /// Output `o` of finished accumulators, rounded but not saturated.
    pub fn output(&self, acc: &[i32], o: usize) -> i32 {
        acc[o] >> self.shift[o]
    }

    /// Finished accumulators of some rows to activations; rows of `out` are `stride` apart.
    pub fn activate(&self, act: Act, acc: &[i32], out: &mut [i16], stride: usize) {
        let level = self.weights.level();
        kernel::activate(level, act, (acc, self.weights.padded()), &self.shift, (out, stride));
    }

    /// The whole layer for some rows, each of ⌈inputs/2⌉ pairs. A row of `out` is padded to an even
    /// length with 0, so that it is pairs again.
    pub fn forward(&self, act: Act, rows: &[Pair], acc: &mut Vec<i32>, out: &mut Vec<i16>) {
        self.sums(rows, acc);
        let stride = self.outputs.next_multiple_of(2);
        if stride > self.outputs {
            out.clear();
        }
        out.resize(acc.len() / self.weights.padded() * stride, 0);
        self.activate(act, acc, out, stride);
    }

    /// Adds the whole layer's outputs, without activation or saturation, to `to`, one row behind the other, or
    /// subtracts them; sums wrap.
    pub fn combine(&self, rows: &[Pair], acc: &mut Vec<i32>, to: &mut [i32], is_taken_off: bool) {
        self.sums(rows, acc);
        let rows = acc.chunks_exact(self.weights.padded().max(1));
        let rows = rows.zip(to.chunks_exact_mut(self.outputs.max(1)));
        dispatch!(self.weights.level(), _simd => for (acc, to) in rows {
            let outputs = to.iter_mut().zip(acc).zip(&self.shift);
            if is_taken_off {
                outputs.for_each(|((to, &acc), &shift)| *to = to.wrapping_sub(acc >> shift));
            } else {
                outputs.for_each(|((to, &acc), &shift)| *to = to.wrapping_add(acc >> shift));
            }
        });
    }

    pub fn level(&self) -> Level {
        self.weights.level()
    }

    /// The accumulators of some rows, each of ⌈inputs/2⌉ pairs.
    pub fn sums(&self, rows: &[Pair], acc: &mut Vec<i32>) {
        acc.resize(rows.len() / self.weights.pairs().max(1) * self.weights.padded(), 0);
        self.weights.product_from(&self.start, rows, acc);
    }
}
