//! One step of Adam in place, everything in one pass.

use std::cell::RefCell;

use candle_core::{CpuStorage, DType, InplaceOp1, InplaceOp2, Layout, Result, Tensor, bail};
use rayon::prelude::*;

use crate::slices::{on_cpu, values, values_mut};

/// Elements that one thread takes at a time.
const PIECE: usize = 1 << 13;

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

/// What a parameter's steps keep: the moments, the values' running average if wanted, and a mask.
#[derive(Debug)]
pub struct AdamState {
    /// (2, n), the moments, or (3, n) with the average.
    packed: Tensor,
    mask: Option<Tensor>,
    updates: u64,
}

impl AdamState {
    /// Moments of 0 for `theta` f32 of any shape; `averaged` starts an average at its values. `mask`
    /// (of the same shape, f32) multiplies the values after each step.
    ///
    /// # Errors
    /// Where `theta` or the mask is not f32, their shapes differ, or a tensor cannot be made.
    pub fn new(theta: &Tensor, averaged: bool, mask: Option<&Tensor>) -> Result<Self> {
        if theta.dtype() != DType::F32 {
            bail!("adam: a parameter of type {:?}", theta.dtype());
        }
        let n = theta.elem_count();
        let moments = Tensor::zeros((2, n), DType::F32, theta.device())?;
        let packed = if averaged {
            let average = theta.detach().reshape((1, n))?;
            Tensor::cat(&[&moments, &average], 0)?
        } else {
            moments
        };
        let mask = match mask {
            Some(mask) if mask.shape() != theta.shape() || mask.dtype() != DType::F32 => {
                bail!("adam: mask {:?} of a parameter {:?}", mask.shape(), theta.shape())
            }
            Some(mask) => Some(mask.detach().to_device(theta.device())?.contiguous()?),
            None => None,
        };
        Ok(Self { packed, mask, updates: 0 })
    }

    /// A state as [`packed`](Self::packed) and [`updates`](Self::updates) gave it.
    ///
    /// # Errors
    /// As [`new`](Self::new), and where `packed` has not 2 or 3 rows of as many elements.
    pub fn restore(
        theta: &Tensor,
        packed: &Tensor,
        updates: u64,
        mask: Option<&Tensor>,
    ) -> Result<Self> {
        let (rows, n) = packed.dims2()?;
        if !(2..=3).contains(&rows) || n != theta.elem_count() || packed.dtype() != DType::F32 {
            bail!("adam: state {:?} of a parameter {:?}", packed.shape(), theta.shape());
        }
        // A copy: steps write into it.
        let packed = packed.detach().to_device(theta.device())?.force_contiguous()?;
        Ok(Self { packed, updates, ..Self::new(theta, false, mask)? })
    }

    /// First moments, second moments and, if there is one, the average: (2, n) or (3, n) f32. The
    /// next step changes the tensor.
    pub fn packed(&self) -> &Tensor {
        &self.packed
    }

    /// The running average of the values (n), if there is one; the next step changes it.
    ///
    /// # Errors
    /// Where candle cannot make the view.
    pub fn average(&self) -> Result<Option<Tensor>> {
        let averaged = self.averaged().then(|| self.packed.narrow(0, 2, 1)?.flatten_all());
        averaged.transpose()
    }

    /// Steps made with a gradient.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    fn averaged(&self) -> bool {
        self.packed.dims()[0] == 3
    }
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

/// A step about to be made; candle hands it the values to change.
struct Step<'a> {
    state: &'a AdamState,
    constants: Constants,
}

impl InplaceOp2 for Step<'_> {
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
        let theta = RefCell::new(values_mut(theta, theta_layout)?);
        let gradient = values::<f32>(gradient, gradient_layout)?;
        let inner = CpuStep { step: self, theta, gradient };
        self.state.packed.inplace_op1(&inner)
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        theta: &mut candle_core::CudaStorage,
        theta_layout: &Layout,
        gradient: &candle_core::CudaStorage,
        gradient_layout: &Layout,
    ) -> Result<()> {
        self.state.packed.inplace_op1(&GpuStep {
            step: self,
            theta: RefCell::new(theta),
            theta_layout,
            gradient,
            gradient_layout,
        })
    }
}

/// The second half of a step on the CPU: candle hands it the state to change.
struct CpuStep<'a> {
    step: &'a Step<'a>,
    // Candle gives an operation `&self`, and the values must change.
    theta: RefCell<&'a mut [f32]>,
    gradient: &'a [f32],
}

impl InplaceOp1 for CpuStep<'_> {
    fn name(&self) -> &'static str {
        "adam-state"
    }

    fn cpu_fwd(&self, state: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let mut theta = self.theta.borrow_mut();
        let n = theta.len();
        let (m, rest) = values_mut(state, layout)?.split_at_mut(n);
        let (v, average) = rest.split_at_mut(n);
        let c = self.step.constants;
        let mask = self.step.state.mask.as_ref().map(Tensor::storage_and_layout);
        let mask = match &mask {
            Some((storage, layout)) => Some(values::<f32>(on_cpu(storage)?, layout)?),
            None => None,
        };
        theta
            .par_chunks_mut(PIECE)
            .zip(m.par_chunks_mut(PIECE).zip(v.par_chunks_mut(PIECE)))
            .zip(self.gradient.par_chunks(PIECE))
            .enumerate()
            .for_each(|(number, ((theta, (m, v)), g))| match mask {
                None => step(c, theta, m, v, g, |_| 1.0),
                Some(mask) => step(c, theta, m, v, g, |i| mask[number * PIECE + i]),
            });
        follow(average, &theta, c.decay);
        Ok(())
    }
}

fn step(
    c: Constants,
    theta: &mut [f32],
    m: &mut [f32],
    v: &mut [f32],
    g: &[f32],
    mask: impl Fn(usize) -> f32,
) {
    // Slices of one known length, so that the loop has no bounds checks and vectorises.
    let n = theta.len();
    let (m, v, g) = (&mut m[..n], &mut v[..n], &g[..n]);
    for i in 0..n {
        let keep = mask(i);
        let g = g[i] * c.scale * keep;
        m[i] += (1.0 - c.beta1) * (g - m[i]);
        v[i] += (1.0 - c.beta2) * (g * g - v[i]);
        let value = (theta[i] - c.rate * m[i] / (v[i].sqrt() * c.root + c.eps)) * keep;
        // Comparisons let NaN through.
        let value = if value < -c.bound { -c.bound } else { value };
        theta[i] = if value > c.bound { c.bound } else { value };
    }
}

/// Moves an average, if there is one, towards the values.
fn follow(average: &mut [f32], theta: &[f32], decay: f32) {
    let pieces = average.par_chunks_mut(PIECE).zip(theta.par_chunks(PIECE));
    pieces.for_each(|(average, theta)| {
        average.iter_mut().zip(theta).for_each(|(a, t)| *a += (1.0 - decay) * (t - *a));
    });
}

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;

/// The second half of a step on a GPU.
#[cfg(feature = "cuda")]
struct GpuStep<'a> {
    step: &'a Step<'a>,
    theta: RefCell<&'a mut CudaStorage>,
    theta_layout: &'a Layout,
    gradient: &'a CudaStorage,
    gradient_layout: &'a Layout,
}

#[cfg(feature = "cuda")]
impl InplaceOp1 for GpuStep<'_> {
    fn name(&self) -> &'static str {
        "adam-state"
    }

    fn cpu_fwd(&self, _: &mut CpuStorage, _: &Layout) -> Result<()> {
        bail!("adam: a parameter on a GPU with its state on the CPU")
    }

    fn cuda_fwd(&self, state: &mut CudaStorage, layout: &Layout) -> Result<()> {
        use crate::gpu::{adam, cuda};
        let gpu = cuda::Gpu::of(self.gradient);
        let gradient = cuda::values(self.gradient, self.gradient_layout)?;
        let sizes = (gradient.len(), self.step.state.averaged());
        let mask = self.step.state.mask.as_ref().map(Tensor::storage_and_layout);
        let mask = match &mask {
            Some((storage, layout)) => Some(cuda::values(cuda::on_gpu(storage)?, layout)?),
            None => None,
        };
        let mut state = cuda::values_mut(state, layout)?;
        let mut theta = self.theta.borrow_mut();
        let mut theta = cuda::values_mut(&mut theta, self.theta_layout)?;
        let constants = self.step.constants;
        adam::step(&gpu, &mut theta, &mut state, &gradient, mask.as_ref(), sizes, constants)
    }
}

/// The average's step alone: moves the state with the values in view.
struct Average {
    decay: f32,
}

impl InplaceOp2 for Average {
    fn name(&self) -> &'static str {
        "adam-average"
    }

    fn cpu_fwd(
        &self,
        state: &mut CpuStorage,
        state_layout: &Layout,
        theta: &CpuStorage,
        theta_layout: &Layout,
    ) -> Result<()> {
        let theta = values::<f32>(theta, theta_layout)?;
        follow(&mut values_mut(state, state_layout)?[2 * theta.len()..], theta, self.decay);
        Ok(())
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        state: &mut CudaStorage,
        state_layout: &Layout,
        theta: &CudaStorage,
        theta_layout: &Layout,
    ) -> Result<()> {
        use crate::gpu::{adam, cuda};
        let (gpu, theta) = (cuda::Gpu::of(theta), cuda::values(theta, theta_layout)?);
        let mut state = cuda::values_mut(state, state_layout)?;
        adam::average(&gpu, &theta, &mut state, theta.len(), self.decay)
    }
}
