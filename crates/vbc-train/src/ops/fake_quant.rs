//! Weights as the integer model will have them, with the gradient of the weights they stand for.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::with_layout;

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
/// Where `w` is not contiguous f32 of rank 2 or 3 on the CPU.
pub fn fake_quant(w: &Tensor) -> Result<Tensor> {
    w.apply_op1(FakeQuant)
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
    use candle_core::Device;

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
