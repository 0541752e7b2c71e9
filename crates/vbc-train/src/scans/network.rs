//! The bitmap network as floats: a sum of table rows, a hidden layer, one logit.

use candle_core::{DType, Result, Tensor, Var};
use vbc::training::BYTE_ONE;
use vbc::training::scan::{PATTERN_INPUTS, POINT_INPUTS, SCAN_INPUTS};
use vbc_kernels::Leaky;

use crate::models::{INPUT_SCALE, byte, weights};
use crate::ops::{HotRows, add_act, add_hot, affine, binary_nll};
use crate::optim::Params;
use crate::rng::Rng;

/// Largest weight of an input: all of an output share a scale, and one that is large would leave the
/// others few steps.
const INPUT_MAX: f32 = 2.0;

/// Largest weight of the logit, which has 10 fractional bits where its inputs have 5.
const OUTPUT_MAX: f32 = 3.9;

/// Pixels that the network codes.
#[derive(Debug, Default)]
pub struct BitmapBatch {
    /// Which inputs are 1.
    pub hot: HotRows,
    /// Which pixels are black.
    pub black: Vec<bool>,
}

/// The network's parameters: names as in the model file.
#[derive(Debug)]
pub struct BitmapNet {
    inputs: (Var, Var),
    hidden: (Var, Var),
    ink: (Var, Var),
}

impl BitmapNet {
    /// Adds the parameters of a network of these widths, for images with or without an x̂.
    pub fn new(
        params: &mut Params,
        widths: [usize; 2],
        has_latent: bool,
        rng: &mut Rng,
    ) -> Result<Self> {
        let device = params.device().clone();
        let zeros = |n: usize| Tensor::zeros(n, DType::F32, &device);
        let [first, last] = widths;
        // Patterns tell units apart; all else begins at nothing, so that what is never seen stays there.
        let patterns = rng.normal_tensor(&[PATTERN_INPUTS, first], 0.1, &device)?;
        let rows = SCAN_INPUTS + if has_latent { POINT_INPUTS } else { 0 };
        let others = Tensor::zeros((rows - PATTERN_INPUTS, first), DType::F32, &device)?;
        let table = Tensor::cat(&[patterns, others], 0)?;
        let inputs = (
            params.add("scan.inputs.weight", &table)?,
            params.add("scan.inputs.bias", &zeros(first)?)?,
        );
        let mut layer = |name: &str, i: usize, o: usize, std: f64| -> Result<(Var, Var)> {
            let w = rng.normal_tensor(&[i, o], std, &device)?;
            Ok((
                params.add(&format!("{name}.weight"), &w)?,
                params.add(&format!("{name}.bias"), &zeros(o)?)?,
            ))
        };
        let hidden = layer("scan.hidden", first, last, (2.0 / first as f64).sqrt())?;
        let ink = layer("scan.ink", last, 1, 0.1)?;
        params.set_bound("scan.inputs.weight", INPUT_MAX);
        params.set_bound("scan.ink.weight", OUTPUT_MAX);
        Ok(BitmapNet { inputs, hidden, ink })
    }

    /// Code length of the batch in bits: a scalar.
    pub fn bits(&self, batch: &BitmapBatch, quantise: bool) -> Result<Tensor> {
        let relu = Leaky::relu(255.0 / BYTE_ONE as f32);
        let table = if quantise {
            (weights(&(self.inputs.0.as_tensor() / INPUT_SCALE)?, true)? * INPUT_SCALE)?
        } else {
            self.inputs.0.as_tensor().clone()
        };
        let (n, width) = (batch.black.len(), table.dim(1)?);
        let base = self.inputs.1.broadcast_as((n, width))?.contiguous()?;
        let sums = add_hot(&base, &table, &batch.hot)?;
        let first = byte(add_act(&sums, &sums.zeros_like()?, relu)?, quantise)?;
        let (w, b) = &self.hidden;
        let last = byte(affine(&first, &weights(w, quantise)?, b, relu)?, quantise)?;
        let (w, b) = &self.ink;
        binary_nll(&affine(&last, &weights(w, quantise)?, b, Leaky::NONE)?, &batch.black)
    }
}
