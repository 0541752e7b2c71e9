//! Rows of a matrix by index.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use vbc_kernels::{Window, window_gather};

use super::{fast, with_f32, with_layout};

/// The rows `idx` of `x` (m, k) f32, in that order and repeated as given: (n, k) for n indices.
///
/// # Errors
/// Where an index is not below m, or `x` is not a contiguous f32 matrix.
pub fn gather_rows(x: &Tensor, idx: &[u32]) -> Result<Tensor> {
    if fast(x) { x.apply_op1(GatherRows { idx: idx.to_vec() }) } else { composed(x, idx) }
}

/// [`gather_rows`] on any device: each row is an image of one row, seen whole from its first pixel.
/// Unlike that of `index_select`, this gradient is a sum in f64, with a thread for each of its values.
fn composed(x: &Tensor, idx: &[u32]) -> Result<Tensor> {
    let (m, k) = x.dims2()?;
    let pixels: Vec<(u32, u32)> = idx.iter().map(|&i| (i, 0)).collect();
    let offsets: Vec<(i32, i32)> = (0..k as i32).map(|column| (0, column)).collect();
    let window = Window::new((m, 1, k), &pixels, &offsets, x.device())?;
    window_gather(&x.reshape((m, 1, k))?, &window)
}

struct GatherRows {
    idx: Vec<u32>,
}

impl CustomOp1 for GatherRows {
    fn name(&self) -> &'static str {
        "gather-rows"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (m, k) = layout.shape().dims2()?;
        let x = with_layout(x, layout)?;
        let mut rows = Vec::with_capacity(self.idx.len() * k);
        for &i in &self.idx {
            let i = i as usize;
            if i >= m {
                bail!("gather-rows: row {i} of a matrix of {m} rows");
            }
            rows.extend_from_slice(&x[i * k..(i + 1) * k]);
        }
        Ok((CpuStorage::F32(rows), (self.idx.len(), k).into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (m, k) = x.dims2()?;
        // In f64: a row that thousands of pixels share gets thousands of summands.
        let mut sums = vec![0.0f64; m * k];
        with_f32(&grad.contiguous()?, |grad| {
            for (row, &i) in self.idx.iter().enumerate() {
                let to = &mut sums[i as usize * k..(i as usize + 1) * k];
                let from = &grad[row * k..(row + 1) * k];
                to.iter_mut().zip(from).for_each(|(s, &g)| *s += f64::from(g));
            }
            Ok(())
        })?;
        let sums: Vec<f32> = sums.into_iter().map(|s| s as f32).collect();
        Ok(Some(Tensor::from_vec(sums, (m, k), x.device())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{agree, close, fixed, gradient_check};
    use candle_core::{Device, Var};

    const IDX: [u32; 7] = [2, 0, 2, 2, 1, 0, 4];

    #[test]
    fn equals_index_select_both_ways() -> Result<()> {
        let x = Var::from_tensor(&fixed(&[5, 3], 1)?)?;
        let scale = fixed(&[7, 3], 2)?;
        let index = Tensor::new(&IDX, &Device::Cpu)?;
        let ours = gather_rows(&x, &IDX)?;
        let stock = x.index_select(&index, 0)?;
        close(&ours, &stock, 0.0)?;
        let ours = (ours * &scale)?.sum_all()?.backward()?;
        let stock = (stock * &scale)?.sum_all()?.backward()?;
        close(ours.get(&x).unwrap(), stock.get(&x).unwrap(), 1e-6)
    }

    #[test]
    fn gradient_agrees_with_differences() -> Result<()> {
        let scale = fixed(&[7, 3], 2)?;
        gradient_check(&[fixed(&[5, 3], 1)?], 1e-3, |v| {
            (gather_rows(&v[0], &IDX)? * &scale)?.sum_all()
        })
    }

    #[test]
    fn on_any_device_it_is_the_same() -> Result<()> {
        // Row 3 is not taken, and no row is.
        for idx in [&IDX[..], &[]] {
            agree(
                &[fixed(&[5, 3], 1)?],
                0.0,
                |v| gather_rows(&v[0], idx),
                |v| composed(&v[0], idx),
            )?;
        }
        Ok(())
    }

    #[test]
    fn an_index_out_of_range_is_an_error() -> Result<()> {
        assert!(gather_rows(&fixed(&[5, 3], 1)?, &[5]).is_err());
        assert!(composed(&fixed(&[5, 3], 1)?, &[5]).is_err());
        Ok(())
    }
}
