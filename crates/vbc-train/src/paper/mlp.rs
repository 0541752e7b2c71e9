//! The MLP of a coupling.

use candle_core::{Device, Result, Tensor, Var};
use vbc_kernels::Leaky;

use crate::ops::affine_into;
use crate::optim::{Gradients, Params};
use crate::rng::Rng;

/// Linear layers with a leaky ReLU between them, none behind the last.
#[derive(Debug)]
pub struct Mlp {
    layers: Vec<(Var, Var)>,
    act: Leaky,
    /// Where the weights' gradients go.
    gradients: Gradients,
}

impl Mlp {
    /// Adds the parameters `NAME.K.weight` (i, o) and `NAME.K.bias` (o). `widths` are those of the
    /// input, the layers between, and the output. Weights and biases start uniform in ± 1/√inputs,
    /// where the first layer takes `init_inputs` for its inputs.
    ///
    /// # Errors
    /// Those of candle.
    pub fn new(
        params: &mut Params,
        name: &str,
        widths: &[usize],
        init_inputs: usize,
        slope: f64,
        rng: &mut Rng,
    ) -> Result<Self> {
        let mut uniform = |shape: &[usize], bound: f64| {
            let n = shape.iter().product();
            let values: Vec<f32> =
                (0..n).map(|_| ((rng.uniform() * 2.0 - 1.0) * bound) as f32).collect();
            Tensor::from_vec(values, shape, &Device::Cpu)
        };
        let mut layers = Vec::new();
        for (k, pair) in widths.windows(2).enumerate() {
            let (i, o) = (pair[0], pair[1]);
            let bound = 1.0 / (if k == 0 { init_inputs } else { i } as f64).sqrt();
            layers.push((
                params.add(&format!("{name}.{k}.weight"), &uniform(&[i, o], bound)?)?,
                params.add(&format!("{name}.{k}.bias"), &uniform(&[o], bound)?)?,
            ));
        }
        Ok(Mlp { layers, act: Leaky::new(slope as f32), gradients: params.gradients().clone() })
    }

    /// The output of `x` (n, inputs).
    ///
    /// # Errors
    /// Those of candle.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = x.clone();
        for (k, (w, b)) in self.layers.iter().enumerate() {
            let act = if k + 1 == self.layers.len() { Leaky::NONE } else { self.act };
            x = affine_into(&x, w, b, act, &self.gradients)?;
        }
        Ok(x)
    }
}
