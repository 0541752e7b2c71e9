//! What a latent knows of the place of its image's grid (SPEC.md section 6.8.5).

use candle_core::{DType, Result, Tensor, Var};
use vbc_kernels::Leaky;

use crate::models::{ACTIVATION_MAX, weights};
use crate::ops::{affine, softmax_nll16};
use crate::optim::Params;
use crate::rng::Rng;

/// m inputs, one hidden layer, and 16 logits each of the row and the column.
#[derive(Debug)]
pub(super) struct PlaceNet {
    hidden: (Var, Var),
    place: (Var, Var),
}

impl PlaceNet {
    /// Adds `told.hidden.*` and `told.place.*`.
    pub fn new(params: &mut Params, m: usize, units: usize, rng: &mut Rng) -> Result<Self> {
        let device = params.device().clone();
        let mut layer = |name: &str, inputs: usize, outputs: usize, deviation: f64| {
            let weight = rng.normal_tensor(&[inputs, outputs], deviation, &device)?;
            let bias = Tensor::zeros(outputs, DType::F32, &device)?;
            let weight = params.add(&format!("{name}.weight"), &weight)?;
            Ok::<_, candle_core::Error>((weight, params.add(&format!("{name}.bias"), &bias)?))
        };
        let hidden = layer("told.hidden", m, units, 0.1)?;
        let place = layer("told.place", units, 32, 0.02)?;
        // As the prior's: its input has 6 fractional bits and its output 10.
        params.set_bound("told.hidden.weight", 7.9);
        Ok(PlaceNet { hidden, place })
    }

    /// Bits of the places of all images together: `z` is (n, m) less the centres, `places` n rows and columns plus 3,
    /// taken in turn.
    pub fn bits(&self, z: &Tensor, places: &[u8], quantise: bool) -> Result<Tensor> {
        let act = Leaky::relu(ACTIVATION_MAX);
        let h = affine(z, &weights(&self.hidden.0, quantise)?, &self.hidden.1, act)?;
        let logits = affine(&h, &weights(&self.place.0, quantise)?, &self.place.1, Leaky::NONE)?;
        // The codec's logits are to the base 2.
        let logits = (logits * std::f64::consts::LN_2)?.reshape((places.len(), 16))?;
        softmax_nll16(&logits, places, &Tensor::ones(places.len(), DType::F32, z.device())?)
    }
}
