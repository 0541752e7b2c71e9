use super::*;
use crate::ops::testing::{agree, close, fixed, gradient_check};
use candle_core::{DType, Device, Var};

const TARGET: [u8; 5] = [3, 0, 15, 7, 7];

fn stock(logits: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let shifted = logits.broadcast_sub(&logits.max_keepdim(1)?)?;
    let log_sum = shifted.exp()?.sum_keepdim(1)?.log()?;
    let target = Tensor::new(&TARGET.map(u32::from), &Device::Cpu)?.unsqueeze(1)?;
    let p = shifted.broadcast_sub(&log_sum)?.gather(&target, 1)?.squeeze(1)?.exp()?;
    let nats = ((p * (65_520.0 / 65_536.0))? + 1.0 / 65_536.0)?.log()?.neg()?;
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
fn on_any_device_it_is_the_same() -> Result<()> {
    let weight = fixed(&[5], 2)?;
    for scale in [1.0, 1e-4, 100.0] {
        let logits = (fixed(&[5, 16], 1)? * scale)?;
        let ours = |v: &[Tensor]| softmax_nll16(&v[0], &TARGET, &weight);
        agree(&[logits], 1e-6, ours, |v| composed(&v[0], &TARGET, &weight))?;
    }
    Ok(())
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
    close(&composed(&far, &[2], &one)?, &Tensor::new(4f32, &Device::Cpu)?, 1e-6)?;
    for of in [softmax_nll16, composed] {
        assert!(of(&far, &[16], &one).is_err());
        assert!(of(&far, &[1, 2], &one).is_err());
        assert!(of(&far, &[1], &Tensor::ones(2, DType::F32, &Device::Cpu)?).is_err());
    }
    Ok(())
}
