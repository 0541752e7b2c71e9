//! The one pass over a parameter's elements that makes an optimiser step.

use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp1, InplaceOp2, Layout, Result, Tensor, bail};

use super::{AdamConfig, Entry};
use crate::ops::{clamp, with_layout};

/// The constants of one parameter's step.
#[derive(Clone, Copy)]
struct Constants {
    beta1: f32,
    beta2: f32,
    /// Learning rate over the first moment's correction.
    rate: f32,
    /// One over the root of the second moment's correction.
    root: f32,
    eps: f32,
    /// Factor of the gradient.
    scale: f32,
    /// Decay of the average.
    ema: f32,
    bound: f32,
}

/// What one parameter's step reads and writes besides the values.
struct State<'a> {
    m: &'a mut [f32],
    v: &'a mut [f32],
    ema: &'a mut [f32],
}

/// A step about to be made; candle hands the values' storage to it.
pub(super) struct Pass<'a> {
    constants: Constants,
    var: candle_core::Var,
    // Candle gives an operation `&self`, and the moments must change.
    state: RefCell<State<'a>>,
    mask: Option<&'a [f32]>,
}

impl<'a> Pass<'a> {
    /// `scale` multiplies the gradient, `ema` is the average's decay in this step.
    pub(super) fn new(
        config: &AdamConfig,
        entry: &'a mut Entry,
        rate: f64,
        scale: f32,
        ema: f32,
    ) -> Self {
        // Powers in f64: 0.99^n loses all digits of 1 - 0.99^n in f32 long before it matters.
        let correction = |beta: f64| 1.0 - beta.powf(entry.updates.max(1) as f64);
        let constants = Constants {
            beta1: config.beta1 as f32,
            beta2: config.beta2 as f32,
            rate: (rate * entry.rate / correction(config.beta1)) as f32,
            root: (1.0 / correction(config.beta2).sqrt()) as f32,
            eps: config.eps as f32,
            scale,
            ema,
            bound: entry.bound,
        };
        let state = State { m: &mut entry.m, v: &mut entry.v, ema: &mut entry.ema };
        let mask = entry.mask.as_deref();
        Self { constants, var: entry.var.clone(), state: RefCell::new(state), mask }
    }

    /// Makes the step; without a gradient it moves the average only.
    pub(super) fn run(&self, gradient: Option<&Tensor>) -> Result<()> {
        match gradient {
            Some(gradient) => self.var.inplace_op2(gradient, self),
            None => self.var.inplace_op1(self),
        }
    }
}

impl InplaceOp2 for Pass<'_> {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn cpu_fwd(
        &self,
        theta: &mut CpuStorage,
        theta_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> Result<()> {
        let theta = values(theta, theta_layout)?;
        let g = with_layout(gradient, gradient_layout)?;
        let state = &mut *self.state.borrow_mut();
        match self.mask {
            None => adam(self.constants, theta, g, state, |_| 1.0),
            Some(mask) => adam(self.constants, theta, g, state, |i| mask[i]),
        }
        Ok(())
    }
}

impl InplaceOp1 for Pass<'_> {
    fn name(&self) -> &'static str {
        "average"
    }

    fn cpu_fwd(&self, theta: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let theta = values(theta, layout)?;
        let keep = 1.0 - self.constants.ema;
        let ema = &mut *self.state.borrow_mut().ema;
        ema.iter_mut().zip(theta).for_each(|(e, t)| *e += keep * (*t - *e));
        Ok(())
    }
}

fn adam(
    c: Constants,
    theta: &mut [f32],
    g: &[f32],
    state: &mut State<'_>,
    mask: impl Fn(usize) -> f32,
) {
    // Slices of one known length, so that the loop has no bounds checks and vectorises.
    let n = theta.len();
    let (g, m) = (&g[..n], &mut state.m[..n]);
    let (v, ema) = (&mut state.v[..n], &mut state.ema[..n]);
    for i in 0..n {
        let keep = mask(i);
        let g = g[i] * c.scale * keep;
        m[i] += (1.0 - c.beta1) * (g - m[i]);
        v[i] += (1.0 - c.beta2) * (g * g - v[i]);
        let moved = theta[i] - c.rate * m[i] / (v[i].sqrt() * c.root + c.eps);
        let value = clamp(moved * keep, -c.bound, c.bound);
        theta[i] = value;
        ema[i] += (1.0 - c.ema) * (value - ema[i]);
    }
}

/// Exchanges a parameter's values with a vector's.
pub(super) struct SwapWith<'a>(RefCell<&'a mut [f32]>);

impl<'a> SwapWith<'a> {
    pub(super) fn new(other: &'a mut [f32]) -> Self {
        Self(RefCell::new(other))
    }
}

impl InplaceOp1 for SwapWith<'_> {
    fn name(&self) -> &'static str {
        "swap"
    }

    fn cpu_fwd(&self, theta: &mut CpuStorage, layout: &Layout) -> Result<()> {
        values(theta, layout)?.swap_with_slice(&mut self.0.borrow_mut());
        Ok(())
    }
}

/// The elements of a contiguous f32 storage, to be written.
fn values<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((from, to))) => Ok(&mut values[from..to]),
        _ => bail!("expected a contiguous f32 parameter, got {layout:?}"),
    }
}
