//! Code length under a discretised logistic.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};

use rayon::prelude::*;

use crate::parallel;
use crate::slices::{values, with_values};

/// Log-scales are clamped to ± this; beyond it f32 does not hold the squares.
pub const LOG_SCALE_MAX: f32 = 30.0;

/// Bits of `z` under logistic distributions of unit-wide bins: −log₂(F(z + ½) − F(z − ½)), with F the
/// distribution function for `mean` and exp(`log_scale`). Any shape, the same for all three; f32.
///
/// Finite however far z is from the mean. Log-scales beyond ±[`LOG_SCALE_MAX`] count as that, with a
/// gradient of 0.
///
/// # Errors
/// Where the shapes differ, or the tensors are not f32 on one device.
pub fn logistic_rate(z: &Tensor, mean: &Tensor, log_scale: &Tensor) -> Result<Tensor> {
    z.contiguous()?.apply_op3(&mean.contiguous()?, &log_scale.contiguous()?, Forward)
}

/// What both directions need, with w = exp(−log_scale): the bin's edges a and b in units of the
/// scale, and w.
///
/// The mass is F(a) − F(b) = F(a) · F(−b) · (1 − exp(−w)): three factors whose logarithms are small
/// sums wherever z lies, where the difference itself would be 0.
fn edges(z: f32, mean: f32, log_scale: f32) -> [f32; 3] {
    // `clamp` lets NaN through.
    let w = (-log_scale.clamp(-LOG_SCALE_MAX, LOG_SCALE_MAX)).exp();
    let off = z - mean;
    [(off + 0.5) * w, (off - 0.5) * w, w]
}

fn rate(z: f32, mean: f32, log_scale: f32) -> f32 {
    let [a, b, w] = edges(z, mean, log_scale);
    let softplus = |x: f32| (if x > 0.0 { x } else { 0.0 }) + (-x.abs()).exp().ln_1p();
    let nats = softplus(-a) + softplus(b) - (-(-w).exp_m1()).ln();
    nats * std::f32::consts::LOG2_E
}

/// The gradients of z and log-scale; that of the mean is minus the first.
fn slopes(z: f32, mean: f32, log_scale: f32) -> [f32; 2] {
    let [a, b, w] = edges(z, mean, log_scale);
    let logistic = |x: f32| {
        let e = (-x.abs()).exp();
        (if x > 0.0 { 1.0 } else { e }) / (1.0 + e)
    };
    let (above, below) = (logistic(-a), logistic(b));
    let dz = w * (below - above);
    // w / expm1(w) goes to 0 as w grows, and expm1 to infinity.
    let ds = a * above - b * below + w / w.exp_m1();
    let ds = if log_scale.abs() > LOG_SCALE_MAX { 0.0 } else { ds };
    [dz * std::f32::consts::LOG2_E, ds * std::f32::consts::LOG2_E]
}

fn same_shape(layouts: [&Layout; 3]) -> Result<usize> {
    let [z, mean, log_scale] = layouts.map(Layout::shape);
    if z != mean || z != log_scale {
        bail!("logistic-rate: z {z:?}, mean {mean:?} and log-scale {log_scale:?}");
    }
    Ok(z.elem_count())
}

struct Forward;

impl CustomOp3 for Forward {
    fn name(&self) -> &'static str {
        "logistic-rate"
    }

    fn cpu_fwd(
        &self,
        z: &CpuStorage,
        z_layout: &Layout,
        mean: &CpuStorage,
        mean_layout: &Layout,
        log_scale: &CpuStorage,
        log_scale_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let n = same_shape([z_layout, mean_layout, log_scale_layout])?;
        let z = values::<f32>(z, z_layout)?;
        let mean = values::<f32>(mean, mean_layout)?;
        let log_scale = values::<f32>(log_scale, log_scale_layout)?;
        let bits = parallel::elements(n, |first, bits| {
            for (i, bits) in (first..).zip(bits) {
                *bits = rate(z[i], mean[i], log_scale[i]);
            }
        });
        Ok((CpuStorage::F32(bits), z_layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        z: &candle_core::CudaStorage,
        z_layout: &Layout,
        mean: &candle_core::CudaStorage,
        mean_layout: &Layout,
        log_scale: &candle_core::CudaStorage,
        log_scale_layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        use crate::gpu::{cuda, logistic_rate};
        let n = same_shape([z_layout, mean_layout, log_scale_layout])?;
        let (gpu, z) = (cuda::Gpu::of(z), cuda::values(z, z_layout)?);
        let mean = cuda::values(mean, mean_layout)?;
        let log_scale = cuda::values(log_scale, log_scale_layout)?;
        let bits = logistic_rate::forward(&gpu, [&z, &mean, &log_scale], n)?;
        Ok((gpu.storage(bits), z_layout.shape().clone()))
    }

    fn bwd(
        &self,
        z: &Tensor,
        mean: &Tensor,
        log_scale: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let op = Backward { mean: mean.clone(), log_scale: log_scale.clone() };
        let all = z.apply_op2_no_bwd(&grad.contiguous()?, &op)?;
        let row = |i: usize| all.narrow(0, i, 1)?.reshape(z.shape()).map(Some);
        Ok((row(0)?, row(1)?, row(2)?))
    }
}

/// The gradients of z, mean and log-scale, as rows: (3, n). Of its four operands it holds two.
struct Backward {
    mean: Tensor,
    log_scale: Tensor,
}

impl CustomOp2 for Backward {
    fn name(&self) -> &'static str {
        "logistic-rate-backward"
    }

    fn cpu_fwd(
        &self,
        z: &CpuStorage,
        z_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let n = z_layout.shape().elem_count();
        let (z, grad) = (values::<f32>(z, z_layout)?, values::<f32>(grad, grad_layout)?);
        let mut out = vec![0.0f32; 3 * n];
        with_values::<f32, _>(&self.mean, |mean| {
            with_values::<f32, _>(&self.log_scale, |log_scale| {
                let (dz, rest) = out.split_at_mut(n);
                let (dmean, ds) = rest.split_at_mut(n);
                dz.par_iter_mut().zip(dmean).zip(ds).enumerate().with_min_len(1 << 12).for_each(
                    |(i, ((dz, dmean), ds))| {
                        let [z_slope, s_slope] = slopes(z[i], mean[i], log_scale[i]);
                        *dz = grad[i] * z_slope;
                        *dmean = -*dz;
                        *ds = grad[i] * s_slope;
                    },
                );
                Ok(())
            })
        })?;
        Ok((CpuStorage::F32(out), (3, n).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        z: &candle_core::CudaStorage,
        z_layout: &Layout,
        grad: &candle_core::CudaStorage,
        grad_layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        use crate::gpu::{cuda, logistic_rate};
        let n = z_layout.shape().elem_count();
        let (gpu, z) = (cuda::Gpu::of(z), cuda::values(z, z_layout)?);
        let (storage, layout) = self.mean.storage_and_layout();
        let mean = cuda::values(cuda::on_gpu(&storage)?, layout)?;
        let (storage, layout) = self.log_scale.storage_and_layout();
        let log_scale = cuda::values(cuda::on_gpu(&storage)?, layout)?;
        let grad = cuda::values(grad, grad_layout)?;
        let out = logistic_rate::backward(&gpu, [&z, &mean, &log_scale], &grad, n)?;
        Ok((gpu.storage(out), (3, n).into()))
    }
}
