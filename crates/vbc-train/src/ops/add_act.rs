//! An activation over the sum of two layers' outputs.

use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Tensor, bail};
use vbc_kernels::{Leaky, bias_leaky, leaky_gradients};

use super::{fast, with_layout};

/// `act(a + b)` for two tensors of the same shape (n, o), f32. For a layer whose inputs come in two
/// matrices: nothing is concatenated.
///
/// # Errors
/// Where the shapes differ, or a tensor is not contiguous f32.
pub fn add_act(a: &Tensor, b: &Tensor, act: Leaky) -> Result<Tensor> {
    if fast(a) { a.apply_op2(b, AddAct { act }) } else { composed(a, b, act) }
}

/// [`add_act`] on any device.
fn composed(a: &Tensor, b: &Tensor, act: Leaky) -> Result<Tensor> {
    let none = Tensor::zeros(a.dim(1)?, DType::F32, a.device())?;
    bias_leaky(&(a + b)?, &none, act)
}

struct AddAct {
    act: Leaky,
}

impl CustomOp2 for AddAct {
    fn name(&self) -> &'static str {
        "add-act"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        if a_layout.shape() != b_layout.shape() {
            bail!("add-act: {:?} and {:?}", a_layout.shape(), b_layout.shape());
        }
        let (a, b) = (with_layout(a, a_layout)?, with_layout(b, b_layout)?);
        let mut y: Vec<f32> = a.iter().zip(b).map(|(a, b)| a + b).collect();
        self.act.apply_to(&mut y);
        Ok((CpuStorage::F32(y), a_layout.shape().clone()))
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (g, _) = leaky_gradients(y, grad, self.act)?;
        Ok((Some(g.clone()), Some(g)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{agree, fixed, gradient_check};

    #[test]
    fn on_any_device_it_is_the_same() -> Result<()> {
        for act in [Leaky::NONE, Leaky::relu(0.4), Leaky { slope: 0.1, max: 0.4 }] {
            let inputs = [fixed(&[70, 3], 1)?, fixed(&[70, 3], 7)?];
            let ours = |v: &[Tensor]| add_act(&v[0], &v[1], act);
            agree(&inputs, 0.0, ours, |v| composed(&v[0], &v[1], act))?;
        }
        assert!(composed(&fixed(&[5, 3], 1)?, &fixed(&[1, 3], 1)?, Leaky::NONE).is_err());
        Ok(())
    }

    #[test]
    fn gradient_agrees_with_differences() -> Result<()> {
        let scale = fixed(&[5, 3], 2)?;
        for act in [Leaky::NONE, Leaky::relu(0.4), Leaky { slope: 0.1, max: 0.4 }] {
            gradient_check(&[fixed(&[5, 3], 1)?, fixed(&[5, 3], 7)?], 1e-3, |v| {
                (add_act(&v[0], &v[1], act)? * &scale)?.sum_all()
            })?;
        }
        Ok(())
    }
}
