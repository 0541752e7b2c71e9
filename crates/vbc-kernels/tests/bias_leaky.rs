//! Bias and leaky ReLU against candle's own chain.

mod common;

use candle_core::{Result, Tensor};
use common::{devices, fixed, flat, gradient_check, same_both_ways};
use vbc_kernels::{Leaky, bias_leaky};

const ACTS: [Leaky; 5] = [
    Leaky::NONE,
    Leaky { slope: 0.0, max: 1.5 },
    Leaky { slope: 0.0, max: f32::INFINITY },
    Leaky { slope: 0.125, max: 1.25 },
    Leaky { slope: 0.01, max: f32::INFINITY },
];

fn stock(x: &Tensor, bias: &Tensor, act: Leaky) -> Result<Tensor> {
    let y = x.broadcast_add(bias)?;
    let y = (y.relu()? - (y.neg()?.relu()? * f64::from(act.slope))?)?;
    if act.max.is_finite() { y.maximum(-act.max)?.minimum(act.max) } else { Ok(y) }
}

#[test]
fn equals_stock_both_ways() -> Result<()> {
    for device in devices() {
        for act in ACTS {
            for (n, o) in [(1, 1), (1, 7), (33, 1), (32, 5), (150, 9), (97, 301)] {
                let at = [fixed(&[n, o], 1, &device)?, fixed(&[o], 2, &device)?];
                same_both_ways(
                    &at,
                    2e-6 * n as f32,
                    |v| bias_leaky(&v[0], &v[1], act),
                    |v| stock(&v[0], &v[1], act),
                )?;
            }
        }
    }
    Ok(())
}

#[test]
fn follows_a_matrix_product() -> Result<()> {
    for device in devices() {
        let [x, w, b] =
            [fixed(&[40, 6], 1, &device)?, fixed(&[6, 11], 2, &device)?, fixed(&[11], 3, &device)?];
        let act = Leaky::new(0.1);
        same_both_ways(
            &[x, w, b],
            1e-4,
            |v| bias_leaky(&v[0].matmul(&v[1])?, &v[2], act),
            |v| stock(&v[0].matmul(&v[1])?, &v[2], act),
        )?;
    }
    Ok(())
}

#[test]
fn gradient_agrees_with_differences() -> Result<()> {
    for device in devices() {
        for act in ACTS {
            let at = [fixed(&[3, 4], 5, &device)?, fixed(&[4], 7, &device)?];
            let sums = flat(&at[0].broadcast_add(&at[1])?)?;
            let kinks = [0.0, act.max, -act.max, -act.max / act.slope];
            let clear = sums.iter().all(|s| kinks.iter().all(|k| (s - k).abs() > 0.01));
            assert!(clear, "choose other values");
            gradient_check(&at, 1e-3, |v| bias_leaky(&v[0], &v[1], act))?;
        }
    }
    Ok(())
}

#[test]
fn a_long_bias_gradient_keeps_its_digits() -> Result<()> {
    for device in devices() {
        let n = 100_000;
        let x = fixed(&[n, 1], 3, &device)?;
        let bias = candle_core::Var::from_tensor(&fixed(&[1], 4, &device)?)?;
        let y = (bias_leaky(&x, &bias, Leaky::NONE)? * 0.1)?;
        let grads = y.sum_all()?.backward()?;
        let sum = flat(grads.get(&bias).unwrap())?[0];
        assert!((sum - 10_000.0).abs() < 2e-2, "{sum}");
    }
    Ok(())
}

#[test]
fn not_a_number_stays_one_and_shapes_must_fit() -> Result<()> {
    for device in devices() {
        let x = Tensor::new(&[[f32::NAN, 1.0]], &device)?;
        let y = flat(&bias_leaky(&x, &fixed(&[2], 1, &device)?, Leaky::relu(1.0))?)?;
        assert!(y[0].is_nan() && !y[1].is_nan());
        assert!(bias_leaky(&x, &fixed(&[3], 1, &device)?, Leaky::NONE).is_err());
        assert!(bias_leaky(&x, &fixed(&[1, 2], 1, &device)?, Leaky::NONE).is_err());
    }
    Ok(())
}
