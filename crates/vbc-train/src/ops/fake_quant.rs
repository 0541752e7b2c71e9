//! Weights as the integer model will have them, with the gradient of the weights they stand for.

use candle_core::{CpuStorage, CustomOp1, D, Layout, Result, Shape, Tensor};

use super::{fast, with_gradient_of, with_layout};

/// Most fractional bits that a weight is given.
pub const MAX_FRAC: i32 = 13;

/// Fractional bits for weights of which the largest magnitude is `max`: as many as leave it within
/// an i8 after rounding.
pub fn weight_frac(max: f32) -> i32 {
    let mut frac = MAX_FRAC;
    while frac > -16 && max * 2f32.powi(frac) >= 127.5 {
        frac -= 1;
    }
    frac
}

/// Rounds each column's weights to i8 with a power-of-two scale of the column's own: `w` is (…, i,
/// o) f32, a column is one output of the last two dimensions. The gradient passes unchanged.
///
/// # Errors
/// Where `w` is not contiguous f32 of rank 2 or 3.
pub fn fake_quant(w: &Tensor) -> Result<Tensor> {
    if fast(w) { w.apply_op1(FakeQuant) } else { composed(w) }
}

/// [`fake_quant`] on any device. The few scales are made on the host, by the same function as the
/// exported ones.
fn composed(w: &Tensor) -> Result<Tensor> {
    let values = w.detach();
    let max = values.abs()?.max_keepdim(D::Minus2)?;
    let scale = |m: f32| 2f32.powi(weight_frac(m));
    let scales: Vec<f32> = max.flatten_all()?.to_vec1()?.into_iter().map(scale).collect();
    let scales = Tensor::from_vec(scales, max.shape(), w.device())?;
    let whole = values.broadcast_mul(&scales)?.round()?.clamp(-127f32, 127f32)?;
    with_gradient_of(&whole.broadcast_div(&scales)?, w)
}

struct FakeQuant;

impl CustomOp1 for FakeQuant {
    fn name(&self) -> &'static str {
        "fake-quant"
    }

    fn cpu_fwd(&self, w: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let dims = layout.dims();
        let (i, o) = (dims[dims.len() - 2], dims[dims.len() - 1]);
        let mut out = with_layout(w, layout)?.to_vec();
        for matrix in out.chunks_exact_mut(i * o) {
            let mut max = vec![0f32; o];
            for row in matrix.chunks_exact(o) {
                max.iter_mut().zip(row).for_each(|(m, w)| *m = m.max(w.abs()));
            }
            let scales: Vec<f32> = max.iter().map(|&m| 2f32.powi(weight_frac(m))).collect();
            for row in matrix.chunks_exact_mut(o) {
                for (w, s) in row.iter_mut().zip(&scales) {
                    *w = (*w * s).round().clamp(-127.0, 127.0) / s;
                }
            }
        }
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(grad.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{agree, fixed};
    use candle_core::Device;

    #[test]
    fn on_any_device_it_is_the_same() -> Result<()> {
        // A column of zeros, ties, what rounds to 128, a weight too large for any scale.
        let edges = Tensor::new(
            &[[0f32, 0.5, 127.49 / 64.0, 1e9, 1e-6], [0.0, -2.5 / 64.0, 1.992_188, -1.0, 3e-7]],
            &Device::Cpu,
        )?;
        for w in [edges, fixed(&[40, 7], 1)?, fixed(&[16, 6, 5], 2)?, (fixed(&[9, 3], 3)? * 1e5)?] {
            agree(&[w], 0.0, |v| fake_quant(&v[0]), |v| composed(&v[0]))?;
        }
        Ok(())
    }

    #[test]
    fn columns_are_rounded_to_their_own_scale() -> Result<()> {
        let w = Tensor::new(&[[1.0f32, 0.011], [-0.3, 0.0]], &Device::Cpu)?;
        let q = fake_quant(&w)?.to_vec2::<f32>()?;
        assert_eq!(q[0][0], 1.0);
        assert_eq!(q[1][0], -19.0 / 64.0);
        assert_eq!(q[0][1], 90.0 / 8192.0);
        assert_eq!(weight_frac(1.0), 6);
        assert_eq!(weight_frac(0.0), MAX_FRAC);
        Ok(())
    }
}
