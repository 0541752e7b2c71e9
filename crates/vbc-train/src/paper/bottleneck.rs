//! The two virtual bottlenecks: what of y is kept, what its loss is, and what is decoded from it.

use candle_core::{Device, Result, Tensor, bail};
use vbc_kernels::{Weight, redundancy};

use super::{Chunking, Normalisation};

/// y as groups of c values that the redundancy bottleneck makes equal.
#[derive(Clone, Debug)]
pub struct Chunks {
    c: usize,
    m: usize,
    chunking: Chunking,
    tables: vbc_kernels::Chunking,
}

impl Chunks {
    /// Groups of `c` of `d` dimensions.
    ///
    /// # Errors
    /// Where c does not divide d, or the device cannot be reached.
    pub fn new(d: usize, c: usize, chunking: Chunking, device: &Device) -> Result<Self> {
        if c == 0 || !d.is_multiple_of(c) {
            bail!("a factor of {c} for {d} dimensions");
        }
        let tables = match chunking {
            Chunking::Interleaved => vbc_kernels::Chunking::interleaved(d, c, device)?,
            Chunking::Contiguous => vbc_kernels::Chunking::contiguous(d, c, device)?,
        };
        Ok(Chunks { c, m: d / c, chunking, tables })
    }

    /// d/c, the dimensions of a latent.
    pub fn latent_len(&self) -> usize {
        self.m
    }

    /// y (n, d) as (n, c, m) or (n, m, c), and which of its axes is that of the copies.
    fn groups(&self, y: &Tensor) -> Result<(Tensor, usize)> {
        let n = y.dim(0)?;
        Ok(match self.chunking {
            Chunking::Interleaved => (y.reshape((n, self.m, self.c))?, 2),
            Chunking::Contiguous => (y.reshape((n, self.c, self.m))?, 1),
        })
    }

    /// The mean of each group (n, m).
    ///
    /// # Errors
    /// Those of candle.
    pub fn mean(&self, y: &Tensor) -> Result<Tensor> {
        let (groups, axis) = self.groups(y)?;
        groups.mean(axis)
    }

    /// Chunk `i` (n, m).
    ///
    /// # Errors
    /// Where there is no such chunk.
    pub fn chunk(&self, y: &Tensor, i: usize) -> Result<Tensor> {
        let (groups, axis) = self.groups(y)?;
        groups.narrow(axis, i, 1)?.squeeze(axis)?.contiguous()
    }

    /// y (n, d) whose chunks are all `z` (n, m).
    ///
    /// # Errors
    /// Those of candle.
    pub fn copies(&self, z: &Tensor) -> Result<Tensor> {
        let n = z.dim(0)?;
        let axis = if self.chunking == Chunking::Interleaved { 2 } else { 1 };
        let copies = vec![z.unsqueeze(axis)?; self.c];
        Tensor::cat(&copies, axis)?.reshape((n, self.c * self.m))
    }
}

/// What the redundancy bottleneck costs and what it is.
#[derive(Debug)]
pub struct Redundancy {
    /// The loss under the normalisation asked for, a mean over images: a scalar.
    pub loss: Tensor,
    /// Σ over the groups of the unbiased variance, a mean over images.
    pub variance: f64,
}

/// The redundancy loss of y (n, d). With c = 1 there is nothing to differ, and both are 0.
///
/// # Errors
/// Those of candle.
pub fn variance(y: &Tensor, chunks: &Chunks, normalisation: Normalisation) -> Result<Redundancy> {
    let mean = redundancy(y, &chunks.tables, Weight::Groups)?.redundancy.mean_all()?;
    let variance = f64::from(mean.to_scalar::<f32>()?);
    let loss = match normalisation {
        Normalisation::SumOverGroups => mean,
        Normalisation::PerOutput => (mean * (chunks.c.max(2) - 1) as f64)?,
        Normalisation::None => mean.zeros_like()?,
    };
    Ok(Redundancy { loss, variance })
}

/// The null bottleneck: one chunk is kept, all others are pulled to a constant.
#[derive(Clone, Debug)]
pub struct Null {
    /// Which chunks there are.
    pub chunks: Chunks,
    /// What the dropped dimensions are pulled to.
    pub target: f64,
    /// Which chunk is kept: the first in the text, the last in the code.
    pub kept: usize,
}

impl Null {
    /// Mean over the dropped dimensions of the squared distance from the target, and over images: a
    /// scalar. 0 where nothing is dropped.
    ///
    /// # Errors
    /// Those of candle.
    pub fn loss(&self, y: &Tensor) -> Result<Tensor> {
        let n = y.dim(0)?;
        let dropped = n * (self.chunks.c - 1) * self.chunks.m;
        let all = (y - self.target)?.sqr()?.sum_all()?;
        let kept = (self.chunks.chunk(y, self.kept)? - self.target)?.sqr()?.sum_all()?;
        (all - kept)? / dropped.max(1) as f64
    }

    /// y (n, d) with the kept chunk `z` (n, m) and the target everywhere else.
    ///
    /// # Errors
    /// Those of candle.
    pub fn padded(&self, z: &Tensor) -> Result<Tensor> {
        let Chunks { c, m, chunking, .. } = self.chunks;
        let n = z.dim(0)?;
        let axis = if chunking == Chunking::Interleaved { 2 } else { 1 };
        let fill = (z.zeros_like()? + self.target)?.unsqueeze(axis)?;
        let mut parts = vec![fill; c];
        parts[self.kept] = z.unsqueeze(axis)?;
        Tensor::cat(&parts, axis)?.reshape((n, c * m))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{close, fixed, gradient_check};

    #[test]
    fn chunks_are_where_they_are_said_to_be() -> Result<()> {
        let y = Tensor::arange(0f32, 12.0, &Device::Cpu)?.reshape((1, 12))?;
        let near = Chunks::new(12, 3, Chunking::Interleaved, &Device::Cpu)?;
        assert_eq!(near.chunk(&y, 1)?.to_vec2::<f32>()?, [[1.0, 4.0, 7.0, 10.0]]);
        let far = Chunks::new(12, 3, Chunking::Contiguous, &Device::Cpu)?;
        assert_eq!(far.chunk(&y, 1)?.to_vec2::<f32>()?, [[4.0, 5.0, 6.0, 7.0]]);
        for chunks in [near, far] {
            let z = chunks.mean(&y)?;
            let copied = chunks.copies(&z)?;
            close(&chunks.mean(&copied)?, &z, 1e-6)?;
            assert!(variance(&copied, &chunks, Normalisation::PerOutput)?.variance < 1e-9);
        }
        assert!(Chunks::new(12, 5, Chunking::Contiguous, &Device::Cpu).is_err());
        Ok(())
    }

    #[test]
    fn variances_are_unbiased_and_fade() -> Result<()> {
        let y = Tensor::new(&[[1f32, 3.0, 5.0, 5.0], [0.0, 0.0, 2.0, 2.0]], &Device::Cpu)?;
        let two = Chunks::new(4, 2, Chunking::Interleaved, &Device::Cpu)?;
        assert!((variance(&y, &two, Normalisation::SumOverGroups)?.variance - 1.0).abs() < 1e-6);
        let four = Chunks::new(4, 4, Chunking::Interleaved, &Device::Cpu)?;
        let all = variance(&y, &four, Normalisation::PerOutput)?;
        assert!((all.loss.to_scalar::<f32>()? - 7.5).abs() < 1e-5);
        assert!((all.variance - 2.5).abs() < 1e-6);
        let one = Chunks::new(4, 1, Chunking::Interleaved, &Device::Cpu)?;
        assert_eq!(variance(&y, &one, Normalisation::SumOverGroups)?.variance, 0.0);
        Ok(())
    }

    #[test]
    fn gradients_agree_with_differences() -> Result<()> {
        for chunking in [Chunking::Interleaved, Chunking::Contiguous] {
            let chunks = Chunks::new(6, 3, chunking, &Device::Cpu)?;
            for n in [Normalisation::SumOverGroups, Normalisation::PerOutput] {
                gradient_check(&[fixed(&[2, 6], 1)?], 1e-3, |v| {
                    Ok(variance(&v[0], &chunks, n)?.loss)
                })?;
            }
            let null = Null { chunks: chunks.clone(), target: 1.0, kept: 2 };
            gradient_check(&[fixed(&[2, 6], 2)?], 1e-3, |v| null.loss(&v[0]))?;
        }
        Ok(())
    }

    #[test]
    fn the_null_bottleneck_keeps_one_chunk() -> Result<()> {
        let chunks = Chunks::new(6, 3, Chunking::Contiguous, &Device::Cpu)?;
        let null = Null { chunks, target: 1.0, kept: 0 };
        let y = null.padded(&Tensor::new(&[[7f32, 8.0]], &Device::Cpu)?)?;
        assert_eq!(y.to_vec2::<f32>()?, [[7.0, 8.0, 1.0, 1.0, 1.0, 1.0]]);
        assert_eq!(null.loss(&y)?.to_scalar::<f32>()?, 0.0);
        Ok(())
    }
}
