//! Columns of a matrix times a factor each.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

use super::{fast, with_f32, with_layout};

/// `x` (n, d) with column j times `factor` j (d), all f32.
///
/// # Errors
/// Where the shapes do not fit, or a tensor is not contiguous f32.
pub fn scale_columns(x: &Tensor, factor: &Tensor) -> Result<Tensor> {
    if fast(x) { x.apply_op2(factor, Scale) } else { x.broadcast_mul(factor) }
}

struct Scale;

impl CustomOp2 for Scale {
    fn name(&self) -> &'static str {
        "scale-columns"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        factor: &CpuStorage,
        factor_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, d) = x_layout.shape().dims2()?;
        if factor_layout.shape().dims1()? != d {
            bail!("scale-columns: {:?} by {:?}", x_layout.shape(), factor_layout.shape());
        }
        let (x, factor) = (with_layout(x, x_layout)?, with_layout(factor, factor_layout)?);
        let mut y = Vec::with_capacity(x.len());
        for row in x.chunks_exact(d.max(1)) {
            y.extend(row.iter().zip(factor).map(|(x, f)| x * f));
        }
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        factor: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (_, d) = x.dims2()?;
        let grad = grad.contiguous()?;
        let mut dx = Vec::with_capacity(x.elem_count());
        // In f64: a batch of thousands of rows would lose digits.
        let mut sums = vec![0.0f64; d];
        with_f32(x, |x| {
            with_f32(factor, |factor| {
                with_f32(&grad, |grad| {
                    for (x, g) in x.chunks_exact(d.max(1)).zip(grad.chunks_exact(d.max(1))) {
                        dx.extend(g.iter().zip(factor).map(|(g, f)| g * f));
                        for ((s, x), g) in sums.iter_mut().zip(x).zip(g) {
                            *s += f64::from(x * g);
                        }
                    }
                    Ok(())
                })
            })
        })?;
        let sums: Vec<f32> = sums.into_iter().map(|s| s as f32).collect();
        let dx = Tensor::from_vec(dx, x.shape(), x.device())?;
        Ok((Some(dx), Some(Tensor::from_vec(sums, d, x.device())?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{close, fixed, gradient_check};
    use candle_core::Var;

    #[test]
    fn equals_stock_both_ways() -> Result<()> {
        let x = Var::from_tensor(&fixed(&[50, 7], 1)?)?;
        let factor = Var::from_tensor(&fixed(&[7], 2)?)?;
        let weight = fixed(&[50, 7], 3)?;
        let (ours, stock) = (scale_columns(&x, &factor)?, x.broadcast_mul(&factor)?);
        close(&ours, &stock, 0.0)?;
        let ours = (ours * &weight)?.sum_all()?.backward()?;
        let stock = (stock * &weight)?.sum_all()?.backward()?;
        for v in [&x, &factor] {
            close(ours.get(v).unwrap(), stock.get(v).unwrap(), 1e-5)?;
        }
        Ok(())
    }

    #[test]
    fn gradient_agrees_with_differences() -> Result<()> {
        let weight = fixed(&[3, 4], 3)?;
        gradient_check(&[fixed(&[3, 4], 1)?, fixed(&[4], 2)?], 1e-3, |v| {
            (scale_columns(&v[0], &v[1])? * &weight)?.sum_all()
        })
    }
}
