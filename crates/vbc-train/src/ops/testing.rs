//! What the tests of the operations share.

use std::cell::Cell;

use candle_core::{Device, Result, Tensor, Var, bail};

use crate::rng::Rng;

/// A tensor of normal values that depend only on the shape and `seed`.
pub(crate) fn fixed(shape: &[usize], seed: u64) -> Result<Tensor> {
    Rng::new(seed, 0).normal_tensor(shape, 1.0, &Device::Cpu)
}

/// Fails unless the tensors agree to `tolerance`, relative to 1 + magnitude.
pub(crate) fn close(a: &Tensor, b: &Tensor, tolerance: f32) -> Result<()> {
    if a.dims() != b.dims() {
        bail!("shapes {:?} and {:?}", a.dims(), b.dims());
    }
    let a = a.flatten_all()?.to_vec1::<f32>()?;
    let b = b.flatten_all()?.to_vec1::<f32>()?;
    for (i, (&a, &b)) in a.iter().zip(&b).enumerate() {
        let within = (a - b).abs() <= tolerance * (1.0 + a.abs().max(b.abs()));
        if !within {
            bail!("element {i}: {a} against {b}");
        }
    }
    Ok(())
}

thread_local! {
    static COMPOSED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread's operations are to take the path for other devices.
pub(super) fn is_composed() -> bool {
    COMPOSED.get()
}

/// What `f` gives where its operations take the path for other devices, though they are on the CPU.
pub(crate) fn as_on_a_gpu<R>(f: impl FnOnce() -> R) -> R {
    COMPOSED.set(true);
    let result = f();
    COMPOSED.set(false);
    result
}

/// Fails unless two functions have the same values at `at`, and the same gradients of all arguments.
pub(crate) fn agree(
    at: &[Tensor],
    tolerance: f32,
    ours: impl Fn(&[Tensor]) -> Result<Tensor>,
    theirs: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<()> {
    let vars = at.iter().map(Var::from_tensor).collect::<Result<Vec<_>>>()?;
    let inputs: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let (ours, theirs) = (ours(&inputs)?, theirs(&inputs)?);
    close(&ours, &theirs, tolerance)?;
    let weight = fixed(ours.dims(), 99)?;
    let ours = (ours * &weight)?.sum_all()?.backward()?;
    let theirs = (theirs * &weight)?.sum_all()?.backward()?;
    for (k, var) in vars.iter().enumerate() {
        match (ours.get(var), theirs.get(var)) {
            (Some(ours), Some(theirs)) => close(ours, theirs, tolerance)?,
            _ => bail!("no gradient of argument {k}"),
        }
    }
    Ok(())
}

/// Compares the gradient of `f`'s scalar at `at` with central differences, element by element.
pub(crate) fn gradient_check(
    at: &[Tensor],
    tolerance: f32,
    f: impl Fn(&[Var]) -> Result<Tensor>,
) -> Result<()> {
    const H: f32 = 1.0 / 256.0;
    let vars = at.iter().map(Var::from_tensor).collect::<Result<Vec<_>>>()?;
    let grads = f(&vars)?.backward()?;
    for (k, tensor) in at.iter().enumerate() {
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        let value_at = |i: usize, d: f32| -> Result<f32> {
            let mut moved = values.clone();
            moved[i] += d;
            let mut inputs = vars.clone();
            inputs[k] = Var::from_vec(moved, tensor.shape(), tensor.device())?;
            f(&inputs)?.to_scalar::<f32>()
        };
        let differences = (0..values.len())
            .map(|i| Ok((value_at(i, H)? - value_at(i, -H)?) / (2.0 * H)))
            .collect::<Result<Vec<f32>>>()?;
        let differences = Tensor::from_vec(differences, tensor.shape(), tensor.device())?;
        let Some(grad) = grads.get(&vars[k]) else { bail!("no gradient of argument {k}") };
        close(grad, &differences, tolerance)?;
    }
    Ok(())
}
