use super::*;
use crate::ops::softmax_nll16;
use crate::ops::testing::{agree, close, fixed, gradient_check};
use candle_core::Device;

fn batch(gates: usize) -> Result<HeadBatch> {
    let features = fixed(&[3 * gates * SYMBOLS], 4)?.to_vec1()?;
    Ok(HeadBatch { gates, features, copies: vec![3, NO_COPY, 3, 15, 0, 7], targets: vec![3, 0, 9] })
}

#[test]
fn without_gates_and_copies_it_is_the_softmax() -> Result<()> {
    let batch = HeadBatch { targets: vec![3, 0, 9], ..HeadBatch::default() };
    let out = fixed(&[3, SYMBOLS], 1)?;
    let ones = Tensor::ones(3, candle_core::DType::F32, &Device::Cpu)?;
    let natural = (&out * f64::from(LN_2))?;
    close(&head_nll(&out, &batch)?, &softmax_nll16(&natural, &batch.targets, &ones)?, 1e-5)
}

#[test]
fn on_any_device_it_is_the_same() -> Result<()> {
    let none = HeadBatch { targets: vec![3, 0, 9], ..HeadBatch::default() };
    for (batch, weights) in [(batch(5)?, 7), (batch(0)?, 2), (none, 0)] {
        for scale in [1.0, 100.0] {
            let out = (fixed(&[3, SYMBOLS + weights], 1)? * scale)?;
            agree(&[out], 1e-5, |v| head_nll(&v[0], &batch), |v| composed(&v[0], &batch))?;
        }
    }
    Ok(())
}

#[test]
fn a_copy_of_nothing_counts_nothing() -> Result<()> {
    let batch = HeadBatch { copies: vec![NO_COPY; 6], ..batch(0)? };
    let out = candle_core::Var::from_tensor(&fixed(&[3, SYMBOLS + 2], 1)?)?;
    for bits in [head_nll(&out, &batch)?, composed(&out, &batch)?] {
        let grads = bits.backward()?;
        let copies = grads.get(&out).unwrap().narrow(1, SYMBOLS, 2)?;
        assert_eq!(copies.to_vec2::<f32>()?, [[0.0; 2]; 3]);
    }
    Ok(())
}

#[test]
fn gradient_agrees_with_differences() -> Result<()> {
    let batch = batch(5)?;
    gradient_check(&[fixed(&[3, SYMBOLS + 5 + 2], 1)?], 1e-3, |v| head_nll(&v[0], &batch))
}
