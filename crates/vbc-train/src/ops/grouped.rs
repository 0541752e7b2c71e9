//! One of 16 dense layers for each row.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::matrix::{Matrix, add_product, product};
use super::{with_f32, with_layout};

/// `x[r]·w[group[r]] + b[group[r]]` for `x` (n, i), `w` (k, i, o), `b` (k, o) and n group numbers
/// below k: a tensor (n, o). The rows of a group are multiplied together.
///
/// # Errors
/// Where the shapes do not fit, a group is not below k, or a tensor is not contiguous f32 on the
/// CPU.
pub fn grouped_affine(x: &Tensor, w: &Tensor, b: &Tensor, groups: &[u8]) -> Result<Tensor> {
    let (k, _, _) = w.dims3()?;
    let mut rows = vec![Vec::new(); k];
    for (r, &g) in groups.iter().enumerate() {
        match rows.get_mut(usize::from(g)) {
            Some(rows) => rows.push(r),
            None => bail!("grouped-affine: group {g} of {k}"),
        }
    }
    x.apply_op3(w, b, Grouped { rows })
}

struct Grouped {
    /// The rows of each group.
    rows: Vec<Vec<usize>>,
}

/// The rows `index` of a matrix of `width` columns, one behind the other.
fn gather(from: &[f32], index: &[usize], width: usize) -> Vec<f32> {
    index.iter().flat_map(|&r| &from[r * width..(r + 1) * width]).copied().collect()
}

impl CustomOp3 for Grouped {
    fn name(&self) -> &'static str {
        "grouped-affine"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (n, i) = x_layout.shape().dims2()?;
        let (k, w_rows, o) = w_layout.shape().dims3()?;
        if w_rows != i || b_layout.shape().dims2()? != (k, o) {
            bail!("grouped-affine: shapes do not fit");
        }
        let x = with_layout(x, x_layout)?;
        let w = with_layout(w, w_layout)?;
        let b = with_layout(b, b_layout)?;
        let mut y = vec![0.0; n * o];
        for (g, rows) in self.rows.iter().enumerate() {
            let xs = gather(x, rows, i);
            let mut ys: Vec<f32> = b[g * o..(g + 1) * o].repeat(rows.len());
            let w = Matrix::new(&w[g * i * o..(g + 1) * i * o], i, o);
            add_product(&mut ys, Matrix::new(&xs, rows.len(), i), w);
            for (&r, ys) in rows.iter().zip(ys.chunks_exact(o)) {
                y[r * o..(r + 1) * o].copy_from_slice(ys);
            }
        }
        Ok((CpuStorage::F32(y), (n, o).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (n, i) = x.dims2()?;
        let (k, _, o) = w.dims3()?;
        let (mut dx, mut dw, mut db) = (vec![0.0; n * i], vec![0.0; k * i * o], vec![0.0; k * o]);
        let grad = grad.contiguous()?;
        with_f32(x, |x| {
            with_f32(w, |w| {
                with_f32(&grad, |grad| {
                    for (g, rows) in self.rows.iter().enumerate() {
                        let (xs, gs) = (gather(x, rows, i), gather(grad, rows, o));
                        let m = rows.len();
                        let (xm, gm) = (Matrix::new(&xs, m, i), Matrix::new(&gs, m, o));
                        let w = Matrix::new(&w[g * i * o..(g + 1) * i * o], i, o);
                        add_product(&mut dw[g * i * o..(g + 1) * i * o], xm.transposed(), gm);
                        for column in 0..o {
                            let sum: f64 = gs.chunks_exact(o).map(|g| f64::from(g[column])).sum();
                            db[g * o + column] = sum as f32;
                        }
                        let dxs = product(gm, w.transposed());
                        for (&r, dxs) in rows.iter().zip(dxs.chunks_exact(i)) {
                            dx[r * i..(r + 1) * i].copy_from_slice(dxs);
                        }
                    }
                    Ok(())
                })
            })
        })?;
        let device = x.device();
        Ok((
            Some(Tensor::from_vec(dx, (n, i), device)?),
            Some(Tensor::from_vec(dw, (k, i, o), device)?),
            Some(Tensor::from_vec(db, b.shape(), device)?),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::affine;
    use crate::ops::testing::{close, fixed, gradient_check};
    use vbc_kernels::Leaky;

    const GROUPS: [u8; 5] = [2, 0, 2, 2, 1];

    #[test]
    fn each_row_uses_its_layer() -> Result<()> {
        let (x, w, b) = (fixed(&[5, 4], 1)?, fixed(&[3, 4, 2], 2)?, fixed(&[3, 2], 3)?);
        let y = grouped_affine(&x, &w, &b, &GROUPS)?;
        for (r, &g) in GROUPS.iter().enumerate() {
            let g = usize::from(g);
            let one = affine(&x.narrow(0, r, 1)?, &w.get(g)?, &b.get(g)?, Leaky::NONE)?;
            close(&y.narrow(0, r, 1)?, &one, 1e-6)?;
        }
        Ok(())
    }

    #[test]
    fn gradient_agrees_with_differences() -> Result<()> {
        let scale = fixed(&[5, 2], 9)?;
        let inputs = [fixed(&[5, 4], 1)?, fixed(&[3, 4, 2], 2)?, fixed(&[3, 2], 3)?];
        gradient_check(&inputs, 1e-3, |v| {
            (grouped_affine(&v[0], &v[1], &v[2], &GROUPS)? * &scale)?.sum_all()
        })
    }
}
