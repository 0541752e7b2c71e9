use super::*;
use crate::ops::testing::{close, fixed, gradient_check};
use candle_core::{Tensor, Var};

const INF: f32 = f32::INFINITY;
const ACTS: [Leaky; 5] = [
    Leaky::NONE,
    Leaky::relu(1.0),
    Leaky::relu(INF),
    Leaky { slope: 0.125, max: 1.5 },
    Leaky { slope: 0.01, max: INF },
];

fn stock(x: &Tensor, w: &Tensor, b: &Tensor, act: Leaky) -> Result<Tensor> {
    let y = x.matmul(w)?.broadcast_add(b)?;
    let y = (y.relu()? - (y.neg()?.relu()? * f64::from(act.slope))?)?;
    y.maximum(-act.max)?.minimum(act.max)
}

/// Values at which no element is near a bound, where differences say nothing.
fn arguments(n: usize, i: usize, o: usize) -> Result<[Tensor; 3]> {
    Ok([fixed(&[n, i], 11)?, (fixed(&[i, o], 12)? * 0.4)?, fixed(&[o], 13)?])
}

#[test]
fn equals_stock_both_ways() -> Result<()> {
    for act in ACTS {
        let [x, w, b] = arguments(150, 7, 9)?;
        let [x, w, b] = [Var::from_tensor(&x)?, Var::from_tensor(&w)?, Var::from_tensor(&b)?];
        let scale = fixed(&[150, 9], 14)?;
        let ours = affine(&x, &w, &b, act)?;
        let theirs = stock(&x, &w, &b, act)?;
        close(&ours, &theirs, 1e-5)?;
        let ours = (ours * &scale)?.sum_all()?.backward()?;
        let theirs = (theirs * &scale)?.sum_all()?.backward()?;
        for v in [&x, &w, &b] {
            close(ours.get(v).unwrap(), theirs.get(v).unwrap(), 1e-4)?;
        }
    }
    Ok(())
}

#[test]
fn gradient_agrees_with_differences() -> Result<()> {
    for act in ACTS {
        let [x, w, b] = arguments(3, 4, 5)?;
        let y = affine(&x, &w, &b, Leaky::NONE)?.flatten_all()?.to_vec1::<f32>()?;
        let kinks = [0.0, 1.0, 1.5, -1.5, -12.0];
        let clear = y.iter().all(|y| kinks.iter().all(|k| (y - k).abs() > 0.01));
        assert!(clear, "choose other values");
        let scale = fixed(&[3, 5], 15)?;
        gradient_check(&[x, w, b], 3e-3, |v| {
            (affine(&v[0], &v[1], &v[2], act)? * &scale)?.sum_all()
        })?;
    }
    Ok(())
}

#[test]
fn a_constant_argument_gets_no_gradient() -> Result<()> {
    let [x, w, b] = arguments(3, 4, 5)?;
    let [x, w] = [Var::from_tensor(&x)?, Var::from_tensor(&w)?];
    let grads = affine_leaf(&x, &w, &b, Leaky::NONE)?.sum_all()?.backward()?;
    assert!(grads.get(&x).is_none() && grads.get(&b).is_none());
    close(grads.get(&w).unwrap(), &stock_weight_gradient(&x, 5)?, 1e-5)
}

/// The gradient of the sum of x·w for w: each column the column sums of x.
fn stock_weight_gradient(x: &Tensor, o: usize) -> Result<Tensor> {
    x.sum(0)?.unsqueeze(1)?.broadcast_as((x.dim(1)?, o))?.contiguous()
}

#[test]
fn bias_gradient_of_many_rows_is_exact() -> Result<()> {
    let n = 200_000;
    let b =
        Var::from_tensor(&Tensor::zeros(2, candle_core::DType::F32, &candle_core::Device::Cpu)?)?;
    let x = Tensor::zeros((n, 1), candle_core::DType::F32, &candle_core::Device::Cpu)?;
    let w = Tensor::zeros((1, 2), candle_core::DType::F32, &candle_core::Device::Cpu)?;
    let loss = (affine(&x, &w, &b, Leaky::NONE)? * 0.1)?.sum_all()?;
    let db = loss.backward()?.get(&b).unwrap().to_vec1::<f32>()?;
    assert!((db[0] / (0.1 * n as f32) - 1.0).abs() < 1e-6, "{db:?}");
    Ok(())
}

#[test]
fn threads_do_not_change_the_bits() -> Result<()> {
    let [x, w, b] = arguments(700, 130, 70)?;
    let one = affine(&x, &w, &b, Leaky::NONE)?.to_vec2::<f32>()?;
    crate::ops::set_threads(2);
    let two = affine(&x, &w, &b, Leaky::NONE)?.to_vec2::<f32>();
    crate::ops::set_threads(1);
    assert!(one == two?);
    Ok(())
}

#[test]
fn shapes_that_do_not_fit_are_errors() -> Result<()> {
    let [x, w, b] = arguments(3, 4, 5)?;
    assert!(affine(&x, &w.t()?.contiguous()?, &b, Leaky::NONE).is_err());
    assert!(affine(&x, &w, &fixed(&[4], 1)?, Leaky::NONE).is_err());
    assert!(affine(&x.t()?, &w, &b, Leaky::NONE).is_err());
    Ok(())
}
