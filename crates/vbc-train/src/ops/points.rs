//! Single elements of a matrix by index, a fixed number for each row of the result.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use super::{with_f32, with_layout};

/// An index that stands for a 0 which nothing leads to.
pub const OUTSIDE: u32 = u32::MAX;

/// The elements `idx` of `x` f32, counted in row-major order, as rows of `k`: (n, k) for n · k
/// indices. [`OUTSIDE`] gives 0.
///
/// # Errors
/// Where an index is beyond the last element, the indices are not whole rows, or `x` is not a
/// contiguous f32 tensor on the CPU.
pub fn gather_points(x: &Tensor, idx: Vec<u32>, k: usize) -> Result<Tensor> {
    if k == 0 || !idx.len().is_multiple_of(k) {
        bail!("gather-points: {} indices as rows of {k}", idx.len());
    }
    x.apply_op1(GatherPoints { idx, k })
}

struct GatherPoints {
    idx: Vec<u32>,
    k: usize,
}

impl CustomOp1 for GatherPoints {
    fn name(&self) -> &'static str {
        "gather-points"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = with_layout(x, layout)?;
        let mut points = Vec::with_capacity(self.idx.len());
        for &i in &self.idx {
            points.push(match (i, x.get(i as usize)) {
                (OUTSIDE, _) => 0.0,
                (_, Some(&value)) => value,
                _ => bail!("gather-points: element {i} of {}", x.len()),
            });
        }
        Ok((CpuStorage::F32(points), (self.idx.len() / self.k, self.k).into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        // In f64: dozens of pixels look at each point, and their pulls nearly cancel.
        let mut sums = vec![0.0f64; x.elem_count()];
        with_f32(&grad.contiguous()?, |grad| {
            for (&i, &g) in self.idx.iter().zip(grad) {
                if i != OUTSIDE {
                    sums[i as usize] += f64::from(g);
                }
            }
            Ok(())
        })?;
        let sums: Vec<f32> = sums.into_iter().map(|s| s as f32).collect();
        Ok(Some(Tensor::from_vec(sums, x.shape(), x.device())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{close, fixed, gradient_check};
    use candle_core::{Device, Var};

    const IDX: [u32; 8] = [3, OUTSIDE, 3, 14, 0, 7, 3, OUTSIDE];

    #[test]
    fn equals_index_select_both_ways() -> Result<()> {
        let x = Var::from_tensor(&fixed(&[5, 3], 1)?)?;
        let inside: Vec<u32> = IDX.into_iter().filter(|&i| i != OUTSIDE).collect();
        let scale = fixed(&[2, 3], 2)?;
        let index = Tensor::new(&inside[..], &Device::Cpu)?;
        let ours = gather_points(&x, inside, 3)?;
        let stock = x.flatten_all()?.index_select(&index, 0)?.reshape((2, 3))?;
        close(&ours, &stock, 0.0)?;
        let ours = (ours * &scale)?.sum_all()?.backward()?;
        let stock = (stock * &scale)?.sum_all()?.backward()?;
        close(ours.get(&x).unwrap(), stock.get(&x).unwrap(), 1e-6)
    }

    #[test]
    fn gradient_agrees_with_differences() -> Result<()> {
        let scale = fixed(&[4, 2], 2)?;
        gradient_check(&[fixed(&[5, 3], 1)?], 1e-3, |v| {
            (gather_points(&v[0], IDX.to_vec(), 2)? * &scale)?.sum_all()
        })
    }

    #[test]
    fn outside_is_nought_and_beyond_an_error() -> Result<()> {
        let x = fixed(&[5, 3], 1)?;
        assert_eq!(gather_points(&x, vec![OUTSIDE; 2], 1)?.to_vec2::<f32>()?, [[0.0], [0.0]]);
        assert!(gather_points(&x, vec![15], 1).is_err());
        assert!(gather_points(&x, IDX.to_vec(), 3).is_err());
        Ok(())
    }
}
