use candle_core::{Result, Var};

use super::{close, each_order, flat, numbers, tensor};
use crate::gpu::coupling::{forward, shift};
use crate::{Part, coupling, uncoupling};

#[test]
fn host_equals_cpu() -> Result<()> {
    for (n, d) in [(1, 2), (3, 7), (17, 61), (5, 784)] {
        let parts = [Part::first_half, Part::second_half, Part::even, Part::odd, Part::whole];
        for part in parts.map(|part| part(d)) {
            for sign in [1.0, -1.0] {
                let h = part.columns();
                let (x, m, grad) = (numbers(n * d, 1), numbers(n * h, 2), numbers(n * d, 3));
                let m_var = Var::from_tensor(&tensor(&m, &[n, h])?)?;
                let op = if sign > 0.0 { coupling } else { uncoupling };
                let y = op(&tensor(&x, &[n, d])?, &m_var, part)?;
                let grads = (&y * tensor(&grad, &[n, d])?)?.sum_all()?.backward()?;
                let dm = flat(grads.get(&m_var).unwrap())?;
                each_order(|host| {
                    let ours = forward(host, &x, &m, (n, d), part, sign)?;
                    close(&ours, &flat(&y)?, 0.0);
                    let shift = shift(host, &grad, (n, d), part, sign)?;
                    close(&shift, &dm, 0.0);
                    Ok([ours, shift].concat())
                })?;
            }
        }
    }
    Ok(())
}
