//! The code length of symbols of two values, from their logits.

use std::f32::consts::LN_2;

use candle_core::{Result, Tensor, bail};

use super::cross_entropy::{LEAST, sum};

/// The code length in bits of all targets, a scalar: −log₂ of the probability of ones and zeros whose
/// logits `logits` (n, 1), f32, to the base 2, are those of a one, with the codec's least probability. The sum
/// is kept in f64.
///
/// # Errors
/// Where the shapes do not fit.
pub fn binary_nll(logits: &Tensor, targets: &[bool]) -> Result<Tensor> {
    if logits.dims() != [targets.len(), 1] {
        bail!("binary-nll: logits {:?} for {} targets", logits.dims(), targets.len());
    }
    let signs: Vec<f32> = targets.iter().map(|&t| if t { -LN_2 } else { LN_2 }).collect();
    let x = (logits * Tensor::from_vec(signs, logits.shape(), logits.device())?)?;
    // log(1 + eˣ) without an eˣ that could overflow.
    let nats = (x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
    let least = f64::from(LEAST);
    let p = nats.neg()?.exp()?.affine(1.0 - 2.0 * least, least)?;
    sum((p.log()? / -f64::from(LN_2))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{fixed, gradient_check};
    use candle_core::Device;

    #[test]
    fn it_is_the_logistic_code_length() -> Result<()> {
        let logits = Tensor::new(&[[0f32], [3.0], [3.0], [-2000.0]], &Device::Cpu)?;
        let bits = binary_nll(&logits, &[true, true, false, true])?.to_scalar::<f32>()?;
        let p = 8.0 / 9.0f32;
        // What cannot be takes 16 bits.
        assert!((bits - (1.0 - p.log2() - (1.0 - p).log2() + 16.0)).abs() < 1e-3, "{bits}");
        assert!(binary_nll(&logits, &[true]).is_err());
        Ok(())
    }

    #[test]
    fn gradient_agrees_with_differences() -> Result<()> {
        let targets = [true, false, true, true, false];
        gradient_check(&[fixed(&[5, 1], 1)?], 1e-3, |v| binary_nll(&v[0], &targets))
    }
}
