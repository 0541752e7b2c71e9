//! Chunk mean and redundancy of a flow's outputs.

use candle_core::{CpuStorage, CustomOp1, CustomOp3, Layout, Result, Shape, Tensor, bail};

use crate::chunking::Chunking;
use crate::parallel;
use crate::slices::{values, with_values};

/// How the squared deviations of an image weigh, with c the values of a group and d the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// 1 / (c − 1) each: the unbiased variance of each group, summed over the groups. Its pull on an
    /// output fades as c grows.
    Groups,
    /// 1 / d each: the mean over the outputs. Its pull on an output is the same for every c.
    Outputs,
}

impl Weight {
    fn factor(self, groups: usize, c: usize) -> f32 {
        match self {
            // A single value does not deviate, and its variance is not 0 / 0.
            _ if c == 1 => 0.0,
            Self::Groups => 1.0 / (c - 1) as f32,
            Self::Outputs => 1.0 / (groups * c) as f32,
        }
    }
}

/// What [`redundancy`] gives.
#[derive(Clone, Debug)]
pub struct Squeezed {
    /// The mean of each group (n, d / c).
    pub mean: Tensor,
    /// How far each image's groups are from copies of their means (n), in squared units of y.
    pub redundancy: Tensor,
}

/// The chunk mean of `y` (n, d) f32, and its redundancy: the squared deviations of all values from
/// the means of their groups, weighed and summed up for each image.
///
/// With c = 1 the mean is y, and redundancy and its gradient are 0.
///
/// A group is passed over twice, first for the mean, so that nothing cancels. The CPU adds up in
/// f64 and rounds once; a GPU adds up pairwise in f32.
///
/// # Errors
/// Where `y` has another number of columns than the chunking, or is not f32 on the chunking's
/// device.
pub fn redundancy(y: &Tensor, chunking: &Chunking, weight: Weight) -> Result<Squeezed> {
    let factor = weight.factor(chunking.groups, chunking.c);
    let packed = y.contiguous()?.apply_op1(Forward { chunking: chunking.clone(), factor })?;
    let groups = chunking.groups;
    let redundancy = packed.narrow(1, groups, 1)?.squeeze(1)?;
    Ok(Squeezed { mean: packed.narrow(1, 0, groups)?, redundancy })
}

/// The means and, as one more column, the redundancy: (n, groups + 1).
struct Forward {
    chunking: Chunking,
    factor: f32,
}

fn images(y: &Layout, chunking: &Chunking) -> Result<usize> {
    let (n, d) = y.shape().dims2()?;
    let (groups, c) = (chunking.groups, chunking.c);
    if d != groups * c {
        bail!("redundancy: {d} outputs as {groups} groups of {c}");
    }
    Ok(n)
}

impl CustomOp1 for Forward {
    fn name(&self) -> &'static str {
        "redundancy"
    }

    fn cpu_fwd(&self, y: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let n = images(layout, &self.chunking)?;
        let y = values::<f32>(y, layout)?;
        let Chunking { groups, c, .. } = self.chunking;
        let d = groups * c;
        let out = with_values::<u32, _>(&self.chunking.columns, |columns| {
            Ok(parallel::rows(n, groups + 1, |row, out| {
                let y = &y[row * d..][..d];
                let mut squares = 0.0f64;
                for (columns, mean) in columns.chunks_exact(c).zip(&mut *out) {
                    let group = || columns.iter().map(|&i| f64::from(y[i as usize]));
                    let exact = group().sum::<f64>() / c as f64;
                    squares += group().map(|v| (v - exact).powi(2)).sum::<f64>();
                    *mean = exact as f32;
                }
                out[groups] = (squares * f64::from(self.factor)) as f32;
            }))
        })?;
        Ok((CpuStorage::F32(out), (n, groups + 1).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        y: &candle_core::CudaStorage,
        layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        use crate::gpu::{cuda, redundancy};
        let Chunking { groups, c, .. } = self.chunking;
        let sizes = redundancy::Sizes {
            n: images(layout, &self.chunking)?,
            groups,
            c,
            factor: self.factor,
        };
        let (gpu, y) = (cuda::Gpu::of(y), cuda::values(y, layout)?);
        let (storage, table) = self.chunking.columns.storage_and_layout();
        let columns = cuda::indices(cuda::on_gpu(&storage)?, table)?;
        let out = redundancy::forward(&gpu, &y, &columns, sizes)?;
        Ok((gpu.storage(out), (sizes.n, groups + 1).into()))
    }

    fn bwd(&self, y: &Tensor, result: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let op = Backward { chunking: self.chunking.clone(), factor: self.factor };
        Ok(Some(y.apply_op3_no_bwd(result, &grad.contiguous()?, &op)?))
    }
}

/// The gradient of y.
struct Backward {
    chunking: Chunking,
    factor: f32,
}

impl CustomOp3 for Backward {
    fn name(&self) -> &'static str {
        "redundancy-backward"
    }

    fn cpu_fwd(
        &self,
        y: &CpuStorage,
        y_layout: &Layout,
        result: &CpuStorage,
        result_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let n = images(y_layout, &self.chunking)?;
        let y = values::<f32>(y, y_layout)?;
        let result = values::<f32>(result, result_layout)?;
        let grad = values::<f32>(grad, grad_layout)?;
        let Chunking { groups, c, .. } = self.chunking;
        let d = groups * c;
        let dy = with_values::<u32, _>(&self.chunking.group_of, |group_of| {
            Ok(parallel::rows(n, d, |row, dy| {
                let mean = &result[row * (groups + 1)..][..groups + 1];
                let grad = &grad[row * (groups + 1)..][..groups + 1];
                let pull = 2.0 * self.factor * grad[groups];
                for ((dy, &y), &group) in dy.iter_mut().zip(&y[row * d..][..d]).zip(group_of) {
                    let group = group as usize;
                    *dy = grad[group] / c as f32 + pull * (y - mean[group]);
                }
            }))
        })?;
        Ok((CpuStorage::F32(dy), (n, d).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        y: &candle_core::CudaStorage,
        y_layout: &Layout,
        result: &candle_core::CudaStorage,
        result_layout: &Layout,
        grad: &candle_core::CudaStorage,
        grad_layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        use crate::gpu::{cuda, redundancy};
        let Chunking { groups, c, .. } = self.chunking;
        let n = images(y_layout, &self.chunking)?;
        let sizes = redundancy::Sizes { n, groups, c, factor: self.factor };
        let (gpu, y) = (cuda::Gpu::of(y), cuda::values(y, y_layout)?);
        let (storage, table) = self.chunking.group_of.storage_and_layout();
        let group_of = cuda::indices(cuda::on_gpu(&storage)?, table)?;
        let (result, grad) =
            (cuda::values(result, result_layout)?, cuda::values(grad, grad_layout)?);
        let dy = redundancy::backward(&gpu, &y, &group_of, &result, &grad, sizes)?;
        Ok((gpu.storage(dy), (n, groups * c).into()))
    }
}
