//! Values of one tensor with the gradient of another: rounding that a gradient passes through.

use candle_core::{Result, Tensor};

/// Exactly the values of `values`, whose gradient goes to `x` (same shape) unchanged, and none to
/// `values`.
///
/// # Errors
/// Where the shapes differ.
pub fn with_gradient_of(values: &Tensor, x: &Tensor) -> Result<Tensor> {
    // Not x + (values − x), which is off in the last bit wherever the difference is not exact.
    values.detach() + (x - x.detach())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{close, fixed};
    use candle_core::Var;

    #[test]
    fn values_of_one_and_gradient_of_the_other() -> Result<()> {
        let x = Var::from_tensor(&fixed(&[6, 5], 1)?)?;
        let scale = fixed(&[6, 5], 2)?;
        let rounded = with_gradient_of(&(x.as_tensor() * 16.0)?.round()?, &x)?;
        close(&rounded, &(x.as_tensor() * 16.0)?.round()?, 0.0)?;
        let grads = (rounded * &scale)?.sum_all()?.backward()?;
        close(grads.get(&x).unwrap(), &scale, 0.0)
    }
}
