//! One step of Adam in place, everything in one pass.

mod pass;
mod state;

use candle_core::{Result, Tensor, bail};

pub use state::AdamState;

use pass::{Average, Step};

/// The constants of Adam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamConfig {
    /// Decay of the gradient's running mean.
    pub beta1: f64,
    /// Decay of the squared gradient's running mean.
    pub beta2: f64,
    /// Added to the root of the latter.
    pub eps: f64,
}

/// What may change from step to step, and from one parameter to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamRates {
    /// Learning rate.
    pub rate: f64,
    /// Factor of the gradient, as clipping asks for it.
    pub scale: f64,
    /// Decay of the values' running average.
    pub decay: f64,
    /// The largest magnitude of a value after the step; infinity for no bound.
    pub bound: f32,
}

/// Moves `theta` (any shape, f32) once against `gradient` (the same shape), in place.
///
/// # Errors
/// Where the shapes or devices differ, or a tensor is not contiguous f32.
pub fn adam_step(
    theta: &Tensor,
    gradient: &Tensor,
    state: &mut AdamState,
    config: &AdamConfig,
    rates: &AdamRates,
) -> Result<()> {
    let n = theta.elem_count();
    if gradient.shape() != theta.shape() || state.packed.dims()[1] != n {
        let (g, t) = (gradient.shape(), theta.shape());
        bail!("adam: gradient {g:?} and {:?} of a parameter {t:?}", state.packed.shape());
    }
    state.updates += 1;
    let constants = Constants::new(config, rates, state.updates);
    theta.inplace_op2(&gradient.contiguous()?, &Step { state, constants })
}

/// Moves the average of `theta` alone, for a step in which it had no gradient. Nothing where there is
/// no average.
///
/// # Errors
/// Where the shapes or devices differ, or a tensor is not contiguous f32.
pub fn adam_average(theta: &Tensor, state: &mut AdamState, decay: f64) -> Result<()> {
    if state.packed.dims()[1] != theta.elem_count() {
        bail!("adam: state {:?} of a parameter {:?}", state.packed.shape(), theta.shape());
    }
    if state.averaged() {
        state.packed.inplace_op2(theta, &Average { decay: decay as f32 })?;
    }
    Ok(())
}

/// What a step needs, as the kernel takes it.
#[derive(Clone, Copy)]
pub(crate) struct Constants {
    pub(crate) beta1: f32,
    pub(crate) beta2: f32,
    /// Learning rate over the first moment's correction.
    pub(crate) rate: f32,
    /// One over the root of the second moment's correction.
    pub(crate) root: f32,
    pub(crate) eps: f32,
    pub(crate) scale: f32,
    pub(crate) decay: f32,
    pub(crate) bound: f32,
}

impl Constants {
    pub(crate) fn new(config: &AdamConfig, rates: &AdamRates, updates: u64) -> Self {
        // Powers in f64: 0.99^n loses all digits of 1 - 0.99^n in f32 long before it matters.
        let correction = |beta: f64| 1.0 - beta.powf(updates.max(1) as f64);
        Self {
            beta1: config.beta1 as f32,
            beta2: config.beta2 as f32,
            rate: (rates.rate / correction(config.beta1)) as f32,
            root: (1.0 / correction(config.beta2).sqrt()) as f32,
            eps: config.eps as f32,
            scale: rates.scale as f32,
            decay: rates.decay as f32,
            bound: rates.bound,
        }
    }
}
