//! The code length of symbols of 16 values, from logits.

use std::f32::consts::{LN_2, LOG2_E};

use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Result, Shape, Tensor, bail};

use super::{fast, with_f32, with_layout};

/// Values that a symbol can take.
const SYMBOLS: usize = 16;

/// The least probability that the codec gives a symbol: one of 2^16 parts, the others being shared by all
/// symbols as the softmax says (SPEC.md section 7.2).
pub(super) const LEAST: f32 = 1.0 / 65_536.0;

/// What is left for the softmax.
const SHARED: f32 = 1.0 - SYMBOLS as f32 * LEAST;

/// The weighted code length in bits, a scalar: the sum over rows of
/// `weight · (−log2 p(target))`, p being the softmax with the codec's least probability.
///
/// `logits` is (n, 16) f32, `target` holds n symbols below 16, `weight` is (n) f32 and constant.
/// The sum is kept in f64 and rounded once. The gradient for the logits is made on the way
/// forward on the CPU; the weights get none.
///
/// # Errors
/// Where the shapes do not fit, a target is above 15, or a tensor is not contiguous f32.
pub fn softmax_nll16(logits: &Tensor, target: &[u8], weight: &Tensor) -> Result<Tensor> {
    if !fast(logits) {
        return composed(logits, target, weight);
    }
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
            let (bits, d) = row(x, t);
            total += f64::from(w) * f64::from(bits);
            let scale = w * LOG2_E;
            for (g, d) in g.iter_mut().zip(d) {
                *g = scale * d;
            }
        }
        Ok((total, grad))
    })?;
    logits.apply_op1(Nll16 { bits: bits as f32, grad })
}

/// [`softmax_nll16`] on any device.
fn composed(logits: &Tensor, target: &[u8], weight: &Tensor) -> Result<Tensor> {
    check(logits.shape(), target)?;
    sum((row_bits(logits, target)? * weight.detach())?)
}

/// The code length of each row's target in bits (n), on any device; arguments as checked.
pub(super) fn row_bits(logits: &Tensor, target: &[u8]) -> Result<Tensor> {
    let targets: Vec<u32> = target.iter().map(|&t| u32::from(t)).collect();
    let targets = Tensor::from_vec(targets, (target.len(), 1), logits.device())?;
    // The largest logit cancels out, so that it needs no gradient.
    let x = logits.broadcast_sub(&logits.detach().max_keepdim(1)?)?;
    let e = x.exp()?;
    let p = e.gather(&targets, 1)?.div(&e.sum_keepdim(1)?)?;
    let p = p.affine(f64::from(SHARED), f64::from(LEAST))?;
    p.log()?.squeeze(1)? * -f64::from(LOG2_E)
}

/// All of `values`, added up in f64 and rounded once.
pub(super) fn sum(values: Tensor) -> Result<Tensor> {
    values.to_dtype(DType::F64)?.sum_all()?.to_dtype(DType::F32)
}

/// The code length of each row's target in bits: n values. Arguments as for [`softmax_nll16`];
/// no gradient.
///
/// # Errors
/// As [`softmax_nll16`].
pub fn nll16_rows(logits: &Tensor, target: &[u8]) -> Result<Vec<f32>> {
    with_f32(&logits.to_device(&Device::Cpu)?, |x| {
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

/// The bits of symbol `t`, and their derivative by the logits in nats.
pub(crate) fn row(x: &[f32; SYMBOLS], t: u8) -> (f32, [f32; SYMBOLS]) {
    let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut p = x.map(|v| exp2_negative((v - max) * LOG2_E));
    let sum: f32 = p.iter().sum();
    let scale = 1.0 / sum;
    for p in &mut p {
        *p *= scale;
    }
    let shared = SHARED * p[usize::from(t)];
    let all = shared + LEAST;
    p[usize::from(t)] -= 1.0;
    let part = shared / all;
    for p in &mut p {
        *p *= part;
    }
    // ln in place of log2, which the standard library computes more slowly on some targets.
    (-all.ln() / LN_2, p)
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
#[path = "cross_entropy_tests.rs"]
mod tests;
