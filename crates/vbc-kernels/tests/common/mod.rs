//! What the tests of the operations share.
#![allow(dead_code, reason = "each test file takes what it needs")]

use candle_core::{Device, Result, Tensor, Var, bail};

/// The CPU and, in a build with `cuda`, the first GPU. Says so where none answers.
pub fn devices() -> Vec<Device> {
    #[cfg(feature = "cuda")]
    match Device::new_cuda(0) {
        Ok(gpu) => return vec![Device::Cpu, gpu],
        Err(e) => println!("passed over on a GPU: {e}"),
    }
    vec![Device::Cpu]
}

/// Values of about −2..2 that depend on the place and `seed` alone.
pub fn numbers(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (f64::from(state) / f64::from(u32::MAX) * 4.0 - 2.0) as f32
        })
        .collect()
}

/// A tensor of [`numbers`].
pub fn fixed(shape: &[usize], seed: u32, device: &Device) -> Result<Tensor> {
    Tensor::from_vec(numbers(shape.iter().product(), seed), shape, device)
}

/// All elements, on the host.
pub fn flat(t: &Tensor) -> Result<Vec<f32>> {
    t.flatten_all()?.to_vec1::<f32>()
}

/// Fails unless the tensors agree to `tolerance`, relative to 1 + magnitude.
#[track_caller]
pub fn close(a: &Tensor, b: &Tensor, tolerance: f32) -> Result<()> {
    assert_eq!(a.dims(), b.dims());
    for (i, (a, b)) in flat(a)?.into_iter().zip(flat(b)?).enumerate() {
        let within = (a - b).abs() <= tolerance * (1.0 + a.abs().max(b.abs()));
        assert!(within, "element {i}: {a} against {b}");
    }
    Ok(())
}

/// Runs two functions of the same arguments and compares their results and, after weighing every
/// element of the result, the gradients of all arguments.
#[track_caller]
pub fn same_both_ways(
    at: &[Tensor],
    tolerance: f32,
    ours: impl Fn(&[Var]) -> Result<Tensor>,
    theirs: impl Fn(&[Var]) -> Result<Tensor>,
) -> Result<()> {
    let vars = at.iter().map(Var::from_tensor).collect::<Result<Vec<_>>>()?;
    let (ours, theirs) = (ours(&vars)?, theirs(&vars)?);
    close(&ours, &theirs, tolerance)?;
    let weights = fixed(ours.dims(), 99, ours.device())?;
    let ours = (ours * &weights)?.sum_all()?.backward()?;
    let theirs = (theirs * &weights)?.sum_all()?.backward()?;
    for (k, var) in vars.iter().enumerate() {
        match (ours.get(var), theirs.get(var)) {
            (Some(ours), Some(theirs)) => close(ours, theirs, tolerance)?,
            (None, None) => {}
            _ => bail!("one has a gradient of argument {k}, the other has not"),
        }
    }
    Ok(())
}

/// Compares the gradient of `f`, weighed and summed, at `at` with central differences, element by
/// element.
#[track_caller]
pub fn gradient_check(
    at: &[Tensor],
    tolerance: f32,
    f: impl Fn(&[Var]) -> Result<Tensor>,
) -> Result<()> {
    const H: f32 = 1.0 / 256.0;
    let vars = at.iter().map(Var::from_tensor).collect::<Result<Vec<_>>>()?;
    let result = f(&vars)?;
    let weights = fixed(result.dims(), 98, result.device())?;
    let grads = (result * &weights)?.sum_all()?.backward()?;
    let weights = flat(&weights)?;
    let sum = |vars: &[Var]| -> Result<f64> {
        let values = flat(&f(vars)?)?;
        Ok(values.iter().zip(&weights).map(|(&v, &w)| f64::from(v) * f64::from(w)).sum())
    };
    for (k, tensor) in at.iter().enumerate() {
        let values = flat(tensor)?;
        let mut differences = Vec::with_capacity(values.len());
        for i in 0..values.len() {
            let mut ends = [0.0; 2];
            for (end, d) in ends.iter_mut().zip([H, -H]) {
                let mut moved = values.clone();
                moved[i] += d;
                let mut inputs = vars.clone();
                inputs[k] = Var::from_vec(moved, tensor.shape(), tensor.device())?;
                *end = sum(&inputs)?;
            }
            differences.push(((ends[0] - ends[1]) / f64::from(2.0 * H)) as f32);
        }
        let differences = Tensor::from_vec(differences, tensor.shape(), tensor.device())?;
        let Some(grad) = grads.get(&vars[k]) else { bail!("no gradient of argument {k}") };
        close(grad, &differences, tolerance)?;
    }
    Ok(())
}
