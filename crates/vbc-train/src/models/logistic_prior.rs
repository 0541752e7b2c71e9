//! A masked autoregressive prior of logistic mixtures: smooth in z, so that its rate can pull on
//! the flow while that trains. The codec's own prior is fitted afterwards.

use candle_core::{DType, Result, Tensor, Var};
use vbc_kernels::{Leaky, logistic_rate};

use crate::ops::affine;
use crate::optim::Params;
use crate::rng::Rng;

const MIXTURE: usize = 3;

/// p(z) = Π p(z_j | z_0 … z_{j−1}), each a mixture of three logistics of unit-wide bins.
#[derive(Debug)]
pub struct LogisticPrior {
    hidden: (Var, Var),
    /// Weights, means and log-scales, `MIXTURE` of each: from the hidden layer, and from z directly.
    outputs: Vec<(Var, Var, Var)>,
    zero: Tensor,
}

impl LogisticPrior {
    /// Adds the parameters `proxy.*` for m dimensions and `units` hidden units.
    pub fn new(params: &mut Params, m: usize, units: usize, rng: &mut Rng) -> Result<Self> {
        let device = params.device().clone();
        let degree: Vec<usize> = (0..units).map(|_| rng.below(m as u64 - 1) as usize).collect();
        let mask = |rows: usize, columns: usize, f: &dyn Fn(usize, usize) -> bool| {
            let v = (0..rows * columns)
                .map(|i| f32::from(u8::from(f(i / columns, i % columns))))
                .collect();
            Tensor::from_vec(v, (rows, columns), &device)
        };
        let into = mask(m, units, &|j, u| j <= degree[u])?;
        let out = mask(units, m, &|u, j| degree[u] < j)?;
        let direct = mask(m, m, &|i, j| i < j)?;
        let mut add = |name: &str, start: Tensor, mask: Option<&Tensor>| -> Result<Var> {
            let var = match mask {
                Some(mask) => params.add(name, &(start * mask)?)?,
                None => params.add(name, &start)?,
            };
            if let Some(mask) = mask {
                params.set_mask(name, mask)?;
            }
            Ok(var)
        };
        let start = rng.normal_tensor(&[m, units], 0.15, &device)?;
        let zeros = |n: usize| Tensor::zeros(n, DType::F32, &device);
        let hidden = (
            add("proxy.hidden.weight", start, Some(&into))?,
            add("proxy.hidden.bias", zeros(units)?, None)?,
        );
        let mut outputs = Vec::new();
        for k in 0..3 * MIXTURE {
            let bias = match k / MIXTURE {
                0 => 0.0,
                1 => [-0.7, 0.0, 0.7][k % MIXTURE],
                _ => -0.7,
            };
            outputs.push((
                add(
                    &format!("proxy.{k}.hidden"),
                    rng.normal_tensor(&[units, m], 0.01, &device)?,
                    Some(&out),
                )?,
                add(
                    &format!("proxy.{k}.direct"),
                    Tensor::zeros((m, m), DType::F32, &device)?,
                    Some(&direct),
                )?,
                add(&format!("proxy.{k}.bias"), Tensor::full(bias as f32, m, &device)?, None)?,
            ));
        }
        Ok(LogisticPrior { hidden, outputs, zero: zeros(m)? })
    }

    /// Mean code length of an image in bits for z (n, m), which is z plus uniform noise while it
    /// trains.
    pub fn rate(&self, z: &Tensor) -> Result<Tensor> {
        let x = (z * 0.5)?;
        let h = affine(&x, &self.hidden.0, &self.hidden.1, Leaky::relu(f32::INFINITY))?;
        let outputs = self
            .outputs
            .iter()
            .map(|(w, direct, b)| {
                affine(&h, w, b, Leaky::NONE)? + affine(&x, direct, &self.zero, Leaky::NONE)?
            })
            .collect::<Result<Vec<_>>>()?;
        let weight_sum = sum(outputs[..MIXTURE].iter().map(|w| w.exp()))?;
        let mut parts = Vec::new();
        for k in 0..MIXTURE {
            // The outputs are in units of two steps, as x is.
            let log_scale = (outputs[2 * MIXTURE + k].clamp(-5.0, 2.0)? + std::f64::consts::LN_2)?;
            let bits = logistic_rate(z, &(&outputs[MIXTURE + k] * 2.0)?, &log_scale)?;
            let mass = (bits * -std::f64::consts::LN_2)?.exp()?;
            parts.push((outputs[k].exp()? * mass)? / &weight_sum);
        }
        let p = (sum(parts.into_iter())? + 1e-9)?;
        p.log()?.sum_all()? * (-std::f64::consts::LOG2_E / z.dim(0)? as f64)
    }
}

fn sum(mut terms: impl Iterator<Item = Result<Tensor>>) -> Result<Tensor> {
    let first = terms.next().unwrap_or_else(|| candle_core::bail!("nothing to add up"))?;
    terms.try_fold(first, |a, b| a + b?)
}
