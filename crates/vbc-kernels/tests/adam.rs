//! The optimiser against the textbook in f64, and against a chain of candle's own.

mod common;

use candle_core::{DType, Device, Result, Tensor, Var};
use common::{close, devices, fixed, flat};
use vbc_kernels::{AdamConfig, AdamRates, AdamState, adam_average, adam_step, sum_of_squares};

const CONFIG: AdamConfig = AdamConfig { beta1: 0.9, beta2: 0.99, eps: 1e-8 };
const RATES: AdamRates = AdamRates { rate: 0.05, scale: 1.0, decay: 0.5, bound: f32::INFINITY };

#[test]
fn follows_the_textbook() -> Result<()> {
    for device in devices() {
        let n = 20_011;
        let x = Var::from_tensor(&fixed(&[n], 1, &device)?)?;
        let target = fixed(&[n], 2, &device)?;
        let mut state = AdamState::new(&x, true, None)?;
        let mut theta: Vec<f64> = flat(&x)?.into_iter().map(f64::from).collect();
        let goal = flat(&target)?;
        let mut average = theta.clone();
        let (mut m, mut v) = (vec![0.0; n], vec![0.0; n]);
        for t in 1..=20 {
            let gradient = ((x.as_tensor() - &target)? * 2.0)?;
            adam_step(&x, &gradient, &mut state, &CONFIG, &RATES)?;
            for i in 0..n {
                let g = 2.0 * (theta[i] - f64::from(goal[i]));
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.99 * v[i] + 0.01 * g * g;
                let (m, v) = (m[i] / (1.0 - 0.9f64.powi(t)), v[i] / (1.0 - 0.99f64.powi(t)));
                theta[i] -= 0.05 * m / (v.sqrt() + 1e-8);
                average[i] = 0.5 * average[i] + 0.5 * theta[i];
            }
        }
        let right = |v: Vec<f64>| {
            Tensor::from_vec(v, n, &Device::Cpu)?.to_dtype(DType::F32)?.to_device(&device)
        };
        // An element at its target has gradients of rounding size, which Adam blows up to steps.
        let near = |a: &Tensor, b: &Tensor| close(a, b, 2e-3);
        near(&x, &right(theta)?)?;
        near(&state.average()?.unwrap(), &right(average)?)?;
        assert_eq!(state.updates(), 20);
    }
    Ok(())
}

/// One step as a chain of candle's own.
fn stock(theta: &Tensor, g: &Tensor, moments: &mut [Tensor; 2], t: i32) -> Result<Tensor> {
    let [m, v] = moments;
    *m = ((&*m * 0.9)? + (g * 0.1)?)?;
    *v = ((&*v * 0.99)? + (g.sqr()? * 0.01)?)?;
    let root = ((&*v / (1.0 - 0.99f64.powi(t)))?.sqrt()? + 1e-8)?;
    theta - ((&*m / (1.0 - 0.9f64.powi(t)))? / root)? * 0.05
}

#[test]
fn equals_a_chain_of_stock_operations() -> Result<()> {
    for device in devices() {
        for shape in [&[1][..], &[3, 5], &[100, 257]] {
            let x = Var::from_tensor(&fixed(shape, 1, &device)?)?;
            let mut theirs = x.as_tensor().copy()?;
            let mut state = AdamState::new(&x, false, None)?;
            let mut moments = [theirs.zeros_like()?, theirs.zeros_like()?];
            for t in 1..=5 {
                let g = fixed(shape, 10 + t as u32, &device)?;
                adam_step(&x, &g, &mut state, &CONFIG, &RATES)?;
                theirs = stock(&theirs, &g, &mut moments, t)?;
                close(&x, &theirs, 1e-5)?;
            }
            let packed =
                Tensor::stack(&[&moments[0].flatten_all()?, &moments[1].flatten_all()?], 0)?;
            close(state.packed(), &packed, 1e-5)?;
            assert!(state.average()?.is_none());
        }
    }
    Ok(())
}

#[test]
fn mask_bound_scale_and_average() -> Result<()> {
    for device in devices() {
        let x = Var::new(&[1f32, 1.0, -1.0, 0.5], &device)?;
        let mask = Tensor::new(&[0f32, 1.0, 1.0, 1.0], &device)?;
        let mut state = AdamState::new(&x, true, Some(&mask))?;
        let rates = AdamRates { rate: 0.01, bound: 0.95, scale: 2.0, decay: 0.75 };
        // With eps far above the moments the step is proportional to the scaled gradient.
        let config = AdamConfig { eps: 1e6, ..CONFIG };
        let gradient = Tensor::new(&[1f32, 1.0, 1.0, 1e6], &device)?;
        adam_step(&x, &gradient, &mut state, &config, &rates)?;
        let last = 0.5 - 0.01 * 2e6 / (2e6 + 1e6);
        let right = Tensor::new(&[0f32, 0.95, -0.95, last], &device)?;
        close(&x, &right, 1e-6)?;
        let average = Tensor::new(&[0.75f32, 0.9875, -0.9875, 0.375 + last * 0.25], &device)?;
        let average = Tensor::cat(&[&average.narrow(0, 0, 3)?, &average.narrow(0, 3, 1)?], 0)?;
        close(&state.average()?.unwrap(), &average, 1e-6)?;
        adam_average(&x, &mut state, 0.0)?;
        close(&state.average()?.unwrap(), &right, 1e-6)?;
        close(&x, &right, 1e-6)?;
    }
    Ok(())
}

#[test]
fn restored_state_goes_on_to_the_bit() -> Result<()> {
    for device in devices() {
        let x = Var::from_tensor(&fixed(&[30, 9], 1, &device)?)?;
        let mut state = AdamState::new(&x, true, None)?;
        let gradient = |t: u32| fixed(&[30, 9], 50 + t, &device);
        for t in 0..3 {
            adam_step(&x, &gradient(t)?, &mut state, &CONFIG, &RATES)?;
        }
        let again = Var::from_tensor(&x.as_tensor().copy()?)?;
        let mut restored = AdamState::restore(&again, state.packed(), state.updates(), None)?;
        for t in 3..6 {
            adam_step(&x, &gradient(t)?, &mut state, &CONFIG, &RATES)?;
            adam_step(&again, &gradient(t)?, &mut restored, &CONFIG, &RATES)?;
        }
        assert_eq!(flat(&x)?, flat(&again)?);
        assert_eq!(flat(state.packed())?, flat(restored.packed())?);
        assert!(AdamState::restore(&x, &fixed(&[4, 270], 1, &device)?, 1, None).is_err());
        assert!(AdamState::restore(&x, &fixed(&[2, 9], 1, &device)?, 1, None).is_err());
    }
    Ok(())
}

#[test]
fn squares_add_up() -> Result<()> {
    for device in devices() {
        for n in [1, 255, 256, 257, 70_001] {
            let values = fixed(&[n], 1, &device)?;
            let mask = fixed(&[n], 2, &device)?;
            let exact = |t: &Tensor| -> Result<f64> {
                Ok(flat(t)?.into_iter().map(|v| f64::from(v).powi(2)).sum())
            };
            let plain = (sum_of_squares(&values, None)?, exact(&values)?);
            let masked = (sum_of_squares(&values, Some(&mask))?, exact(&(&values * &mask)?)?);
            for (got, right) in [plain, masked] {
                assert!((got - right).abs() <= 1e-6 * right, "{n}: {got} against {right}");
            }
        }
        assert!(
            sum_of_squares(&fixed(&[4], 1, &device)?, Some(&fixed(&[3], 1, &device)?)).is_err()
        );
    }
    Ok(())
}

#[test]
fn shapes_must_fit() -> Result<()> {
    for device in devices() {
        let x = Var::from_tensor(&fixed(&[2, 3], 1, &device)?)?;
        let mut state = AdamState::new(&x, false, None)?;
        let wrong = fixed(&[3, 2], 1, &device)?;
        assert!(adam_step(&x, &wrong, &mut state, &CONFIG, &RATES).is_err());
        assert!(AdamState::new(&x, false, Some(&wrong)).is_err());
        let other = Var::from_tensor(&fixed(&[7], 1, &device)?)?;
        assert!(adam_step(&other, &fixed(&[7], 1, &device)?, &mut state, &CONFIG, &RATES).is_err());
        assert_eq!(state.updates(), 0);
        adam_average(&x, &mut state, 0.5)?;
    }
    Ok(())
}
