use candle_core::{Result, Var};

use super::{close, each_order, each_order_of_threads, flat, numbers, tensor};
use crate::adam::Constants;
use crate::gpu::adam::{average, squares, step};
use crate::{AdamConfig, AdamRates, AdamState, adam_average, adam_step, sum_of_squares};

#[test]
fn steps_on_host_equal_cpu() -> Result<()> {
    let config = AdamConfig { beta1: 0.9, beta2: 0.99, eps: 1e-8 };
    let rates = AdamRates { rate: 0.05, scale: 0.5, decay: 0.75, bound: 1.5 };
    for n in [1, 257, 10_001] {
        for averaged in [false, true] {
            for masked in [false, true] {
                let start = numbers(n, 1);
                let mask: Vec<f32> = (0..n).map(|i| f32::from(u8::from(i % 3 != 0))).collect();
                let mask_tensor = tensor(&mask, &[n])?;
                let var = Var::from_tensor(&tensor(&start, &[n])?)?;
                let mut state = AdamState::new(&var, averaged, masked.then_some(&mask_tensor))?;
                let start_state = flat(state.packed())?;
                let gradient = |t: u64| numbers(n, 10 + t);
                for t in 1..=3 {
                    adam_step(&var, &tensor(&gradient(t), &[n])?, &mut state, &config, &rates)?;
                }
                adam_average(&var, &mut state, 0.5)?;
                let (right, right_state) = (flat(&var)?, flat(state.packed())?);
                each_order(|host| {
                    let (mut theta, mut state) = (start.clone(), start_state.clone());
                    for t in 1..=3 {
                        let constants = Constants::new(&config, &rates, t);
                        let mask = masked.then_some(&mask);
                        let sizes = (n, averaged);
                        step(host, &mut theta, &mut state, &gradient(t), mask, sizes, constants)?;
                    }
                    if averaged {
                        average(host, &theta, &mut state, n, 0.5)?;
                    }
                    close(&theta, &right, 1e-6);
                    close(&state, &right_state, 1e-6);
                    Ok([theta, state].concat())
                })?;
            }
        }
    }
    Ok(())
}

#[test]
fn squares_on_host_equal_cpu() -> Result<()> {
    for n in [1, 256, 70_001, 200_000] {
        let (values, mask) = (numbers(n, 1), numbers(n, 2));
        let (t, m) = (tensor(&values, &[n])?, tensor(&mask, &[n])?);
        for masked in [false, true] {
            let right = sum_of_squares(&t, masked.then_some(&m))?;
            each_order_of_threads(|host| {
                let part = squares(host, &values, masked.then_some(&mask), n)?;
                let got: f64 = part.iter().copied().map(f64::from).sum();
                assert!((got - right).abs() <= 1e-6 * right, "{got} against {right}");
                Ok(part)
            })?;
        }
    }
    Ok(())
}
