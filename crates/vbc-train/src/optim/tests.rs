use super::*;
use crate::ops::affine_into;
use crate::ops::testing::{close, fixed};
use candle_core::{DType, Device, Result, Tensor};
use vbc_kernels::Leaky;

fn loss(x: &Tensor, target: &Tensor) -> Result<Tensor> {
    (x - target)?.sqr()?.sum_all()
}

#[test]
fn follows_the_textbook() -> Result<()> {
    let mut params = Params::new();
    let x = params.add("x", &fixed(&[4, 3], 1)?)?;
    let target = fixed(&[4, 3], 2)?;
    let adam = Adam::new(AdamConfig { ema_decay: 0.5, ..AdamConfig::default() });
    let values = |t: &Tensor| t.flatten_all().and_then(|t| t.to_vec1::<f32>());
    let mut theta: Vec<f64> = values(&x)?.into_iter().map(f64::from).collect();
    let target_values = values(&target)?;
    let mut ema = theta.clone();
    let (mut m, mut v) = (vec![0.0; 12], vec![0.0; 12]);
    for t in 1..=30 {
        let grads = loss(&x, &target)?.backward()?;
        adam.step(&mut params, &grads, 0.05)?;
        for i in 0..12 {
            let g = 2.0 * (theta[i] - f64::from(target_values[i]));
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.99 * v[i] + 0.01 * g * g;
            let (m, v) = (m[i] / (1.0 - 0.9f64.powi(t)), v[i] / (1.0 - 0.99f64.powi(t)));
            theta[i] -= 0.05 * m / (v.sqrt() + 1e-8);
            let decay = 0.5f64.min(f64::from(t) / (f64::from(t) + 20.0));
            ema[i] = decay * ema[i] + (1.0 - decay) * theta[i];
        }
    }
    let right = |v: Vec<f64>| Tensor::new(v, &Device::Cpu)?.reshape((4, 3))?.to_dtype(DType::F32);
    close(&x, &right(theta)?, 1e-4)?;
    close(&params.ema_params()?[0].1, &right(ema)?, 1e-4)?;
    assert_eq!(params.step(), 30);
    Ok(())
}

#[test]
fn clip_scales_all_gradients_together() -> Result<()> {
    // With eps far above the moments Adam's first move is proportional to the gradient.
    let moved = |clip| -> Result<(f64, f32)> {
        let mut params = Params::new();
        let x = params.add("x", &Tensor::zeros(1, DType::F32, &Device::Cpu)?)?;
        let y = params.add("y", &Tensor::zeros(1, DType::F32, &Device::Cpu)?)?;
        let loss = ((x.sum_all()? * 3.0)? + (y.sum_all()? * 4.0)?)?;
        let adam = Adam::new(AdamConfig { eps: 1e6, clip, ..AdamConfig::default() });
        let norm = adam.step(&mut params, &loss.backward()?, 1e6)?;
        Ok((norm, x.to_vec1::<f32>()?[0]))
    };
    let (norm, free) = moved(None)?;
    let (same_norm, clipped) = moved(Some(0.5))?;
    assert!((norm - 5.0).abs() < 1e-6 && norm == same_norm);
    assert!((free + 3.0).abs() < 1e-3 && (clipped + 0.3).abs() < 1e-3, "{free} {clipped}");
    Ok(())
}

#[test]
fn frozen_masked_bounded_and_slowed_parameters() -> Result<()> {
    let mut params = Params::new();
    let start = Tensor::new(&[1f32, 1.0], &Device::Cpu)?;
    let names = ["flow.w", "net.w", "net.masked", "net.bounded"];
    let vars = names.iter().map(|n| params.add(n, &start)).collect::<Result<Vec<_>>>()?;
    assert_eq!(params.set_frozen("flow.", true), 1);
    assert_eq!(params.set_rate("net.w", 0.5), 1);
    assert_eq!(params.set_bound("net.bounded", 0.95), 1);
    params.set_mask("net.masked", &Tensor::new(&[0f32, 1.0], &Device::Cpu)?)?;
    let mut loss = Tensor::zeros((), DType::F32, &Device::Cpu)?;
    for v in &vars {
        loss = (loss + v.sum_all()?)?;
    }
    let norm = Adam::new(AdamConfig::default()).step(&mut params, &loss.backward()?, 0.01)?;
    assert!((norm - 5f64.sqrt()).abs() < 1e-6, "{norm}");
    for (v, right) in vars.iter().zip([[1.0, 1.0], [0.995, 0.995], [0.0, 0.99], [0.95, 0.95]]) {
        close(v, &Tensor::new(&right.map(|r: f64| r as f32), &Device::Cpu)?, 1e-6)?;
    }
    assert_eq!(params.ema_params()?[2].1.to_vec1::<f32>()?[0], 0.0);
    Ok(())
}

#[test]
fn a_gradient_that_is_not_finite_moves_nothing() -> Result<()> {
    let mut params = Params::new();
    let x = params.add("x", &Tensor::ones(3, DType::F32, &Device::Cpu)?)?;
    let loss = (x.sum_all()? * f64::NAN)?;
    let step = Adam::new(AdamConfig::default()).step(&mut params, &loss.backward()?, 0.1);
    assert!(step.is_err() && params.step() == 0);
    assert_eq!(x.to_vec1::<f32>()?, [1.0; 3]);
    Ok(())
}

#[test]
fn copies_by_name() -> Result<()> {
    let (mut from, mut to) = (Params::new(), Params::new());
    from.add("only there", &fixed(&[2], 1)?)?;
    let theirs = from.add("both", &fixed(&[3], 2)?)?;
    let (a, b) = (to.add("both", &fixed(&[3], 3)?)?, to.add("only here", &fixed(&[2], 4)?)?);
    assert_eq!(to.copy_from(&from)?, 1);
    close(&a, &theirs, 0.0)?;
    close(&to.ema_params()?[0].1, &theirs, 0.0)?;
    close(&b, &fixed(&[2], 4)?, 0.0)?;
    // A mask goes along: the next step does not bring back one's own.
    from.set_mask("both", &Tensor::new(&[1f32, 0.0, 1.0], &Device::Cpu)?)?;
    to.set_mask("both", &Tensor::new(&[0f32, 1.0, 1.0], &Device::Cpu)?)?;
    to.copy_from(&from)?;
    let adam = Adam::new(AdamConfig::default());
    adam.step(&mut to, &a.sqr()?.sum_all()?.backward()?, 1e-6)?;
    close(&a, &theirs, 1e-5)?;
    // A copy, not the same storage.
    theirs.set(&fixed(&[3], 5)?)?;
    close(&a, &(fixed(&[3], 2)? * Tensor::new(&[1f32, 0.0, 1.0], &Device::Cpu)?)?, 1e-5)?;
    from.add("only here", &fixed(&[5], 1)?)?;
    assert!(to.copy_from(&from).is_err());
    Ok(())
}

#[test]
fn swapping_exchanges_and_blocks_steps() -> Result<()> {
    let mut params = Params::new();
    let x = params.add("x", &Tensor::ones(3, DType::F32, &Device::Cpu)?)?;
    let adam = Adam::new(AdamConfig::default());
    for _ in 0..3 {
        adam.step(&mut params, &x.sum_all()?.backward()?, 0.1)?;
    }
    let (value, ema) = (x.to_vec1::<f32>()?, params.ema_params()?[0].1.to_vec1::<f32>()?);
    params.swap_ema()?;
    assert!(value != ema && x.to_vec1::<f32>()? == ema);
    assert!(adam.step(&mut params, &x.sum_all()?.backward()?, 0.1).is_err());
    params.swap_ema()?;
    assert_eq!(x.to_vec1::<f32>()?, value);
    assert_eq!(params.adopt_ema("")?, 1);
    assert_eq!(x.to_vec1::<f32>()?, ema);
    assert!(params.add("x", &x).is_err());
    Ok(())
}

#[test]
fn gradients_left_by_operations_are_added_to_those_of_candle() -> Result<()> {
    let mut params = Params::new();
    let (w, b) = (params.add("w", &fixed(&[3, 3], 1)?)?, params.add("b", &fixed(&[3], 2)?)?);
    let x = fixed(&[5, 3], 3)?;
    // The weights twice through the operation, and once without it.
    let ours = |x: &Tensor| affine_into(x, &w, &b, Leaky::NONE, params.gradients());
    let loss = (ours(&ours(&x)?)?.sqr()?.sum_all()? + w.sqr()?.sum_all()?)?;
    let grads = loss.backward()?;
    let stock = |x: &Tensor| x.matmul(&w)?.broadcast_add(&b);
    let loss = (stock(&stock(&x)?)?.sqr()?.sum_all()? + w.sqr()?.sum_all()?)?;
    let right = loss.backward()?;
    for v in [&w, &b] {
        let found = params.gradients().of(v, &grads)?.unwrap();
        close(&found, right.get(v).unwrap(), 1e-5)?;
    }
    Adam::new(AdamConfig::default()).step(&mut params, &grads, 0.1)?;
    // A step takes them: only what candle has is left.
    close(&params.gradients().of(&w, &grads)?.unwrap(), grads.get(&w).unwrap(), 0.0)
}
