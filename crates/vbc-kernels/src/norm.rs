//! The length of a gradient, to clip by.

use candle_core::{Result, Storage, Tensor, bail};
use rayon::prelude::*;

use crate::slices::values;

/// Σ of the squares of `values` f32 of any shape, with `mask` (the same shape) of each value times the
/// mask's. In f64 on the CPU; on a GPU in f64 but for the sums of 512 blocks, which are f32.
///
/// # Errors
/// Where the shapes or devices differ, or a tensor is not f32.
pub fn sum_of_squares(tensor: &Tensor, mask: Option<&Tensor>) -> Result<f64> {
    if let Some(mask) = mask
        && mask.shape() != tensor.shape()
    {
        bail!("sum of squares: mask {:?} of {:?}", mask.shape(), tensor.shape());
    }
    let tensor = tensor.contiguous()?;
    let mask = mask.map(Tensor::contiguous).transpose()?;
    let (storage, layout) = tensor.storage_and_layout();
    let mask = mask.as_ref().map(Tensor::storage_and_layout);
    match (&*storage, mask.as_ref().map(|(storage, layout)| (&**storage, *layout))) {
        (Storage::Cpu(storage), None) => Ok(on_cpu(values(storage, layout)?, None)),
        (Storage::Cpu(storage), Some((Storage::Cpu(mask), mask_layout))) => {
            Ok(on_cpu(values(storage, layout)?, Some(values(mask, mask_layout)?)))
        }
        #[cfg(feature = "cuda")]
        (Storage::Cuda(storage), mask) => {
            use crate::gpu::{adam::squares, cuda};
            let mask = match mask {
                Some((mask, layout)) => Some(cuda::values(cuda::on_gpu(mask)?, layout)?),
                None => None,
            };
            let (gpu, values) = (cuda::Gpu::of(storage), cuda::values(storage, layout)?);
            let part = squares(&gpu, &values, mask.as_ref(), values.len())?;
            Ok(gpu.read(&part)?.into_iter().map(f64::from).sum())
        }
        _ => bail!("sum of squares: a device that has no kernels, or two devices"),
    }
}

fn on_cpu(values: &[f32], mask: Option<&[f32]>) -> f64 {
    /// Elements of one sum; sums are added in their order, whatever the threads.
    const PIECE: usize = 1 << 14;
    let pieces: Vec<f64> = match mask {
        None => values.par_chunks(PIECE).map(squares).collect(),
        Some(mask) => values
            .par_chunks(PIECE)
            .zip(mask.par_chunks(PIECE))
            .map(|(v, m)| squares(&v.iter().zip(m).map(|(v, m)| v * m).collect::<Vec<_>>()))
            .collect(),
    };
    pieces.into_iter().sum()
}

/// Eight sums side by side, so that the loop can be vectorised.
fn squares(values: &[f32]) -> f64 {
    let square = |v: f32| f64::from(v) * f64::from(v);
    let (chunks, rest) = values.as_chunks::<8>();
    let mut sums = [0.0f64; 8];
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(s, &v)| *s += square(v));
    }
    sums.iter().sum::<f64>() + rest.iter().map(|&v| square(v)).sum::<f64>()
}
