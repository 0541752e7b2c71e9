//! A linear layer of integer weights.

use fearless_simd::Level;

use super::activation::{requantise, round_shift};
use super::kernel::{self, Active, TILE};
use crate::error::Error;

/// `acc = bias + Σ weight·activation`, then `acc / 2^shift` rounded half up: i8 weights, i16
/// activations, i32 accumulators, a shift for each output (SPEC.md section 4.1).
#[derive(Debug)]
pub(crate) struct Linear {
    inputs: usize,
    outputs: usize,
    /// Pair-packed, outputs padded; see `kernel`.
    packed: Vec<i16>,
    bias: Vec<i32>,
    shift: Vec<u8>,
    level: Level,
}

/// Scratch memory of a layer, kept by the caller so that no call allocates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    active: Vec<Active>,
    acc: Vec<i32>,
}

impl Linear {
    /// A layer from row-major `weights[output][input]`, with the proof that no accumulator can
    /// overflow: |bias| + 2^(shift−1) + Σ|w|·`max_input` < 2³¹ for each output, where `max_input`
    /// gives the largest magnitude of each input.
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
        max_input: impl Fn(usize) -> u32,
    ) -> Result<Self, Error> {
        for (what, found, expected) in [
            ("weights", weights.len(), inputs * outputs),
            ("biases", bias.len(), outputs),
            ("shifts", shift.len(), outputs),
        ] {
            if found != expected {
                return Err(Error::model(name, format!("{found} {what}, {expected} expected")));
            }
        }
        for o in 0..outputs {
            if shift[o] > 24 {
                return Err(Error::model(
                    name,
                    format!("shift {} of output {o} is above 24", shift[o]),
                ));
            }
            let row = &weights[o * inputs..(o + 1) * inputs];
            let sum: u64 = row
                .iter()
                .enumerate()
                .map(|(i, w)| u64::from(w.unsigned_abs()) * u64::from(max_input(i)))
                .sum();
            let bound = sum + u64::from(bias[o].unsigned_abs()) + (1 << shift[o] >> 1);
            if bound >= 1 << 31 {
                return Err(Error::model(
                    name,
                    format!("output {o} can reach {bound}, beyond a 32-bit accumulator"),
                ));
            }
        }
        let padded = outputs.next_multiple_of(TILE);
        let mut packed = vec![0i16; inputs.div_ceil(2) * padded * 2];
        for o in 0..outputs {
            for i in 0..inputs {
                packed[(i / 2 * padded + o) * 2 + i % 2] = i16::from(weights[o * inputs + i]);
            }
        }
        let mut bias = bias.to_vec();
        bias.resize(padded, 0);
        Ok(Linear { inputs, outputs, packed, bias, shift: shift.to_vec(), level: Level::new() })
    }

    pub fn inputs(&self) -> usize {
        self.inputs
    }

    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Bytes of the accumulators.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.bias)
    }

    /// Fills `acc` (resized to the padded outputs) with the biases.
    pub fn start(&self, acc: &mut Vec<i32>) {
        acc.clear();
        acc.extend_from_slice(&self.bias);
    }

    /// Adds the products of `activations`, which stand for the inputs from `first` (even) on.
    pub fn add(
        &self,
        first: usize,
        activations: &[i16],
        active: &mut Vec<Active>,
        acc: &mut [i32],
    ) {
        debug_assert!(first.is_multiple_of(2) && first + activations.len() <= self.inputs);
        kernel::active_pairs(activations, active);
        let stride = acc.len() * 2;
        kernel::accumulate(self.level, &self.packed[first / 2 * stride..], active, acc);
    }

    /// As [`add`](Self::add), for pairs already collected; `first` must be even.
    pub fn add_active(&self, first: usize, active: &[Active], acc: &mut [i32]) {
        let stride = acc.len() * 2;
        kernel::accumulate(self.level, &self.packed[first / 2 * stride..], active, acc);
    }

    /// Output `o` of finished accumulators, as an activation.
    pub fn activation(&self, acc: &[i32], o: usize) -> i16 {
        requantise(acc[o], self.shift[o])
    }

    /// Output `o` of finished accumulators, rounded but not saturated.
    pub fn output(&self, acc: &[i32], o: usize) -> i32 {
        round_shift(acc[o], self.shift[o])
    }

    /// Finished accumulators to activations with a ReLU: 0 ..= 32 767.
    pub fn relu(&self, acc: &[i32], out: &mut [i16]) {
        for (o, a) in out.iter_mut().enumerate() {
            *a = self.activation(acc, o).max(0);
        }
    }

    /// The whole layer with a ReLU.
    pub fn forward_relu(&self, activations: &[i16], scratch: &mut Scratch, out: &mut [i16]) {
        self.start(&mut scratch.acc);
        self.add(0, activations, &mut scratch.active, &mut scratch.acc);
        self.relu(&scratch.acc, out);
    }

    /// The whole layer with a leaky ReLU: a negative activation `a` becomes `a >> slope`.
    pub fn forward_leaky(
        &self,
        activations: &[i16],
        slope: u8,
        scratch: &mut Scratch,
        out: &mut [i16],
    ) {
        self.start(&mut scratch.acc);
        self.add(0, activations, &mut scratch.active, &mut scratch.acc);
        for (o, a) in out.iter_mut().enumerate() {
            let value = self.activation(&scratch.acc, o);
            *a = if value < 0 { value >> slope } else { value };
        }
    }

    /// The whole layer without activation or saturation: 32-bit outputs.
    pub fn forward_wide(&self, activations: &[i16], scratch: &mut Scratch, out: &mut [i32]) {
        self.start(&mut scratch.acc);
        self.add(0, activations, &mut scratch.active, &mut scratch.acc);
        for (o, a) in out.iter_mut().enumerate() {
            *a = self.output(&scratch.acc, o);
        }
    }
}

impl Scratch {
    /// The two buffers, for callers that drive a layer piece by piece.
    pub fn parts(&mut self) -> (&mut Vec<Active>, &mut Vec<i32>) {
        (&mut self.active, &mut self.acc)
    }
}
