//! What gives the logits of nibbles: a layer of the units that ink is told by, or a network of values, which only cells
//! that are ink are asked of (SPEC.md section 6.9.3).

use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch, i32x16, prelude::*};

use super::inputs::{VALUE_INPUTS, value_inputs_len};
use super::network::{Scratch, TOGETHER};
use crate::error::Error;
use crate::nn::{ByteLayer, Ends, Quads, TableRows, as_quads};
use crate::pixel::{ByNibble, INPUT_FRAC, grown};

/// Outputs for the high nibble: 16 logits, and how much count, weight and being known weigh; for the low
/// one count, what the kind had last, weight and being known.
const HIGH: usize = 16 + HIGH_GATES;
const HIGH_GATES: usize = 3;
const LOW_GATES: usize = 4;

/// The hot inputs of a network of values that are not the same for a row.
pub(super) type ValueInputs = [u32; VALUE_INPUTS];

/// The layers of either kind, as they are stored.
#[derive(Debug)]
pub(crate) enum ValueLayers<'w> {
    /// units → high nibble and gates of both; and `[16][16]`: logits of the low nibble after each high one.
    Units { head: ByteLayer<'w>, low: Vec<i16> },
    /// table rows, then the image vector → units of its own → hidden layer → high nibble, and low nibble
    /// after each high one.
    Network {
        inputs: ByteLayer<'w>,
        hidden: ByteLayer<'w>,
        high: ByteLayer<'w>,
        low: Vec<ByteLayer<'w>>,
    },
}

/// The same, with their weights in the order that they are read.
#[derive(Debug)]
pub(super) enum Values {
    Units(UnitHead),
    Network(Box<ValueNet>),
}

/// A layer of the units.
#[derive(Debug)]
pub(super) struct UnitHead {
    head: Ends,
    /// The head's weights, and behind them those of ink; and what their sums begin with.
    pub weights: Quads,
    pub start: Vec<i32>,
    low: Vec<[i32; 16]>,
}

/// A layer and its packed weights.
#[derive(Debug)]
struct Dense {
    layer: Ends,
    weights: Quads,
}

impl Dense {
    fn new(layer: ByteLayer) -> Self {
        Dense { weights: layer.quads(0..layer.inputs()), layer: layer.into_ends() }
    }

    /// Of rows of bytes; the accumulators of each.
    fn sums<'a>(&self, rows: &[u8], acc: &'a mut Vec<i32>) -> &'a mut [i32] {
        let rows = as_quads(rows);
        let acc = grown(acc, rows.len() / self.weights.quads() * self.weights.padded());
        self.weights.product_from(self.layer.start(), rows, acc);
        acc
    }
}

/// A network of values.
#[derive(Debug)]
pub(super) struct ValueNet {
    inputs: Ends,
    table: TableRows,
    /// What the image vector weighs.
    image: Quads,
    hidden: Dense,
    high: Dense,
    low: Vec<Dense>,
}

/// Buffers of its evaluations.
#[derive(Debug, Default)]
pub(super) struct ValueScratch {
    acc: Vec<i32>,
    units: Vec<u8>,
    hidden: Vec<u8>,
    high: Vec<i32>,
    low: Vec<i32>,
    by_high: ByNibble,
}

/// What a head says of a nibble before counts and kinds are weighed.
pub(super) struct Outputs<S: Simd, const GATES: usize> {
    pub logits: i32x16<S>,
    pub gates: [i32; GATES],
}

impl ValueLayers<'_> {
    /// Names of tensors, inputs or outputs or entries found, and how many there have to be, in a model whose grids have
    /// so many classes of lines, `units` units and an image vector of `image` numbers.
    pub fn sizes(
        &self,
        classes: usize,
        [units, image]: [usize; 2],
    ) -> Vec<(&'static str, usize, usize)> {
        match self {
            ValueLayers::Units { head, low } => vec![
                ("cells.head", head.inputs(), units),
                ("cells.head", head.outputs(), HIGH + LOW_GATES),
                ("cells.low", low.len(), 256),
            ],
            ValueLayers::Network { inputs, hidden, high, low } => {
                let rows = value_inputs_len(classes) + image;
                let mut sizes = vec![
                    ("cells.value.inputs", inputs.inputs(), rows),
                    ("cells.value.hidden", hidden.inputs(), inputs.outputs()),
                    ("cells.value.high", high.inputs(), hidden.outputs()),
                    ("cells.value.high", high.outputs(), HIGH),
                    ("cells.value.low", low.len(), 16),
                ];
                for low in low {
                    sizes.push(("cells.value.low", low.inputs(), hidden.outputs()));
                    sizes.push(("cells.value.low", low.outputs(), 16 + LOW_GATES));
                }
                sizes
            }
        }
    }
}

impl Values {
    /// Of layers of the right sizes; `ink` are the weights of the output that tells ink, and what its sum begins with.
    pub fn new(
        layers: ValueLayers,
        (ink, start): (&[i8], i32),
        classes: usize,
        image: usize,
    ) -> Result<Self, Error> {
        match layers {
            ValueLayers::Units { head, low } => {
                let mut starts = head.start().to_vec();
                starts[HIGH + LOW_GATES] = start;
                Ok(Values::Units(UnitHead {
                    weights: head.quads_with(ink),
                    start: starts,
                    low: low.as_chunks().0.iter().map(|row| row.map(i32::from)).collect(),
                    head: head.into_ends(),
                }))
            }
            ValueLayers::Network { inputs, hidden, high, low } => {
                for (name, outputs) in [
                    ("cells.value.inputs", inputs.outputs()),
                    ("cells.value.hidden", hidden.outputs()),
                ] {
                    if outputs == 0 {
                        return Err(Error::model(name, "no outputs"));
                    }
                }
                let rows = value_inputs_len(classes);
                Ok(Values::Network(Box::new(ValueNet {
                    table: inputs.table(0..rows),
                    image: inputs.quads(rows..rows + image),
                    hidden: Dense::new(hidden),
                    high: Dense::new(high),
                    low: low.into_iter().map(Dense::new).collect(),
                    inputs: inputs.into_ends(),
                })))
            }
        }
    }

    /// The network, if it is one.
    pub fn network(&self) -> Option<&ValueNet> {
        match self {
            Values::Units(_) => None,
            Values::Network(network) => Some(network),
        }
    }

    /// What the cell evaluated as number `row`, the ink of number `k`, has for the high nibble.
    #[inline(always)]
    pub fn high<S: Simd>(
        &self,
        simd: S,
        [row, k]: [usize; 2],
        scratch: &Scratch,
    ) -> Outputs<S, HIGH_GATES> {
        match self {
            Values::Units(units) => {
                let (logits, gates) = units.outputs(simd, row, scratch);
                Outputs { logits, gates: [gates[0], gates[1], gates[2]] }
            }
            Values::Network(network) => network.high.outputs(simd, k, &scratch.value.high),
        }
    }

    /// The same for the low nibble after `high`.
    #[inline(always)]
    pub fn low<S: Simd>(
        &self,
        simd: S,
        [row, k]: [usize; 2],
        high: usize,
        scratch: &Scratch,
    ) -> Outputs<S, LOW_GATES> {
        match self {
            Values::Units(units) => {
                let (_, gates) = units.outputs(simd, row, scratch);
                let logits = i32x16::from_slice(simd, &units.low[high]);
                Outputs { logits, gates: [gates[3], gates[4], gates[5], gates[6]] }
            }
            Values::Network(network) => {
                let ValueScratch { low, by_high, .. } = &scratch.value;
                network.low[high].outputs(simd, by_high.place(k), low)
            }
        }
    }
}

impl UnitHead {
    /// Where the sum that tells ink stands in a row.
    pub const INK: usize = HIGH + LOW_GATES;

    /// The logits of the high nibble, and the gates.
    #[inline(always)]
    fn outputs<S: Simd>(&self, simd: S, k: usize, scratch: &Scratch) -> (i32x16<S>, [i32; 16]) {
        let padded = self.weights.padded();
        let acc = &scratch.head[k * padded..(k + 1) * padded];
        (self.head.tile(simd, acc, 0), self.head.tile(simd, acc, 1).into())
    }
}

impl Dense {
    /// Logits and gates of row `k` of finished accumulators.
    #[inline(always)]
    fn outputs<S: Simd, const GATES: usize>(
        &self,
        simd: S,
        k: usize,
        acc: &[i32],
    ) -> Outputs<S, GATES> {
        let padded = self.weights.padded();
        let acc = &acc[k * padded..(k + 1) * padded];
        let gates: [i32; 16] = self.layer.tile(simd, acc, 1).into();
        let gates = gates.first_chunk().copied().unwrap_or([0; GATES]);
        Outputs { logits: self.layer.tile(simd, acc, 0), gates }
    }
}

impl ValueNet {
    /// Accumulators of a cell's units.
    pub fn padded(&self) -> usize {
        self.inputs.start().len()
    }

    /// What the units' accumulators begin with, and what the image vector weighs.
    pub fn image(&self) -> (&[i32], &Quads) {
        (self.inputs.start(), &self.image)
    }

    /// Bytes of buffers that a cell takes.
    pub fn bytes(&self) -> usize {
        let sums = self.hidden.weights.padded() + self.high.weights.padded();
        8 * self.padded() + 4 * sums + 2 * 4 * self.high.weights.padded()
    }

    pub fn level(&self) -> Level {
        self.inputs.level()
    }

    /// What a row's inputs add to an image's accumulators.
    pub fn start_row<const N: usize>(&self, hot: &[u32; N], image: &[i32], acc: &mut [i32]) {
        dispatch!(self.level(), simd => self.table.sum(simd, image, hot, INPUT_FRAC, acc));
    }

    /// Evaluates cells that are ink up to the high nibble: `cells` are their numbers, and `start(k)` the row's
    /// accumulators of cell k.
    #[inline(always)]
    pub fn evaluate<'a, S: Simd>(
        &self,
        simd: S,
        mut cells: impl ExactSizeIterator<Item = ValueInputs>,
        start: impl Fn(usize) -> &'a [i32],
        scratch: &mut ValueScratch,
    ) {
        let (padded, count) = (self.padded(), cells.len());
        let (stride, row) = (self.inputs.row_bytes(), self.hidden.layer.row_bytes());
        let ValueScratch { acc, units, hidden, high, .. } = scratch;
        let hidden = grown(hidden, count * row);
        for (hidden, first) in hidden.chunks_mut(TOGETHER * row).zip((0..).step_by(TOGETHER)) {
            let rows = hidden.len() / row;
            let sums = grown(acc, rows * padded);
            for (k, (sums, hot)) in sums.chunks_exact_mut(padded).zip(cells.by_ref()).enumerate() {
                self.table.sum(simd, start(first + k), &hot, INPUT_FRAC, sums);
            }
            self.inputs.relu(sums, units);
            let sums = self.hidden.sums(&units[..rows * stride], acc);
            self.hidden.layer.relu_to(sums, hidden);
        }
        self.high.sums(hidden, high);
    }

    /// Evaluates the same cells for the low nibble after these high ones.
    pub fn evaluate_low(&self, highs: &[u8], scratch: &mut ValueScratch) {
        let ValueScratch { hidden, low, by_high, .. } = scratch;
        let padded = self.high.weights.padded();
        let low = grown(low, highs.len() * padded);
        by_high.sort(highs, hidden, self.hidden.layer.row_bytes());
        for (h, Range { start, end }, rows) in by_high.each() {
            let Dense { layer, weights } = &self.low[h];
            let acc = &mut low[start * padded..end * padded];
            weights.product_from(layer.start(), as_quads(rows), acc);
        }
    }
}
