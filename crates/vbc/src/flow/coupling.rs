//! One additive coupling: y_a = x_a, y_b = x_b + m(x_a) (SPEC.md section 5.2).

use super::FlowScratch;
use crate::error::Error;
use crate::nn::{Act, Linear, saturate};

/// The map is a bijection whatever the network m computes, because the sum wraps.
#[derive(Debug)]
pub(crate) struct Coupling {
    /// Positions of x_a, ascending.
    kept: Vec<usize>,
    /// Positions of x_b, ascending.
    changed: Vec<usize>,
    /// Layers with a leaky ReLU.
    layers: Vec<Linear>,
    /// The output layer, one value for each position of x_b.
    last: Linear,
    /// A negative activation a becomes a >> slope.
    slope: u8,
}

impl Coupling {
    /// A coupling over `split.len()` positions: 0 keeps, 1 changes.
    ///
    /// # Errors
    /// [`Error::Model`] naming `name` where the split or a layer's width does not fit.
    pub fn new(
        name: &str,
        split: &[u8],
        layers: Vec<Linear>,
        last: Linear,
        slope: u8,
    ) -> Result<Self, Error> {
        let positions = |side: u8| -> Vec<usize> {
            split.iter().enumerate().filter(|&(_, &s)| s == side).map(|(i, _)| i).collect()
        };
        let (kept, changed) = (positions(0), positions(1));
        if kept.len() + changed.len() != split.len() {
            return Err(Error::model(name, "a split has values other than 0 and 1"));
        }
        let mut width = kept.len();
        for (i, layer) in layers.iter().chain([&last]).enumerate() {
            if layer.inputs() != width {
                return Err(Error::model(
                    name,
                    format!("layer {i} has {} inputs, {width} expected", layer.inputs()),
                ));
            }
            width = layer.outputs();
        }
        if width != changed.len() {
            return Err(Error::model(
                name,
                format!("{width} outputs for {} changed positions", changed.len()),
            ));
        }
        Ok(Coupling { kept, changed, layers, last, slope })
    }

    /// For each image of `states`, one behind the other: adds m(x_a) to x_b, or subtracts it, by
    /// `combine`.
    pub fn apply(
        &self,
        states: &mut [i32],
        scratch: &mut FlowScratch,
        combine: impl Fn(i32, i32) -> i32,
    ) {
        let FlowScratch { acc, hidden: [input, output], shift } = scratch;
        let len = self.kept.len() + self.changed.len();
        input.clear();
        for state in states.chunks_exact(len) {
            input.extend(self.kept.iter().map(|&p| saturate(state[p])));
            if self.kept.len() % 2 == 1 {
                input.push(0);
            }
        }
        for layer in &self.layers {
            layer.forward(Act::Leaky(self.slope), input.as_chunks().0, acc, output);
            std::mem::swap(input, output);
        }
        self.last.forward_wide(input.as_chunks().0, acc, shift);
        let shifts = shift.chunks_exact(self.changed.len().max(1));
        for (state, shift) in states.chunks_exact_mut(len).zip(shifts) {
            for (&p, &m) in self.changed.iter().zip(shift) {
                state[p] = combine(state[p], m);
            }
        }
    }
}
