//! A dense layer with its activation.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::matrix::{Matrix, product};
use super::{with_f32, with_layout};

/// What [`affine`] does to each element of x·w + b.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    /// Nothing.
    None,
    /// Clamps to `0..=max`.
    Relu {
        /// The largest value let through, above 0; infinity for no upper bound.
        max: f32,
    },
    /// Multiplies negative values by `slope`, then clamps to `-max..=max`.
    Leaky {
        /// The factor of negative values, above 0.
        slope: f32,
        /// The largest magnitude let through, above 0; infinity for no bound.
        max: f32,
    },
}

/// `act(x·w + b)` for `x` (n, i), `w` (i, o) and `b` (o): a tensor (n, o). All f32.
///
/// The gradient is 0 wherever the activation clamps, the bounds themselves included. It is not
/// computed for an argument that no variable leads to, such as a batch of data.
///
/// # Errors
/// Where the shapes do not fit, or a tensor is not contiguous f32 on the CPU.
pub fn affine(x: &Tensor, w: &Tensor, b: &Tensor, act: Act) -> Result<Tensor> {
    x.apply_op3(w, b, Affine { act })
}

/// [`affine`] for an `x` to be taken as constant, even if a variable leads to it.
///
/// # Errors
/// As [`affine`].
pub fn affine_leaf(x: &Tensor, w: &Tensor, b: &Tensor, act: Act) -> Result<Tensor> {
    affine(&x.detach(), w, b, act)
}

struct Affine {
    act: Act,
}

impl CustomOp3 for Affine {
    fn name(&self) -> &'static str {
        "affine"
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
        let (w_rows, o) = w_layout.shape().dims2()?;
        if w_rows != i || b_layout.shape().dims1()? != o {
            let (x, w, b) = (x_layout.shape(), w_layout.shape(), b_layout.shape());
            bail!("affine: shapes do not fit: x {x:?}, w {w:?}, b {b:?}");
        }
        let x = with_layout(x, x_layout)?;
        let w = with_layout(w, w_layout)?;
        let b = with_layout(b, b_layout)?;
        // The bias goes in first, so that the product need not be passed over again for it.
        let mut y = Vec::with_capacity(n * o);
        for _ in 0..n {
            y.extend_from_slice(b);
        }
        product(&mut y, Matrix::new(x, n, i), Matrix::new(w, i, o), true);
        self.act.apply(&mut y);
        Ok((CpuStorage::F32(y), (n, o).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (n, i) = x.dims2()?;
        let o = y.dim(1)?;
        let grad = grad.contiguous()?;
        let (g, db) = with_f32(y, |y| with_f32(&grad, |g| Ok(self.act.backward(y, g, o))))?;
        let device = x.device();
        let g = Matrix::new(&g, n, o);
        let dx = if x.track_op() {
            let mut dx = vec![0.0; n * i];
            with_f32(w, |w| {
                product(&mut dx, g, Matrix::new(w, i, o).transposed(), false);
                Ok(())
            })?;
            Some(Tensor::from_vec(dx, (n, i), device)?)
        } else {
            None
        };
        let dw = if w.track_op() {
            let mut dw = vec![0.0; i * o];
            with_f32(x, |x| {
                product(&mut dw, Matrix::new(x, n, i).transposed(), g, false);
                Ok(())
            })?;
            Some(Tensor::from_vec(dw, (i, o), device)?)
        } else {
            None
        };
        let db = if b.track_op() { Some(Tensor::from_vec(db, o, device)?) } else { None };
        Ok((dx, dw, db))
    }
}

impl Act {
    pub(super) fn apply(self, values: &mut [f32]) {
        match self {
            Self::None => {}
            Self::Relu { max } => values.iter_mut().for_each(|v| *v = clamp(*v, 0.0, max)),
            Self::Leaky { slope, max } => values.iter_mut().for_each(|v| {
                let leaky = if *v > 0.0 { *v } else { slope * *v };
                *v = clamp(leaky, -max, max);
            }),
        }
    }

    /// The gradient before the activation (n, o), and its column sums (o), from the output `y`
    /// and the output's gradient.
    pub(super) fn backward(self, y: &[f32], grad: &[f32], o: usize) -> (Vec<f32>, Vec<f32>) {
        match self {
            Self::None => masked(y, grad, o, |_| 1.0),
            Self::Relu { max } => {
                masked(y, grad, o, |y| if y > 0.0 && y < max { 1.0 } else { 0.0 })
            }
            Self::Leaky { slope, max } => masked(y, grad, o, |y| {
                let inside = if y.abs() < max { 1.0 } else { 0.0 };
                if y > 0.0 { inside } else { slope * inside }
            }),
        }
    }
}

/// NaN stays NaN, which `f32::max` and `min` would hide, and there is no panic to branch to, as
/// `f32::clamp` has.
fn clamp(value: f32, low: f32, high: f32) -> f32 {
    let value = if value < low { low } else { value };
    if value > high { high } else { value }
}

/// `grad` times `factor(y)`, and the result's column sums.
fn masked(y: &[f32], grad: &[f32], o: usize, factor: impl Fn(f32) -> f32) -> (Vec<f32>, Vec<f32>) {
    /// Rows added up in f32 before they go to the f64 sums. A plain f32 sum over a batch of some
    /// ten thousand rows loses several digits.
    const BLOCK: usize = 64;
    let masked: Vec<f32> = y.iter().zip(grad).map(|(&y, &g)| factor(y) * g).collect();
    let mut sums = vec![0.0f64; o];
    let mut part = vec![0.0f32; o];
    for rows in masked.chunks(BLOCK * o.max(1)) {
        part.fill(0.0);
        for row in rows.chunks_exact(o) {
            part.iter_mut().zip(row).for_each(|(p, v)| *p += v);
        }
        sums.iter_mut().zip(&part).for_each(|(s, &p)| *s += f64::from(p));
    }
    (masked, sums.into_iter().map(|s| s as f32).collect())
}

#[cfg(test)]
#[path = "affine_tests.rs"]
mod tests;
