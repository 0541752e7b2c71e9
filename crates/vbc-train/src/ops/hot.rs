//! What inputs that are 0 or 1 add to a layer: sums of its weights' rows.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

use super::{fast, with_f32, with_layout};

/// Which rows of a table each of n rows takes: as many places a row, one behind the other. A place
/// beyond the table is for nothing.
#[derive(Clone, Debug, Default)]
pub struct HotRows {
    /// `[row][place]`.
    pub places: Vec<u32>,
    /// Places of a row.
    pub each: usize,
}

impl HotRows {
    /// Appends rows of as many places each; no rows have any number of places.
    pub fn append(&mut self, more: HotRows) {
        if !more.places.is_empty() {
            self.each = more.each;
        }
        self.places.extend(more.places);
    }
}

/// `base` (n, k) f32 and, for each row, the rows of `table` (m, k) that `hot` names for it.
///
/// # Errors
/// Where `hot` is not of n rows, or the tensors are not contiguous f32 matrices that fit.
pub fn add_hot(base: &Tensor, table: &Tensor, hot: &HotRows) -> Result<Tensor> {
    let n = base.dim(0)?;
    if hot.places.len() != n * hot.each {
        bail!("add-hot: {} places for {n} rows of {}", hot.places.len(), hot.each);
    }
    if fast(base) {
        return base.apply_op2(table, AddHot { hot: hot.clone() });
    }
    composed(base, table, hot)
}

/// [`add_hot`] on any device: how often each row takes each place, as a matrix (n, m), times the table.
/// That is many times the arithmetic, and far less memory moved by a GPU than rows picked for each place.
fn composed(base: &Tensor, table: &Tensor, hot: &HotRows) -> Result<Tensor> {
    let (n, m) = (base.dim(0)?, table.dim(0)?);
    let places: Vec<u32> = hot.places.iter().map(|&p| p.min(m as u32)).collect();
    let places = Tensor::from_vec(places, (n, hot.each), base.device())?;
    let ones = Tensor::ones((n, hot.each), base.dtype(), base.device())?;
    // What is for nothing has a column of its own, behind the others.
    let counts = Tensor::zeros((n, m + 1), base.dtype(), base.device())?;
    let counts = counts.scatter_add(&places, &ones, 1)?.narrow(1, 0, m)?.contiguous()?;
    base + counts.matmul(table)?
}

struct AddHot {
    hot: HotRows,
}

impl AddHot {
    /// The places of each row that are in a table of `m` rows.
    fn rows(&self, m: usize) -> impl Iterator<Item = impl Iterator<Item = usize>> {
        let rows = self.hot.places.chunks_exact(self.hot.each.max(1));
        rows.map(move |row| row.iter().map(|&place| place as usize).filter(move |&p| p < m))
    }
}

impl CustomOp2 for AddHot {
    fn name(&self) -> &'static str {
        "add-hot"
    }

    fn cpu_fwd(
        &self,
        base: &CpuStorage,
        base_layout: &Layout,
        table: &CpuStorage,
        table_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, k) = base_layout.shape().dims2()?;
        let (m, columns) = table_layout.shape().dims2()?;
        if columns != k {
            bail!("add-hot: a table of {columns} columns for {k}");
        }
        let (base, table) = (with_layout(base, base_layout)?, with_layout(table, table_layout)?);
        let mut out = base.to_vec();
        for (out, places) in out.chunks_exact_mut(k.max(1)).zip(self.rows(m)) {
            for place in places {
                let row = &table[place * k..(place + 1) * k];
                out.iter_mut().zip(row).for_each(|(o, &w)| *o += w);
            }
        }
        Ok((CpuStorage::F32(out), base_layout.shape().clone()))
    }

    fn bwd(
        &self,
        _: &Tensor,
        table: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (m, k) = table.dims2()?;
        let grad = grad.contiguous()?;
        // In f64: a row that thousands of pixels share gets thousands of summands.
        let mut sums = vec![0.0f64; m * k];
        with_f32(&grad, |grad| {
            for (grad, places) in grad.chunks_exact(k.max(1)).zip(self.rows(m)) {
                for place in places {
                    let to = &mut sums[place * k..(place + 1) * k];
                    to.iter_mut().zip(grad).for_each(|(s, &g)| *s += f64::from(g));
                }
            }
            Ok(())
        })?;
        let sums: Vec<f32> = sums.into_iter().map(|s| s as f32).collect();
        let sums = Tensor::from_vec(sums, (m, k), table.device())?;
        Ok((Some(grad), Some(sums)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{agree, as_on_a_gpu, fixed, gradient_check};

    fn hot() -> HotRows {
        HotRows { places: vec![0, 2, 5, 2, 2, 1, 4, 9, 5, 0, 1, 3], each: 3 }
    }

    #[test]
    fn rows_add_up() -> Result<()> {
        let (base, table) = (fixed(&[4, 3], 1)?, fixed(&[5, 3], 2)?);
        let sums = add_hot(&base, &table, &hot())?.to_vec2::<f32>()?;
        let (base, table) = (base.to_vec2::<f32>()?, table.to_vec2::<f32>()?);
        for (r, places) in [&[0, 2][..], &[2, 2, 1], &[4], &[0, 1, 3]].iter().enumerate() {
            for k in 0..3 {
                let sum = places.iter().fold(base[r][k], |sum, &p| sum + table[p as usize][k]);
                assert!((sums[r][k] - sum).abs() < 1e-6, "{r} {k}");
            }
        }
        assert!(add_hot(&fixed(&[3, 3], 1)?, &fixed(&[5, 3], 2)?, &hot()).is_err());
        Ok(())
    }

    #[test]
    fn gradient_agrees_with_differences() -> Result<()> {
        let scale = fixed(&[4, 3], 3)?;
        gradient_check(&[fixed(&[4, 3], 1)?, fixed(&[5, 3], 2)?], 1e-3, |v| {
            (add_hot(&v[0], &v[1], &hot())? * &scale)?.sum_all()
        })
    }

    #[test]
    fn on_any_device_it_is_the_same() -> Result<()> {
        let on = |v: &[Tensor]| add_hot(&v[0], &v[1], &hot());
        let composed = |v: &[Tensor]| as_on_a_gpu(|| on(v));
        agree(&[fixed(&[4, 3], 1)?, fixed(&[5, 3], 2)?], 1e-6, on, composed)
    }
}
