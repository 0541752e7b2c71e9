//! The latent's prior: a masked autoregressive network over the d/c symbols (SPEC.md section 6.1).

use crate::entropy::{Decoder, Distribution, Encoder};
use crate::error::Error;
use crate::nn::{ActiveList, Linear, Pair};

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
    /// d/c → units · d/c, ReLU.
    hidden: Linear,
    /// units · d/c → 16 · d/c logits.
    logits: Linear,
    units: usize,
}

/// The prior of one image part-way through its symbols.
#[derive(Clone, Debug)]
pub(crate) struct PriorState {
    next: usize,
    hidden: Vec<i32>,
    logits: Vec<i32>,
    active: ActiveList,
}

impl Prior {
    /// Layers whose widths and masks have been checked by [`masks`].
    pub fn new(centre: Vec<i32>, hidden: Linear, logits: Linear) -> Result<Self, Error> {
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
        Ok(Prior { centre, hidden, logits, units })
    }

    /// Appends a latent as pairs of network inputs: z − centre clamped to ±127, with
    /// [`LATENT_FRAC`] fractional bits; an odd one out is paired with 0.
    pub fn inputs(&self, z: &[i32], out: &mut Vec<Pair>) {
        let value = |j: usize| z.get(j).map_or(0, |z| input(z.wrapping_sub(self.centre[j])));
        out.extend((0..z.len()).step_by(2).map(|j| [value(j), value(j + 1)]));
    }

    pub fn start(&self) -> PriorState {
        let mut state = PriorState {
            next: 0,
            hidden: Vec::new(),
            logits: Vec::new(),
            active: ActiveList::default(),
        };
        self.hidden.start(1, &mut state.hidden);
        self.logits.start(1, &mut state.logits);
        state
    }

    /// Bytes of a [`PriorState`].
    pub fn state_bytes(&self) -> usize {
        size_of::<PriorState>() + self.hidden.bytes() + self.logits.bytes()
    }

    fn distribution(&self, state: &PriorState) -> Distribution<SYMBOLS> {
        let first = state.next * SYMBOLS;
        Distribution::new(&std::array::from_fn(|s| self.logits.output(&state.logits, first + s)))
    }

    /// Takes the symbol's value into account for the dimensions after it.
    fn advance(&self, state: &mut PriorState, value: i32) {
        let j = state.next;
        state.next += 1;
        let pair = if j.is_multiple_of(2) { [input(value), 0] } else { [0, input(value)] };
        let width = if j.is_multiple_of(2) { 1 } else { 2 };
        self.hidden.add(j & !1, &pair[..width], &mut state.active, &mut state.hidden);
        let first = j * self.units;
        let from = first & !1;
        let mut units = [0i16; 64];
        for (u, unit) in units[first - from..].iter_mut().enumerate().take(self.units) {
            *unit = self.hidden.activation(&state.hidden, first + u).max(0);
        }
        self.logits.add(
            from,
            &units[..first - from + self.units],
            &mut state.active,
            &mut state.logits,
        );
    }

    /// Codes the next symbol.
    pub fn encode(&self, state: &mut PriorState, z: i32, encoder: &mut Encoder) {
        let value = z.wrapping_sub(self.centre[state.next]);
        let distribution = self.distribution(state);
        if (-REACH..=REACH).contains(&value) {
            distribution.encode((value + REACH) as usize, encoder);
        } else {
            distribution.encode(ESCAPE, encoder);
            let excess = value.unsigned_abs() - REACH as u32;
            let extra = excess.ilog2();
            encoder.encode_bits(u32::from(value < 0), 1);
            encoder.encode_bits(extra, 5);
            encoder.encode_bits(excess >> 16, extra.saturating_sub(16));
            encoder.encode_bits(excess, extra.min(16));
        }
        self.advance(state, value);
    }

    /// Reads the next symbol; `None` where no encoder writes what is there.
    pub fn decode(&self, state: &mut PriorState, decoder: &mut Decoder) -> Option<i32> {
        let symbol = self.distribution(state).decode(decoder);
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
        let z = value.wrapping_add(self.centre[state.next]);
        self.advance(state, value);
        Some(z)
    }
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
        let h = Linear::new(
            "h",
            m,
            units * m,
            &hidden,
            &vec![5; units * m],
            &vec![4; units * m],
            |_| LATENT_INPUT_MAX,
        );
        let l = Linear::new(
            "l",
            units * m,
            SYMBOLS * m,
            &logits,
            &vec![9; SYMBOLS * m],
            &vec![6; SYMBOLS * m],
            |_| 32_767,
        );
        Prior::new((0..m as i32).map(|j| j - 2).collect(), h.unwrap(), l.unwrap()).unwrap()
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
            z in proptest::collection::vec(prop_oneof![-12i32..12, any::<i32>()], 5),
            units in 1usize..4,
        ) {
            let prior = toy(5, units);
            let mut e = Encoder::new();
            let mut s = prior.start();
            z.iter().for_each(|&z| prior.encode(&mut s, z, &mut e));
            let data = e.finish();
            let mut d = Decoder::new(&data);
            let mut s = prior.start();
            for &z in &z {
                prop_assert_eq!(prior.decode(&mut s, &mut d), Some(z));
            }
            prop_assert!(d.finish(Place::default()).is_ok());
        }
    }
}
