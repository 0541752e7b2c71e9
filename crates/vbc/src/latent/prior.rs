//! The latent's prior: a masked autoregressive network over the d/c symbols (SPEC.md section 6.1).

use std::ops::Range;

use fearless_simd::{dispatch, prelude::*};

use crate::entropy::{Decoder, Distribution, Encoder};
use crate::error::Error;
use crate::nn::{Linear, Pair, Rows, Stored, TILE};
use crate::pool::Pool;

/// Symbols of a dimension: z − centre from −7 to 7, and an escape.
pub(crate) const SYMBOLS: usize = 16;
const REACH: i32 = 7;
const ESCAPE: usize = SYMBOLS - 1;

/// Fractional bits of a latent symbol as a network input.
pub(crate) const LATENT_FRAC: u32 = 6;

/// Largest magnitude of a latent input.
pub(crate) const LATENT_INPUT_MAX: u32 = 127 << LATENT_FRAC;

/// p(z) = Π p(z_j | z_0 … z_{j−1}): one hidden layer whose units belong to dimensions, in order, and
/// read only symbols up to their own; the logits of dimension j read units of earlier dimensions.
#[derive(Debug)]
pub(crate) struct Prior {
    centre: Vec<i32>,
    units: usize,
    groups: Vec<Group>,
    /// For each dimension: the units of those before it → 16 logits.
    logits: Vec<Linear>,
    runs: Pool<PriorRun>,
}

/// Dimensions whose units are one tile of outputs: what they read of the symbols before the group is
/// summed for all images at once, the rest as it becomes known.
#[derive(Debug)]
struct Group {
    dimensions: Range<usize>,
    /// The symbols up to the group's end → its units, ReLU.
    hidden: Linear,
}

/// Images in lock step, part-way through their symbols.
#[derive(Debug, Default)]
struct PriorRun {
    /// What is known of each latent as network inputs, 0 for the rest.
    inputs: Vec<i16>,
    units: Vec<i16>,
    /// Accumulators of the group's units.
    acc: Vec<i32>,
    logits: Vec<i32>,
    distributions: Vec<Distribution<SYMBOLS>>,
}

impl Group {
    /// Makes the sums of the units over the first symbols of all images, of rows of `stride` pairs.
    #[inline(always)]
    fn sums(&self, symbols: usize, stride: usize, images: usize, run: &mut PriorRun) {
        let weights = self.hidden.weights();
        run.acc.resize(images * weights.padded(), 0);
        let values = run.inputs.as_chunks().0;
        let rows = Rows { values, stride, pairs: symbols.div_ceil(2) };
        weights.product_of(self.hidden.start_row(), rows, &mut run.acc);
    }
}

impl Prior {
    /// Layers whose widths and masks have been checked by [`masks`].
    pub fn new(centre: Vec<i32>, hidden: &Stored, logits: &Stored) -> Result<Self, Error> {
        let m = centre.len();
        let units = hidden.outputs() / m.max(1);
        let fits = m > 0
            && (1..=32).contains(&units)
            && hidden.inputs() == m
            && hidden.outputs() == units * m
            && logits.inputs() == units * m
            && logits.outputs() == SYMBOLS * m;
        if !fits {
            return Err(Error::model("prior", "the layers' widths do not fit the latent"));
        }
        let each = (TILE / units).max(1);
        let group = |first: usize| {
            let dimensions = first..(first + each).min(m);
            let outputs = first * units..dimensions.end * units;
            Group { hidden: hidden.part(outputs, dimensions.end), dimensions }
        };
        let logits = (0..m).map(|j| logits.part(j * SYMBOLS..(j + 1) * SYMBOLS, j * units));
        let logits = logits.collect();
        let groups = (0..m).step_by(each).map(group).collect();
        Ok(Prior { groups, centre, units, logits, runs: Pool::default() })
    }

    /// Appends a latent as pairs of network inputs: z − centre clamped to ±127, with
    /// [`LATENT_FRAC`] fractional bits; an odd one out is paired with 0.
    pub fn inputs(&self, z: &[i32], out: &mut Vec<Pair>) {
        let value = |j: usize| z.get(j).map_or(0, |z| input(z.wrapping_sub(self.centre[j])));
        out.extend((0..z.len()).step_by(2).map(|j| [value(j), value(j + 1)]));
    }

    /// Pairs of a row of symbols, and of a row of units.
    fn strides(&self) -> [usize; 2] {
        [self.centre.len().div_ceil(2), (self.centre.len() * self.units).div_ceil(2)]
    }

    /// Bytes of an image's share of the buffers.
    pub fn bytes_per_image(&self) -> usize {
        let [inputs, units] = self.strides();
        let tiles = self.units.next_multiple_of(TILE) + TILE;
        4 * (inputs + units + tiles) + size_of::<Distribution<SYMBOLS>>()
    }

    /// Begins with images of which nothing is known.
    fn start(&self, images: usize, run: &mut PriorRun) {
        let [inputs, units] = self.strides();
        for (values, len) in [(&mut run.inputs, inputs), (&mut run.units, units)] {
            values.clear();
            values.resize(images * 2 * len, 0);
        }
        run.logits.resize(images * SYMBOLS, 0);
        run.distributions.resize(images, Distribution::default());
    }

    /// Goes through all dimensions: `symbol(run, j)` makes what it needs of symbol j of all images, and puts its
    /// value among the inputs; `None` ends it all.
    #[inline(always)]
    fn walk(
        &self,
        images: usize,
        mut symbol: impl FnMut(&mut PriorRun, usize) -> Option<()>,
    ) -> Option<()> {
        let [inputs, units] = self.strides();
        self.runs.with(|run| {
            self.start(images, run);
            for group in &self.groups {
                let (first, weights) = (group.dimensions.start, group.hidden.weights());
                let padded = weights.padded();
                group.sums(first, inputs, images, run);
                for j in group.dimensions.clone() {
                    symbol(run, j)?;
                    let own = (j - first) * self.units;
                    dispatch!(weights.level(), simd => for i in 0..images {
                        let value = run.inputs[i * 2 * inputs + j];
                        let pair = if j.is_multiple_of(2) { [value, 0] } else { [0, value] };
                        let acc = &mut run.acc[i * padded..(i + 1) * padded];
                        weights.add_pair(simd, j / 2, pair, acc);
                        let to = &mut run.units[i * 2 * units + j * self.units..][..self.units];
                        group.hidden.relu_from(simd, acc, own, to);
                    });
                }
            }
            Some(())
        })
    }

    /// Goes through all dimensions of latents that are known: `symbol(run, j)` is called once the units that symbol j
    /// depends on are there.
    #[inline(always)]
    fn walk_known(&self, z: &[i32], mut symbol: impl FnMut(&mut PriorRun, usize)) {
        let m = self.centre.len();
        let images = z.len() / m;
        let [inputs, units] = self.strides();
        self.runs.with(|run| {
            self.start(images, run);
            for (z, to) in z.chunks_exact(m).zip(run.inputs.chunks_exact_mut(2 * inputs)) {
                for ((to, z), centre) in to.iter_mut().zip(z).zip(&self.centre) {
                    *to = input(z.wrapping_sub(*centre));
                }
            }
            for group in &self.groups {
                let Range { start, end } = group.dimensions;
                let padded = group.hidden.weights().padded();
                group.sums(end, inputs, images, run);
                dispatch!(group.hidden.weights().level(), simd => for i in 0..images {
                    let acc = &run.acc[i * padded..(i + 1) * padded];
                    let to = i * 2 * units + start * self.units;
                    let to = &mut run.units[to..to + (end - start) * self.units];
                    group.hidden.relu_from(simd, acc, 0, to);
                });
                group.dimensions.clone().for_each(|j| symbol(run, j));
            }
        });
    }

    /// Makes the sums behind the logits of symbol j of all images.
    fn sums(&self, run: &mut PriorRun, j: usize) {
        let layer = &self.logits[j];
        let values = run.units.as_chunks().0;
        let stride = self.strides()[1];
        let rows = Rows { values, stride, pairs: layer.weights().pairs() };
        layer.weights().product_of(layer.start_row(), rows, &mut run.logits);
    }

    /// Makes the distributions of symbol j of all images.
    fn distributions(&self, run: &mut PriorRun, j: usize) {
        self.sums(run, j);
        let layer = &self.logits[j];
        dispatch!(layer.weights().level(), simd => {
            let (rows, _) = run.logits.as_chunks_mut::<SYMBOLS>();
            for row in &mut *rows {
                layer.wide_tile(simd, row, 0).store_slice(row);
            }
            Distribution::of_each(simd, rows, &mut run.distributions);
        });
    }

    /// Codes the latents of some images, one behind the other.
    pub fn encode(&self, z: &[i32], encoder: &mut Encoder) {
        self.encode_each(z, std::slice::from_mut(encoder));
    }

    /// Codes the latents of some images, that of image i with coder i modulo their number.
    pub fn encode_each(&self, z: &[i32], encoders: &mut [Encoder]) {
        let (m, coders) = (self.centre.len(), encoders.len());
        self.walk_known(z, |run, j| {
            self.distributions(run, j);
            for (i, distribution) in run.distributions.iter().enumerate() {
                let encoder = &mut encoders[i % coders];
                let value = z[i * m + j].wrapping_sub(self.centre[j]);
                let symbol = symbol_of(value);
                distribution.encode(symbol, encoder);
                if symbol == ESCAPE {
                    let excess = value.unsigned_abs() - REACH as u32;
                    let extra = excess.ilog2();
                    encoder.encode_bits(u32::from(value < 0), 1);
                    encoder.encode_bits(extra, 5);
                    encoder.encode_bits(excess >> 16, extra.saturating_sub(16));
                    encoder.encode_bits(excess, extra.min(16));
                }
            }
        });
    }

    /// What another integer takes more bits than each one of some latents, those before it being what they are, in
    /// 1 / 2^[`LOGIT_FRAC`] bit; an integer that is an escape counts for its symbol alone.
    pub fn differences(&self, z: &[i32], others: impl Fn(usize) -> i32) -> Vec<i32> {
        let m = self.centre.len();
        let mut differences = vec![0; z.len()];
        self.walk_known(z, |run, j| {
            self.sums(run, j);
            for (i, logits) in run.logits.chunks_exact(SYMBOLS).enumerate() {
                let at = i * m + j;
                let logit = |z: i32| {
                    self.logits[j].output(logits, symbol_of(z.wrapping_sub(self.centre[j])))
                };
                differences[at] = logit(z[at]).saturating_sub(logit(others(at)));
            }
        });
        differences
    }

    /// Reads the latents of some images; what comes after something that no encoder writes is 0.
    pub fn decode(&self, images: usize, decoder: &mut Decoder) -> Vec<i32> {
        let m = self.centre.len();
        let mut z = vec![0; images * m];
        let done = self.walk(images, |run, j| {
            if !decoder.is_valid() {
                return None;
            }
            self.distributions(run, j);
            let each = run.inputs.chunks_exact_mut(2 * self.strides()[0]);
            for (i, (distribution, inputs)) in run.distributions.iter().zip(each).enumerate() {
                let symbol = distribution.decode(decoder);
                let value = if symbol == ESCAPE {
                    let negative = decoder.decode_bits(1) == 1;
                    let extra = decoder.decode_bits(5);
                    let high = decoder.decode_bits(extra.saturating_sub(16));
                    let low = decoder.decode_bits(extra.min(16));
                    let excess = (1u32 << extra) | (high << 16) | low;
                    let magnitude = i64::from(excess) + i64::from(REACH);
                    i32::try_from(if negative { -magnitude } else { magnitude }).ok()?
                } else {
                    symbol as i32 - REACH
                };
                z[i * m + j] = value.wrapping_add(self.centre[j]);
                inputs[j] = input(value);
            }
            Some(())
        });
        if done.is_none() {
            decoder.refuse();
        }
        z
    }
}

/// The symbol that a value less the centre begins with.
fn symbol_of(value: i32) -> usize {
    if (-REACH..=REACH).contains(&value) { (value + REACH) as usize } else { ESCAPE }
}

fn input(value: i32) -> i16 {
    (value.clamp(-127, 127) << LATENT_FRAC) as i16
}

/// Refuses weights that would let a symbol see itself or a later one: `hidden` is
/// `[units · m][m]`, `logits` is `[16 · m][units · m]`, both row-major.
pub(crate) fn masks(m: usize, units: usize, hidden: &[i8], logits: &[i8]) -> Result<(), Error> {
    for (row, weights) in hidden.chunks_exact(m).enumerate() {
        if weights[row / units + 1..].iter().any(|&w| w != 0) {
            return Err(Error::model(
                "prior.hidden.weight",
                format!("unit {row} reads a later symbol"),
            ));
        }
    }
    for (row, weights) in logits.chunks_exact(m * units).enumerate() {
        if weights[row / SYMBOLS * units..].iter().any(|&w| w != 0) {
            return Err(Error::model(
                "prior.logits.weight",
                format!("logit {row} reads its own symbol"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Place;
    use proptest::prelude::*;

    fn toy(m: usize, units: usize) -> Prior {
        let mut hidden = vec![0i8; units * m * m];
        let mut logits = vec![0i8; SYMBOLS * m * units * m];
        for r in 0..units * m {
            for c in 0..=r / units {
                hidden[r * m + c] = (r * 7 + c * 13) as i8;
            }
        }
        for r in 0..SYMBOLS * m {
            for c in 0..r / SYMBOLS * units {
                logits[r * units * m + c] = (r * 5 + c * 3) as i8;
            }
        }
        masks(m, units, &hidden, &logits).unwrap();
        let h = Stored::new(
            "h",
            (m, units * m),
            &hidden,
            &vec![5; units * m],
            &vec![4; units * m],
            |_| LATENT_INPUT_MAX,
        );
        let l = Stored::new(
            "l",
            (units * m, SYMBOLS * m),
            &logits,
            &vec![9; SYMBOLS * m],
            &vec![6; SYMBOLS * m],
            |_| 32_767,
        );
        Prior::new((0..m as i32).map(|j| j - 2).collect(), &h.unwrap(), &l.unwrap()).unwrap()
    }

    #[test]
    fn a_weight_beyond_the_mask_is_refused() {
        assert!(masks(2, 1, &[1, 1, 1, 1], &[0; 64]).is_err());
        let mut logits = vec![0; 64];
        logits[0] = 1;
        assert!(masks(2, 1, &[1, 0, 1, 1], &logits).is_err());
    }

    proptest! {
        #[test]
        fn any_latent_comes_back(
            z in proptest::collection::vec(prop_oneof![-12i32..12, any::<i32>()], 5 * 7),
            units in 1usize..20,
        ) {
            let prior = toy(5, units);
            let mut e = Encoder::new();
            prior.encode(&z, &mut e);
            let data = e.finish();
            let mut d = Decoder::new(&data);
            prop_assert_eq!(prior.decode(z.len() / 5, &mut d), z);
            prop_assert!(d.finish(Place::default()).is_ok());
        }
    }
}
