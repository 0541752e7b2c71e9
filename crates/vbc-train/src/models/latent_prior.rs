//! The codec's prior over latent symbols: masked, one hidden layer, 16 symbols a dimension.

use candle_core::{DType, Result, Tensor, Var};
use vbc_kernels::Leaky;

use super::{ACTIVATION_MAX, weights};
use crate::ops::{affine, nll16_rows, softmax_nll16};
use crate::optim::Params;
use crate::rng::Rng;

/// Symbols of a dimension: z − centre from −7 to 7, and an escape.
const SYMBOLS: usize = 16;

/// p(z) as SPEC.md section 6.1 has it.
#[derive(Debug)]
pub struct LatentPrior {
    hidden: (Var, Var),
    logits: (Var, Var),
    m: usize,
}

impl LatentPrior {
    /// Adds `prior.hidden.*` and `prior.logits.*` for m dimensions with `units` hidden units each.
    pub fn new(params: &mut Params, m: usize, units: usize, rng: &mut Rng) -> Result<Self> {
        let device = params.device().clone();
        let h = m * units;
        let mask = |rows: usize, columns: usize, f: &dyn Fn(usize, usize) -> bool| {
            let v = (0..rows * columns)
                .map(|i| f32::from(u8::from(f(i / columns, i % columns))))
                .collect();
            Tensor::from_vec(v, (rows, columns), &device)
        };
        let into = mask(m, h, &|j, u| j <= u / units)?;
        let out = mask(h, m * SYMBOLS, &|u, o| u / units < o / SYMBOLS)?;
        let zeros = |n: usize| Tensor::zeros(n, DType::F32, &device);
        let w = (rng.normal_tensor(&[m, h], 0.2, &device)? * &into)?;
        let hidden =
            (params.add("prior.hidden.weight", &w)?, params.add("prior.hidden.bias", &zeros(h)?)?);
        let w = (rng.normal_tensor(&[h, m * SYMBOLS], 0.02, &device)? * &out)?;
        let logits = (
            params.add("prior.logits.weight", &w)?,
            params.add("prior.logits.bias", &zeros(m * SYMBOLS)?)?,
        );
        params.set_mask("prior.hidden.weight", &into)?;
        params.set_mask("prior.logits.weight", &out)?;
        // Its input has 6 fractional bits and its output 10, so a weight must leave room for 4.
        params.set_bound("prior.hidden.weight", 7.9);
        Ok(LatentPrior { hidden, logits, m })
    }

    fn logits(&self, z: &Tensor, quantise: bool) -> Result<Tensor> {
        let act = Leaky::relu(ACTIVATION_MAX);
        let h = affine(z, &weights(&self.hidden.0, quantise)?, &self.hidden.1, act)?;
        let logits = affine(&h, &weights(&self.logits.0, quantise)?, &self.logits.1, Leaky::NONE)?;
        // The codec's logits are to the base 2.
        (logits * std::f64::consts::LN_2)?.reshape((z.dim(0)? * self.m, SYMBOLS))
    }

    /// Code length of all images together in bits, escapes without their extra bits. `z` is (n, m)
    /// less the centres; `symbols` are its n · m symbols.
    pub fn bits(&self, z: &Tensor, symbols: &[u8], quantise: bool) -> Result<Tensor> {
        let ones = Tensor::ones(symbols.len(), DType::F32, z.device())?;
        softmax_nll16(&self.logits(z, quantise)?, symbols, &ones)
    }

    /// The same as a number, without a gradient.
    pub fn measure(&self, z: &Tensor, symbols: &[u8], quantise: bool) -> Result<f64> {
        let rows = nll16_rows(&self.logits(z, quantise)?, symbols)?;
        Ok(rows.into_iter().map(f64::from).sum())
    }
}
