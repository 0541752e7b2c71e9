use candle_core::{Result, Var};

use super::{close, each_order, flat, numbers, tensor};
use crate::gpu::logistic_rate::{backward, forward, rounding};
use crate::straight_through::Rounding;
use crate::{logistic_rate, noise_through, round_through};

#[test]
fn rate_on_host_equals_cpu() -> Result<()> {
    for n in [1, 255, 257, 1000] {
        let mut z = numbers(n, 1);
        // Tails, scales beyond the clamp, and halves.
        z.iter_mut().step_by(7).for_each(|z| *z = (*z * 1000.0).round() + 0.5);
        let mean = numbers(n, 2);
        let mut log_scale = numbers(n, 3);
        log_scale.iter_mut().step_by(5).for_each(|s| *s *= 20.0);
        let grad = numbers(n, 4);
        let vars = [&z, &mean, &log_scale].map(|v| Var::from_tensor(&tensor(v, &[n])?));
        let [z_var, mean_var, s_var] = vars;
        let (z_var, mean_var, s_var) = (z_var?, mean_var?, s_var?);
        let bits = logistic_rate(&z_var, &mean_var, &s_var)?;
        let grads = (&bits * tensor(&grad, &[n])?)?.sum_all()?.backward()?;
        let mut right = Vec::new();
        for var in [&z_var, &mean_var, &s_var] {
            right.extend(flat(grads.get(var).unwrap())?);
        }
        each_order(|host| {
            let ours = forward(host, [&z, &mean, &log_scale], n)?;
            close(&ours, &flat(&bits)?, 2e-6);
            let back = backward(host, [&z, &mean, &log_scale], &grad, n)?;
            close(&back, &right, 1e-5);
            Ok([ours, back].concat())
        })?;
    }
    Ok(())
}

#[test]
fn rounding_on_host_equals_cpu() -> Result<()> {
    for n in [1, 300, 70_000] {
        let mut z = numbers(n, 1);
        z[0] = -2.5;
        let t = tensor(&z, &[n])?;
        for seed in [0, 1, u64::MAX] {
            let noisy = flat(&noise_through(&t, seed)?)?;
            each_order(|host| {
                let ours = rounding(host, &z, n, Rounding::Noise { seed })?;
                close(&ours, &noisy, 0.0);
                Ok(ours)
            })?;
        }
        let rounded = flat(&round_through(&t)?)?;
        each_order(|host| {
            let ours = rounding(host, &z, n, Rounding::Nearest)?;
            close(&ours, &rounded, 0.0);
            Ok(ours)
        })?;
    }
    Ok(())
}
