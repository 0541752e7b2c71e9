//! A dense layer with its activation.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use vbc_kernels::{Leaky, bias_leaky, leaky_gradients};

use super::matrix::{Matrix, add_product, product};
use super::{fast, with_f32, with_layout};
use crate::optim::Gradients;

/// `act(x·w + b)` for `x` (n, i), `w` (i, o) and `b` (o): a tensor (n, o). All f32.
///
/// The gradient is 0 wherever the activation clamps, the bounds themselves included. It is not
/// computed on the CPU for an argument that no variable leads to, such as a batch of data; elsewhere
/// the product is candle's own.
///
/// # Errors
/// Where the shapes do not fit, or a tensor is not contiguous f32.
pub fn affine(x: &Tensor, w: &Tensor, b: &Tensor, act: Leaky) -> Result<Tensor> {
    if fast(x) {
        return x.apply_op3(w, b, Affine { act, weights: None });
    }
    bias_leaky(&x.matmul(w)?, b, act)
}

/// [`affine`] that leaves the gradient of `w` in `gradients` where it computes it itself.
///
/// # Errors
/// As [`affine`].
pub fn affine_into(
    x: &Tensor,
    w: &Tensor,
    b: &Tensor,
    act: Leaky,
    gradients: &Gradients,
) -> Result<Tensor> {
    if fast(x) {
        return x.apply_op3(w, b, Affine { act, weights: Some(gradients.clone()) });
    }
    affine(x, w, b, act)
}

/// [`affine`] for an `x` to be taken as constant, even if a variable leads to it.
///
/// # Errors
/// As [`affine`].
pub fn affine_leaf(x: &Tensor, w: &Tensor, b: &Tensor, act: Leaky) -> Result<Tensor> {
    affine(&x.detach(), w, b, act)
}

struct Affine {
    act: Leaky,
    /// Where the gradient of the weights goes; `None`: to candle.
    weights: Option<Gradients>,
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
        add_product(&mut y, Matrix::new(x, n, i), Matrix::new(w, i, o));
        self.act.apply_to(&mut y);
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
        let (g, db) = leaky_gradients(y, grad, self.act)?;
        let device = x.device();
        let dx = if x.track_op() {
            let dx = with_f32(w, |w| {
                with_f32(&g, |g| {
                    Ok(product(Matrix::new(g, n, o), Matrix::new(w, i, o).transposed()))
                })
            })?;
            Some(Tensor::from_vec(dx, (n, i), device)?)
        } else {
            None
        };
        let dw = if w.track_op() {
            let dw = with_f32(x, |x| {
                with_f32(&g, |g| {
                    Ok(product(Matrix::new(x, n, i).transposed(), Matrix::new(g, n, o)))
                })
            })?;
            let dw = Tensor::from_vec(dw, (i, o), device)?;
            match &self.weights {
                Some(gradients) => gradients.add(w, dw).map(|()| None)?,
                None => Some(dw),
            }
        } else {
            None
        };
        Ok((dx, dw, b.track_op().then_some(db)))
    }
}

#[cfg(test)]
#[path = "affine_tests.rs"]
mod tests;
