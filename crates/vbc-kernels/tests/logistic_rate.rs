//! The discretised logistic against double precision and candle's own chain.

mod common;

use candle_core::{Result, Tensor, Var};
use common::{close, devices, fixed, flat, gradient_check, same_both_ways};
use vbc_kernels::{LOG_SCALE_MAX, logistic_rate, noise_through, round_through};

/// Difference of two logistic functions: right near the mean only.
fn stock(z: &Tensor, mean: &Tensor, log_scale: &Tensor) -> Result<Tensor> {
    let inverse = log_scale.neg()?.exp()?;
    let off = (z - mean)?;
    let logistic = |x: Tensor| (x.neg()?.exp()? + 1.0)?.recip();
    let above = logistic(((&off + 0.5)? * &inverse)?)?;
    let below = logistic(((&off - 0.5)? * &inverse)?)?;
    (above - below)?.log()? * -std::f64::consts::LOG2_E
}

/// The logarithm of F(a) − F(b) for a > b, in f64 and from the tail in which it does not cancel.
fn exact(z: f64, mean: f64, log_scale: f64) -> f64 {
    let off = -(z - mean).abs();
    let (w, a) = ((-log_scale).exp(), (off + 0.5) * (-log_scale).exp());
    let b = a - w;
    // F(a) − F(b) = (e^a − e^b) / ((1 + e^a)(1 + e^b)); e^a is taken out where it would vanish.
    let top = a + (-(-w).exp_m1()).ln();
    -(top - a.exp().ln_1p() - b.exp().ln_1p()) / std::f64::consts::LN_2
}

#[test]
fn equals_stock_near_the_mean() -> Result<()> {
    for device in devices() {
        for shape in [&[1][..], &[3, 7], &[2, 300], &[40, 1000]] {
            let at =
                [fixed(shape, 1, &device)?, fixed(shape, 2, &device)?, fixed(shape, 3, &device)?];
            // Near enough that the difference of the two functions keeps its digits.
            let at = [(&at[0] * 0.5)?, (&at[1] * 0.5)?, (&at[2] * 0.5)?];
            same_both_ways(
                &at,
                2e-4,
                |v| logistic_rate(&v[0], &v[1], &v[2]),
                |v| stock(&v[0], &v[1], &v[2]),
            )?;
        }
    }
    Ok(())
}

#[test]
fn equals_double_precision_far_out() -> Result<()> {
    for device in devices() {
        for log_scale in [-6.0, -3.0, -1.0, 0.0, 1.0, 4.0, 9.0f32] {
            for z in [0.0, 0.5, -0.5, 1.0, -3.0, 20.0, -150.0, 4000.0f32] {
                let scalar = |v: f32| Var::new(&[v], &device);
                let (z_var, s_var) = (scalar(z)?, scalar(log_scale)?);
                let mean = scalar(0.25)?;
                let bits = logistic_rate(&z_var, &mean, &s_var)?;
                let got = f64::from(flat(&bits)?[0]);
                let [z, s] = [f64::from(z), f64::from(log_scale)];
                let right = exact(z, 0.25, s);
                assert!((got - right).abs() <= 1e-5 * (1.0 + right), "{z} {s}: {got}, {right}");
                let grads = bits.sum_all()?.backward()?;
                let h = 1e-5;
                let slope = |plus: f64, minus: f64| (plus - minus) / (2.0 * h);
                for (var, right) in [
                    (&z_var, slope(exact(z + h, 0.25, s), exact(z - h, 0.25, s))),
                    (&s_var, slope(exact(z, 0.25, s + h), exact(z, 0.25, s - h))),
                ] {
                    let got = f64::from(flat(grads.get(var).unwrap())?[0]);
                    let within = (got - right).abs() <= 1e-4 * (1.0 + right.abs());
                    assert!(within, "{z} {s}: slope {got}, {right}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn gradient_agrees_with_differences() -> Result<()> {
    for device in devices() {
        let at = [1, 2, 3].map(|seed| fixed(&[2, 5], seed, &device));
        let [z, mean, log_scale] = at;
        let at = [z?, mean?, (log_scale? * 0.5)?];
        gradient_check(&at, 2e-3, |v| logistic_rate(&v[0], &v[1], &v[2]))?;
    }
    Ok(())
}

#[test]
fn finite_at_every_scale() -> Result<()> {
    for device in devices() {
        for s in [-1e9, -31.0, -LOG_SCALE_MAX, LOG_SCALE_MAX, 31.0, 1e9f32] {
            for z in [0.0, 0.5, -0.5, 1.0, 1e5, -1e5f32] {
                let vars = [z, 0.0, s].map(|v| Var::new(&[v], &device));
                let [z_var, mean, log_scale] = vars;
                let (z_var, mean, log_scale) = (z_var?, mean?, log_scale?);
                let bits = logistic_rate(&z_var, &mean, &log_scale)?;
                assert!(flat(&bits)?[0].is_finite(), "z {z}, log-scale {s}");
                let grads = bits.sum_all()?.backward()?;
                for var in [&z_var, &mean, &log_scale] {
                    let slope = flat(grads.get(var).unwrap())?[0];
                    assert!(slope.is_finite(), "z {z}, log-scale {s}: {slope}");
                }
                if s.abs() > LOG_SCALE_MAX {
                    assert_eq!(flat(grads.get(&log_scale).unwrap())?, [0.0]);
                }
            }
        }
        let nan = Tensor::new(&[f32::NAN], &device)?;
        let one = Tensor::new(&[1f32], &device)?;
        assert!(flat(&logistic_rate(&nan, &one, &one)?)?[0].is_nan());
        assert!(flat(&logistic_rate(&one, &one, &nan)?)?[0].is_nan());
        assert!(logistic_rate(&one, &one, &fixed(&[2], 1, &device)?).is_err());
    }
    Ok(())
}

#[test]
fn gradients_pass_rounding_and_noise() -> Result<()> {
    for device in devices() {
        let z = Var::from_tensor(&(fixed(&[7, 300], 1, &device)? * 3.0)?)?;
        let weights = fixed(&[7, 300], 2, &device)?;
        let rounded = round_through(&z)?;
        close(&rounded, &z.round()?, 0.0)?;
        let grads = (rounded * &weights)?.sum_all()?.backward()?;
        close(grads.get(&z).unwrap(), &weights, 0.0)?;
        let noisy = noise_through(&z, 5)?;
        let noise = flat(&(&noisy - z.as_tensor())?)?;
        assert!(noise.iter().all(|u| u.abs() <= 0.500_001));
        assert!(noise.iter().sum::<f32>().abs() < 60.0);
        close(&noisy, &noise_through(&z, 5)?, 0.0)?;
        let cpu = noise_through(&z.to_device(&candle_core::Device::Cpu)?, 5)?;
        close(&noisy.to_device(&candle_core::Device::Cpu)?, &cpu, 0.0)?;
        assert_ne!(flat(&noisy)?, flat(&noise_through(&z, 6)?)?);
        let grads = (noisy * &weights)?.sum_all()?.backward()?;
        close(grads.get(&z).unwrap(), &weights, 0.0)?;
    }
    Ok(())
}
