//! The pass over a parameter's elements, on the CPU and on a GPU.

use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp1, InplaceOp2, Layout, Result, Tensor};
#[cfg(feature = "cuda")]
use candle_core::{CudaStorage, bail};
use rayon::prelude::*;

use super::{AdamState, Constants};
use crate::slices::{on_cpu, values, values_mut};

/// Elements that one thread takes at a time.
const PIECE: usize = 1 << 13;

/// A step about to be made; candle hands it the values to change.
pub(super) struct Step<'a> {
    pub(super) state: &'a AdamState,
    pub(super) constants: Constants,
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
        theta: &mut CudaStorage,
        theta_layout: &Layout,
        gradient: &CudaStorage,
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
pub(super) struct Average {
    pub(super) decay: f32,
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
