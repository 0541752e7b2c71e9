//! One additive coupling: y_a = x_a, y_b = x_b + m(x_a) (SPEC.md section 5.2).

use fearless_simd::dispatch;

use super::FlowScratch;
use crate::error::Error;
use crate::nn::{Act, Linear, saturate};

/// Which way through a coupling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Forward,
    Inverse,
}

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
    /// [`Error::Model`] naming `name` where the split or a layer's width does not fit, or either half is empty.
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
        if kept.is_empty() || changed.is_empty() {
            return Err(Error::model(name, "a split that keeps all or changes all"));
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

    /// Positions of x_a and of x_b, both ascending; neither is empty.
    pub fn halves(&self) -> [&[usize]; 2] {
        [&self.kept, &self.changed]
    }

    /// For each image of `kept`, which holds x_a of one behind the other: adds m(x_a) to x_b in `changed`, or
    /// subtracts it.
    pub(super) fn apply(
        &self,
        kept: &[i32],
        changed: &mut [i32],
        scratch: &mut FlowScratch,
        direction: Direction,
    ) {
        let FlowScratch { acc, hidden: [input, output], .. } = scratch;
        let len = self.kept.len();
        let stride = len.next_multiple_of(2);
        input.clear();
        input.resize(kept.len() / len * stride, 0);
        let rows = input.chunks_exact_mut(stride).zip(kept.chunks_exact(len));
        dispatch!(self.last.level(), _simd => for (to, from) in rows {
            to.iter_mut().zip(from).for_each(|(to, &from)| *to = saturate(from));
        });
        for layer in &self.layers {
            layer.forward(Act::Leaky(self.slope), input.as_chunks().0, acc, output);
            std::mem::swap(input, output);
        }
        self.last.combine(input.as_chunks().0, acc, changed, direction == Direction::Inverse);
    }
}
