//! The code length of symbols of 16 values, from logits.

use std::f32::consts::{LN_2, LOG2_E};

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use super::{with_f32, with_layout};

/// Values that a symbol can take.
const SYMBOLS: usize = 16;

/// The weighted code length in bits, a scalar: the sum over rows of
/// `weight · (−log2 softmax(logits)[target])`.
///
/// `logits` is (n, 16) f32, `target` holds n symbols below 16, `weight` is (n) f32 and constant.
/// The sum is kept in f64 and rounded once. The gradient for the logits is made on the way
/// forward; the weights get none.
///
/// # Errors
/// Where the shapes do not fit, a target is above 15, or a tensor is not contiguous f32 on the
/// CPU.
pub fn softmax_nll16(logits: &Tensor, target: &[u8], weight: &Tensor) -> Result<Tensor> {
    let weight = with_f32(weight, |w| Ok(w.to_vec()))?;
    if weight.len() != target.len() {
        bail!("softmax-nll16: {} weights for {} targets", weight.len(), target.len());
    }
    let (bits, grad) = with_f32(logits, |x| {
        check(logits.shape(), target)?;
        let mut total = 0.0f64;
        let mut grad = vec![0.0f32; x.len()];
        let (x, _) = x.as_chunks::<SYMBOLS>();
        let (g, _) = grad.as_chunks_mut::<SYMBOLS>();
        for (((x, g), &t), &w) in x.iter().zip(g).zip(target).zip(&weight) {
            let (bits, mut p) = row(x, t);
            total += f64::from(w) * f64::from(bits);
            p[usize::from(t)] -= 1.0;
            let scale = w * LOG2_E;
            for (g, p) in g.iter_mut().zip(p) {
                *g = scale * p;
            }
        }
        Ok((total, grad))
    })?;
    logits.apply_op1(Nll16 { bits: bits as f32, grad })
}

/// The code length of each row's target in bits: n values. Arguments as for [`softmax_nll16`];
/// no gradient.
///
/// # Errors
/// As [`softmax_nll16`].
pub fn nll16_rows(logits: &Tensor, target: &[u8]) -> Result<Vec<f32>> {
    with_f32(logits, |x| {
        check(logits.shape(), target)?;
        Ok(x.as_chunks::<SYMBOLS>().0.iter().zip(target).map(|(x, &t)| row(x, t).0).collect())
    })
}

fn check(shape: &Shape, target: &[u8]) -> Result<()> {
    if shape.dims() != [target.len(), SYMBOLS] {
        bail!("softmax-nll16: logits {shape:?} for {} targets", target.len());
    }
    match target.iter().find(|&&t| usize::from(t) >= SYMBOLS) {
        Some(t) => bail!("softmax-nll16: target {t} is above 15"),
        None => Ok(()),
    }
}

/// The bits of symbol `t`, and all probabilities.
pub(crate) fn row(x: &[f32; SYMBOLS], t: u8) -> (f32, [f32; SYMBOLS]) {
    let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut p = x.map(|v| exp2_negative((v - max) * LOG2_E));
    let sum: f32 = p.iter().sum();
    let scale = 1.0 / sum;
    for p in &mut p {
        *p *= scale;
    }
    // ln in place of log2, which the standard library computes more slowly on some targets.
    let bits = sum.ln() / LN_2 - (x[usize::from(t)] - max) * LOG2_E;
    (bits, p)
}

/// 2^x for x <= 0, to about 1e-7 relative, flushed to about 2^-126 below; NaN stays NaN. Free of
/// branches and calls, so that the compiler makes it a vector loop over a row's symbols.
fn exp2_negative(x: f32) -> f32 {
    /// Adding this to a small number rounds it to an integer, found in the lowest mantissa bits.
    const ROUND: f32 = 12_582_912.0;
    let x = if x < -126.0 { -126.0 } else { x };
    let shifted = x + ROUND;
    let whole = shifted - ROUND;
    // ln(2)·fraction is within ±0.347, where this Taylor polynomial is good to 3e-8.
    let f = (x - whole) * LN_2;
    let p = 1.0 / 5040.0;
    let p = p * f + 1.0 / 720.0;
    let p = p * f + 1.0 / 120.0;
    let p = p * f + 1.0 / 24.0;
    let p = p * f + 1.0 / 6.0;
    let p = p * f + 0.5;
    let p = p * f + 1.0;
    let p = p * f + 1.0;
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127);
    p * f32::from_bits(exponent << 23)
}

/// Hands on what [`softmax_nll16`] computed, in the form candle's autograd wants.
struct Nll16 {
    bits: f32,
    /// d bits / d logits, (n, 16).
    grad: Vec<f32>,
}

impl CustomOp1 for Nll16 {
    fn name(&self) -> &'static str {
        "softmax-nll16"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        with_layout(logits, layout)?;
        Ok((CpuStorage::F32(vec![self.bits]), Shape::from(())))
    }

    fn bwd(&self, logits: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let scale = grad.to_scalar::<f32>()?;
        let grad: Vec<f32> = self.grad.iter().map(|g| g * scale).collect();
        Ok(Some(Tensor::from_vec(grad, logits.shape(), logits.device())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{close, fixed, gradient_check};
    use candle_core::{DType, Device, Var};

    const TARGET: [u8; 5] = [3, 0, 15, 7, 7];

    fn stock(logits: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let shifted = logits.broadcast_sub(&logits.max_keepdim(1)?)?;
        let log_sum = shifted.exp()?.sum_keepdim(1)?.log()?;
        let target = Tensor::new(&TARGET.map(u32::from), &Device::Cpu)?.unsqueeze(1)?;
        let nats = shifted.broadcast_sub(&log_sum)?.gather(&target, 1)?.squeeze(1)?.neg()?;
        (nats * weight)?.sum_all()? / std::f64::consts::LN_2
    }

    #[test]
    fn equals_stock_both_ways() -> Result<()> {
        let logits = Var::from_tensor(&(fixed(&[5, 16], 1)? * 4.0)?)?;
        let weight = fixed(&[5], 2)?.abs()?;
        let ours = softmax_nll16(&logits, &TARGET, &weight)?;
        let theirs = stock(&logits, &weight)?;
        close(&ours, &theirs, 1e-6)?;
        // A factor behind the loss must reach the gradient.
        let ours = (ours * 0.25)?.backward()?;
        let theirs = (theirs * 0.25)?.backward()?;
        close(ours.get(&logits).unwrap(), theirs.get(&logits).unwrap(), 1e-6)?;
        let rows = Tensor::new(nll16_rows(&logits, &TARGET)?, &Device::Cpu)?;
        close(&(rows * &weight)?.sum_all()?, &softmax_nll16(&logits, &TARGET, &weight)?, 1e-6)
    }

    #[test]
    fn gradient_agrees_with_differences() -> Result<()> {
        let weight = fixed(&[5], 2)?.abs()?;
        gradient_check(&[fixed(&[5, 16], 1)?], 2e-3, |v| softmax_nll16(&v[0], &TARGET, &weight))
    }

    #[test]
    fn exp2_is_close_and_bounded() {
        for i in 0..=12_600 {
            let x = -i as f32 / 100.0;
            let right = f64::from(x).exp2();
            assert!((f64::from(exp2_negative(x)) / right - 1.0).abs() < 4e-7, "{x}");
        }
        assert!(exp2_negative(f32::NEG_INFINITY) < 1e-37);
        assert!(exp2_negative(f32::NAN).is_nan());
    }

    #[test]
    fn far_logits_stay_finite_and_bad_targets_are_errors() -> Result<()> {
        let far = Tensor::new(&[[300f32; 16]; 1], &Device::Cpu)?;
        let one = Tensor::ones(1, DType::F32, &Device::Cpu)?;
        close(&softmax_nll16(&far, &[2], &one)?, &Tensor::new(4f32, &Device::Cpu)?, 1e-6)?;
        assert!(softmax_nll16(&far, &[16], &one).is_err());
        assert!(softmax_nll16(&far, &[1, 2], &one).is_err());
        Ok(())
    }
}
