use candle_core::{Result, Var};

use super::{close, each_order, flat, numbers, tensor};
use crate::gpu::bias_leaky::{backward, forward};
use crate::{Leaky, bias_leaky};

#[test]
fn host_equals_cpu() -> Result<()> {
    let acts = [Leaky::NONE, Leaky::relu(1.5), Leaky { slope: 0.125, max: 1.25 }, Leaky::new(0.01)];
    for (n, o) in [(1, 1), (1, 7), (31, 3), (32, 1), (33, 5), (100, 259)] {
        for act in acts {
            let (x, bias, grad) = (numbers(n * o, 1), numbers(o, 2), numbers(n * o, 3));
            let (x_var, bias_var) = (
                Var::from_tensor(&tensor(&x, &[n, o])?)?,
                Var::from_tensor(&tensor(&bias, &[o])?)?,
            );
            let y = bias_leaky(&x_var, &bias_var, act)?;
            let grads = (&y * tensor(&grad, &[n, o])?)?.sum_all()?.backward()?;
            let dx = flat(grads.get(&x_var).unwrap())?;
            let db = flat(grads.get(&bias_var).unwrap())?;
            each_order(|host| {
                let ours = forward(host, &x, &bias, (n, o), act)?;
                close(&ours, &flat(&y)?, 1e-7);
                let both = backward(host, &ours, &grad, (n, o), act)?;
                close(&both[..n * o], &dx, 1e-7);
                close(&both[n * o..], &db, 1e-6);
                Ok([ours, both].concat())
            })?;
        }
    }
    Ok(())
}
