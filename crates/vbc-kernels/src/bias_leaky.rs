//! Bias and leaky ReLU as the end of a dense layer.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::parallel;
use crate::slices::values;

/// Rows added up in f32 before they go to the f64 sums.
pub(crate) const TILE: usize = 32;

/// What [`bias_leaky`] does to each sum: negative values times `slope`, then a clamp to
/// `-max..=max`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leaky {
    /// The factor of negative values, 0 or above; 1 leaves them as they are.
    pub slope: f32,
    /// The largest magnitude let through, above 0; infinity for no bound.
    pub max: f32,
}

impl Leaky {
    /// The bias alone.
    pub const NONE: Self = Self { slope: 1.0, max: f32::INFINITY };

    /// Leaky ReLU without a bound.
    pub const fn new(slope: f32) -> Self {
        Self { slope, max: f32::INFINITY }
    }

    /// Clamps to `0..=max`.
    pub const fn relu(max: f32) -> Self {
        Self { slope: 0.0, max }
    }

    /// Does it to all of `values`.
    pub fn apply_to(self, values: &mut [f32]) {
        values.iter_mut().for_each(|v| *v = self.apply(*v));
    }

    fn apply(self, v: f32) -> f32 {
        // Comparisons let NaN through, which `f32::max` and `min` would hide.
        let v = if v > 0.0 { v } else { self.slope * v };
        let v = if v < -self.max { -self.max } else { v };
        if v > self.max { self.max } else { v }
    }

    /// The gradient before the activation, from the output and its gradient.
    fn back(self, y: f32, grad: f32) -> f32 {
        let inside = if y.abs() < self.max { grad } else { 0.0 };
        if y > 0.0 { inside } else { self.slope * inside }
    }
}

/// `act(x + bias)` for `x` (n, o), a matrix product, and `bias` (o): a tensor (n, o). All f32.
///
/// The gradient is 0 wherever the activation clamps, the bounds themselves included, and that of a
/// sum of exactly 0 has the factor `slope`. The bias's gradient adds up 32 rows in f32 and such
/// tiles in f64, from the first to the last, on the CPU and the GPU alike.
///
/// # Errors
/// Where the shapes do not fit, or the tensors are not f32 on one device.
pub fn bias_leaky(x: &Tensor, bias: &Tensor, act: Leaky) -> Result<Tensor> {
    x.contiguous()?.apply_op2(&bias.contiguous()?, Forward { act })
}

struct Forward {
    act: Leaky,
}

fn sizes(x: &Layout, bias: &Layout) -> Result<(usize, usize)> {
    let (n, o) = x.shape().dims2()?;
    if bias.shape().dims1()? != o {
        bail!("bias-leaky: bias {:?} of a product {:?}", bias.shape(), x.shape());
    }
    Ok((n, o))
}

impl CustomOp2 for Forward {
    fn name(&self) -> &'static str {
        "bias-leaky"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (n, o) = sizes(x_layout, bias_layout)?;
        let (x, bias) = (values::<f32>(x, x_layout)?, values::<f32>(bias, bias_layout)?);
        let y = parallel::rows(n, o, |row, y| {
            let x = &x[row * o..][..o];
            for ((y, x), b) in y.iter_mut().zip(x).zip(bias) {
                *y = self.act.apply(x + b);
            }
        });
        Ok((CpuStorage::F32(y), (n, o).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &candle_core::CudaStorage,
        x_layout: &Layout,
        bias: &candle_core::CudaStorage,
        bias_layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        use crate::gpu::{bias_leaky::forward, cuda};
        let (n, o) = sizes(x_layout, bias_layout)?;
        let (gpu, x) = (cuda::Gpu::of(x), cuda::values(x, x_layout)?);
        let y = forward(&gpu, &x, &cuda::values(bias, bias_layout)?, (n, o), self.act)?;
        Ok((gpu.storage(y), (n, o).into()))
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (dx, bias) = leaky_gradients(y, grad, self.act)?;
        Ok((Some(dx), Some(bias)))
    }
}

/// The gradients of the sums behind `y` (n, o) = `act`(sums) and of a bias in them: (n, o) and (o),
/// from the gradient `grad` (n, o) of y. For operations that end in [`bias_leaky`]'s way.
///
/// # Errors
/// Where the shapes differ, or the tensors are not f32 on one device.
pub fn leaky_gradients(y: &Tensor, grad: &Tensor, act: Leaky) -> Result<(Tensor, Tensor)> {
    let (n, o) = y.dims2()?;
    if grad.shape() != y.shape() {
        bail!("bias-leaky: gradient {:?} of {:?}", grad.shape(), y.shape());
    }
    let both = y.contiguous()?.apply_op2_no_bwd(&grad.contiguous()?, &Backward { act })?;
    Ok((both.narrow(0, 0, n)?, both.narrow(0, n, 1)?.reshape(o)?))
}

/// The gradients of x and, as one more row, of the bias: (n + 1, o).
struct Backward {
    act: Leaky,
}

impl CustomOp2 for Backward {
    fn name(&self) -> &'static str {
        "bias-leaky-backward"
    }

    fn cpu_fwd(
        &self,
        y: &CpuStorage,
        y_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (n, o) = y_layout.shape().dims2()?;
        let (y, grad) = (values::<f32>(y, y_layout)?, values::<f32>(grad, grad_layout)?);
        let mut dx = vec![0.0f32; (n + 1) * o];
        if o > 0 {
            let mut part = vec![0.0f32; n.div_ceil(TILE) * o];
            dx[..n * o]
                .par_chunks_mut(TILE * o)
                .zip(part.par_chunks_mut(o))
                .zip(y.par_chunks(TILE * o).zip(grad.par_chunks(TILE * o)))
                .for_each(|((dx, sums), (y, grad))| {
                    let rows = dx.chunks_exact_mut(o).zip(y.chunks_exact(o));
                    for ((dx, y), grad) in rows.zip(grad.chunks_exact(o)) {
                        for i in 0..o {
                            let g = self.act.back(y[i], grad[i]);
                            dx[i] = g;
                            sums[i] += g;
                        }
                    }
                });
            let mut total = vec![0.0f64; o];
            for sums in part.chunks_exact(o) {
                total.iter_mut().zip(sums).for_each(|(t, &s)| *t += f64::from(s));
            }
            dx[n * o..].iter_mut().zip(total).for_each(|(d, t)| *d = t as f32);
        }
        Ok((CpuStorage::F32(dx), (n + 1, o).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        y: &candle_core::CudaStorage,
        y_layout: &Layout,
        grad: &candle_core::CudaStorage,
        grad_layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        use crate::gpu::{bias_leaky::backward, cuda};
        let (n, o) = y_layout.shape().dims2()?;
        let (gpu, y) = (cuda::Gpu::of(y), cuda::values(y, y_layout)?);
        let dx = backward(&gpu, &y, &cuda::values(grad, grad_layout)?, (n, o), self.act)?;
        Ok((gpu.storage(dx), (n + 1, o).into()))
    }
}
