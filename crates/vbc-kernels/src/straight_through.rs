//! Rounding that a gradient passes through, and noise that stands in for it.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use crate::parallel;
use crate::slices::values;

/// What becomes of each value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rounding {
    /// The nearest integer, halves away from 0.
    Nearest,
    /// The value and uniform noise.
    Noise {
        /// What the noise depends on, beside the element's index.
        seed: u64,
    },
}

/// `z` f32 of any shape, rounded to integers (halves away from 0). The gradient passes unchanged.
///
/// # Errors
/// Where `z` is not f32.
pub fn round_through(z: &Tensor) -> Result<Tensor> {
    z.contiguous()?.apply_op1(Forward(Rounding::Nearest))
}

/// `z` f32 of any shape plus noise, uniform in −½..½, as rounding does to it on the average. The
/// gradient passes unchanged.
///
/// The noise depends on `seed` and the place in the tensor alone, and is the same on the CPU and a
/// GPU. Take another seed each time.
///
/// # Errors
/// Where `z` is not f32.
pub fn noise_through(z: &Tensor, seed: u64) -> Result<Tensor> {
    z.contiguous()?.apply_op1(Forward(Rounding::Noise { seed }))
}

struct Forward(Rounding);

/// Output number `i` of SplitMix64, its upper 23 bits as the middle of one of 2²³ parts of −½..½.
fn noise(seed: u64, i: usize) -> f32 {
    let h = seed.wrapping_add(0x9e37_79b9_7f4a_7c15u64.wrapping_mul(i as u64 + 1));
    let h = (h ^ (h >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let h = (h ^ (h >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let h = h ^ (h >> 31);
    ((h >> 41) as f32 + 0.5) / (1u32 << 23) as f32 - 0.5
}

impl CustomOp1 for Forward {
    fn name(&self) -> &'static str {
        "straight-through"
    }

    fn cpu_fwd(&self, z: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let z = values::<f32>(z, layout)?;
        let out = parallel::elements(z.len(), |first, out| match self.0 {
            Rounding::Nearest => {
                out.iter_mut().zip(&z[first..]).for_each(|(o, z)| *o = z.round());
            }
            Rounding::Noise { seed } => {
                for (i, o) in (first..).zip(out) {
                    *o = z[i] + noise(seed, i);
                }
            }
        });
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        z: &candle_core::CudaStorage,
        layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        use crate::gpu::{cuda, logistic_rate::rounding};
        let (gpu, z) = (cuda::Gpu::of(z), cuda::values(z, layout)?);
        let out = rounding(&gpu, &z, layout.shape().elem_count(), self.0)?;
        Ok((gpu.storage(out), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(grad.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_uniform() {
        let n = 100_000;
        let values: Vec<f64> = (0..n).map(|i| f64::from(noise(7, i))).collect();
        let mean = values.iter().sum::<f64>() / n as f64;
        let variance = values.iter().map(|v| v * v).sum::<f64>() / n as f64;
        assert!(mean.abs() < 4e-3, "{mean}");
        assert!((variance - 1.0 / 12.0).abs() < 1e-3, "{variance}");
        assert!(values.iter().all(|v| v.abs() < 0.5));
        assert_ne!(noise(7, 0), noise(8, 0));
    }
}
