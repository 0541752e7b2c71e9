//! Adam, with the running average of the values kept on the side.

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, bail};
use serde::{Deserialize, Serialize};
use vbc_kernels::{AdamRates, adam_average, adam_step, sum_of_squares};

use super::Params;

/// The constants of [`Adam`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamConfig {
    /// Decay of the gradient's running mean.
    pub beta1: f64,
    /// Decay of the squared gradient's running mean.
    pub beta2: f64,
    /// Added to the root of the latter.
    pub eps: f64,
    /// Decay of the values' running mean; after `s` steps at most s / (s + 20), so that the first
    /// values are soon forgotten.
    pub ema_decay: f64,
    /// The largest Euclidean norm of all gradients together; longer ones are shortened to it.
    pub clip: Option<f64>,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.99, eps: 1e-8, ema_decay: 0.999, clip: None }
    }
}

/// The optimiser. Its state is in [`Params`]; it holds constants only.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    config: AdamConfig,
}

impl Adam {
    /// An optimiser with these constants.
    pub fn new(config: AdamConfig) -> Self {
        Self { config }
    }

    /// Moves all parameters against their gradients once, at this learning rate, and gives the
    /// Euclidean norm of all gradients before clipping, masked and frozen elements left out.
    ///
    /// A parameter without a gradient keeps its values and moments; its average goes on.
    ///
    /// # Errors
    /// Where the norm is not finite (nothing is moved then), a gradient does not fit its
    /// parameter, or the averages are [swapped](Params::swap_ema) out.
    pub fn step(&self, params: &mut Params, grads: &GradStore, rate: f64) -> Result<f64> {
        params.expect_unswapped()?;
        let gradients = params
            .entries
            .iter()
            .map(|e| match params.gradients().of(&e.var, grads)? {
                Some(g) if !e.frozen => Ok(Some(g.contiguous()?)),
                _ => Ok(None),
            })
            .collect::<Result<Vec<Option<Tensor>>>>()?;
        params.gradients().clear();
        let norm = norm(params, &gradients)?;
        if !norm.is_finite() {
            bail!("the gradient's norm is {norm} after {} steps", params.step);
        }
        let shorten = match self.config.clip {
            Some(clip) if norm > clip => clip / norm,
            _ => 1.0,
        };
        params.step += 1;
        let s = params.step as f64;
        let AdamConfig { beta1, beta2, eps, .. } = self.config;
        let config = vbc_kernels::AdamConfig { beta1, beta2, eps };
        let decay = self.config.ema_decay.min(s / (s + 20.0));
        for (entry, gradient) in params.entries.iter_mut().zip(&gradients) {
            if entry.frozen {
                continue;
            }
            let rate = rate * entry.rate;
            let rates = AdamRates { rate, scale: shorten, decay, bound: entry.bound };
            match gradient {
                Some(g) => adam_step(&entry.var, g, &mut entry.state, &config, &rates)?,
                None => adam_average(&entry.var, &mut entry.state, decay)?,
            }
        }
        Ok(norm)
    }
}

/// The norm of all gradients together, in f64.
fn norm(params: &Params, gradients: &[Option<Tensor>]) -> Result<f64> {
    let mut total = 0.0f64;
    for (entry, gradient) in params.entries.iter().zip(gradients) {
        let Some(gradient) = gradient else { continue };
        if gradient.shape() != entry.var.shape() {
            let (g, p) = (gradient.shape(), entry.var.shape());
            bail!("gradient {g:?} of parameter {} {p:?}", entry.name);
        }
        total += sum_of_squares(gradient, entry.state.mask())?;
    }
    Ok(total.sqrt())
}
