//! A layer whose inputs are bytes: `acc = bias + Σ weight·activation` (SPEC.md sections 4.1, 4.2).

use std::borrow::Cow;
use std::ops::{Deref, Range};

use fearless_simd::{Level, Simd, dispatch, i32x16, prelude::*, u32x16};

use super::kernel::TILE;
use super::level::level;
use super::linear::{check, ends};
use super::quads::{Quad, Quads};
use super::rows::TableRows;
use crate::error::Error;

/// Largest activation.
const BYTE_MAX: u32 = 255;

/// Weights as they are stored, to be packed by those who compute with them, and what becomes of sums.
#[derive(Debug)]
pub(crate) struct ByteLayer<'w> {
    inputs: usize,
    /// `[output][input]`.
    weights: Cow<'w, [i8]>,
    ends: Ends,
}

/// What sums begin with, and what becomes of them: a layer without its weights.
#[derive(Debug)]
pub(crate) struct Ends {
    outputs: usize,
    /// Bias and rounding term, padded to whole tiles.
    start: Vec<i32>,
    /// Padded with 0.
    shift: Vec<u32>,
    level: Level,
}

impl Deref for ByteLayer<'_> {
    type Target = Ends;

    fn deref(&self) -> &Ends {
        &self.ends
    }
}

impl<'w> ByteLayer<'w> {
    /// A layer from row-major `weights[output][input]`, with the proof that no accumulator can
    /// overflow: |bias| + 2^(shift−1) + Σ|w|·255 < 2³¹ for each output.
    ///
    /// # Errors
    /// [`Error::Model`] naming `name` where a length is wrong, a shift is above 24 or the bound is
    /// passed.
    pub fn new(
        name: &str,
        inputs: usize,
        outputs: usize,
        weights: &[i8],
        bias: &[i32],
        shift: &[u8],
    ) -> Result<ByteLayer<'static>, Error> {
        let weights = Cow::Owned(weights.to_vec());
        ByteLayer::bounded(name, (inputs, outputs), weights, bias, shift, |_| BYTE_MAX)
    }

    /// As [`new`](Self::new), where `max_input` gives the largest value of each input.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn bounded(
        name: &str,
        (inputs, outputs): (usize, usize),
        weights: Cow<'w, [i8]>,
        bias: &[i32],
        shift: &[u8],
        max_input: impl Fn(usize) -> u32,
    ) -> Result<Self, Error> {
        check(name, (inputs, outputs), &weights, bias, shift, max_input)?;
        let (start, shift) = ends(bias, shift);
        Ok(ByteLayer { inputs, weights, ends: Ends { outputs, start, shift, level: level() } })
    }

    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The weights of some inputs as a product.
    pub fn quads(&self, inputs: Range<usize>) -> Quads {
        Quads::new(self.outputs, inputs.len(), |o| &self.row(o)[inputs.clone()], self.level)
    }

    /// The weights of all inputs as a product, with one more output behind the others.
    pub fn quads_with(&self, last: &[i8]) -> Quads {
        let row = |o: usize| if o < self.outputs { self.row(o) } else { last };
        Quads::new(self.outputs + 1, self.inputs, row, self.level)
    }

    /// The weights of some inputs as table rows.
    pub fn table(&self, inputs: Range<usize>) -> TableRows {
        TableRows::new(inputs.len(), self.outputs, |o| &self.row(o)[inputs.clone()])
    }

    /// The weights of an output.
    pub fn row(&self, output: usize) -> &[i8] {
        &self.weights[output * self.inputs..(output + 1) * self.inputs]
    }

    /// The layer without its weights, once they are packed.
    pub fn into_ends(self) -> Ends {
        self.ends
    }
}

impl Ends {
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    pub fn level(&self) -> Level {
        self.level
    }

    /// Padded biases and rounding terms.
    pub fn start(&self) -> &[i32] {
        &self.start
    }

    /// Output `o` of a finished accumulator, rounded but not saturated.
    pub fn output(&self, acc: i32, o: usize) -> i32 {
        acc >> self.shift[o]
    }

    /// Bytes of a row of outputs, padded to whole quads.
    pub fn row_bytes(&self) -> usize {
        self.outputs.next_multiple_of(4)
    }

    /// Finished accumulators of some rows to activations of [`row_bytes`](Self::row_bytes) a row,
    /// clamped to 0 ..= 255; what pads a row is 0.
    pub fn relu(&self, acc: &[i32], out: &mut Vec<u8>) {
        let len = acc.len() / self.shift.len() * self.row_bytes();
        if out.len() < len {
            out.resize(len, 0);
        }
        self.relu_to(acc, out);
    }

    /// As [`relu`](Self::relu), to where there is room.
    pub fn relu_to(&self, acc: &[i32], out: &mut [u8]) {
        let (padded, stride) = (self.shift.len(), self.row_bytes());
        dispatch!(self.level, _simd => {
            for (acc, out) in acc.chunks_exact(padded).zip(out.chunks_exact_mut(stride)) {
                for ((out, &acc), &shift) in out.iter_mut().zip(acc).zip(&self.shift) {
                    *out = (acc >> shift).clamp(0, 255) as u8;
                }
            }
        });
    }

    /// Tile `t` of a row of finished accumulators, saturated to 16 bits; those of no output are 0.
    #[inline(always)]
    pub fn tile<S: Simd>(&self, simd: S, acc: &[i32], t: usize) -> i32x16<S> {
        let place = t * TILE..(t + 1) * TILE;
        let shift: i32x16<S> = u32x16::from_slice(simd, &self.shift[place.clone()]).bitcast();
        (i32x16::from_slice(simd, &acc[place]) >> shift).max(-32_767).min(32_767)
    }
}

/// Rows of bytes, each a whole number of quads, as quads.
#[inline(always)]
pub(crate) fn as_quads(bytes: &[u8]) -> &[Quad] {
    bytes.as_chunks().0
}
