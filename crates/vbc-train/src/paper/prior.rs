//! The distribution of y: its log-density, and draws from it.

use std::f64::consts::{LN_2, PI};

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use serde::{Deserialize, Serialize};

use crate::ops::with_f32;
use crate::rng::Rng;

/// An independent distribution of every dimension, in its standard form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prior {
    /// exp(−y²/2) / √(2π).
    Normal,
    /// e^(−y) / (1 + e^(−y))².
    Logistic,
    /// The logarithm of |y| is standard normal, and the sign is a fair coin: a log-normal has no
    /// negative values, but a flow has. The density is 0 at 0 and has its modes at ± 1/e.
    LogNormal,
}

/// |y| below this counts as this under the log-normal, whose gradient has no bound at 0.
const SMALLEST: f64 = 1e-6;

impl Prior {
    /// ln p(y) and its derivative.
    fn log_density(self, y: f64) -> (f64, f64) {
        match self {
            Self::Normal => (-0.5 * (y * y + (2.0 * PI).ln()), -y),
            Self::Logistic => {
                let tail = (-y.abs()).exp();
                (-y.abs() - 2.0 * tail.ln_1p(), -(y * 0.5).tanh())
            }
            Self::LogNormal => {
                let size = y.abs().max(SMALLEST);
                let log = size.ln();
                let value = -LN_2 - 0.5 * (2.0 * PI).ln() - log - 0.5 * log * log;
                let slope = if y.abs() < SMALLEST { 0.0 } else { -(1.0 + log) / y };
                (value, slope)
            }
        }
    }

    /// Σ ln p(y) over all elements, in nats: a scalar. The sum is kept in f64.
    ///
    /// # Errors
    /// Where `y` is not contiguous f32.
    pub fn log_likelihood(self, y: &Tensor) -> Result<Tensor> {
        if !y.device().is_cpu() {
            return self.composed(y);
        }
        let (sum, grad) = with_f32(y, |y| {
            let mut sum = 0.0;
            if self == Self::Logistic {
                let mut grad = vec![0.0; y.len()];
                for (y, grad) in y.chunks(BLOCK).zip(grad.chunks_mut(BLOCK)) {
                    sum += logistic(y, grad);
                }
                return Ok((sum, grad));
            }
            let grad = y
                .iter()
                .map(|&y| {
                    let (value, slope) = self.log_density(f64::from(y));
                    sum += value;
                    slope as f32
                })
                .collect();
            Ok((sum, grad))
        })?;
        y.apply_op1(Summed { sum: sum as f32, grad })
    }

    /// [`log_likelihood`](Self::log_likelihood) by candle's own operations, for other devices.
    fn composed(self, y: &Tensor) -> Result<Tensor> {
        let n = y.elem_count() as f64;
        let normal = 0.5 * (2.0 * PI).ln();
        match self {
            Self::Normal => (y.sqr()?.sum_all()? * -0.5)? - n * normal,
            Self::Logistic => {
                let size = y.abs()?;
                let tail = (size.neg()?.exp()? + 1.0)?.log()?;
                (size + (tail * 2.0)?)?.sum_all()?.neg()
            }
            Self::LogNormal => {
                let log = y.abs()?.maximum(SMALLEST)?.log()?;
                (&log + (log.sqr()? * 0.5)?)?.sum_all()?.neg()? - n * (LN_2 + normal)
            }
        }
    }

    /// A draw, `temperature` times as far from 0 as the distribution has it; the log-normal's
    /// logarithm is stretched instead, so that its modes stay.
    pub fn draw(self, rng: &mut Rng, temperature: f64) -> f64 {
        match self {
            Self::Normal => rng.normal() * temperature,
            Self::Logistic => {
                let u = rng.uniform().clamp(1e-12, 1.0 - 1e-12);
                (u / (1.0 - u)).ln() * temperature
            }
            Self::LogNormal => {
                let size = (rng.normal() * temperature).exp();
                if rng.uniform() < 0.5 { -size } else { size }
            }
        }
    }
}

/// Values whose tails 1 + e^(−|y|), each at most 2, are multiplied before their logarithm is taken.
const BLOCK: usize = 32;

/// Σ ln p(y) of the logistic, and the derivatives.
fn logistic(y: &[f32], grad: &mut [f32]) -> f64 {
    let (mut product, mut size) = (1.0f64, 0.0f32);
    for (grad, &y) in grad.iter_mut().zip(y) {
        let tail = (-y.abs()).exp();
        size += y.abs();
        product *= 1.0 + f64::from(tail);
        *grad = ((tail - 1.0) / (tail + 1.0)).copysign(-y);
    }
    -f64::from(size) - 2.0 * product.ln()
}

/// A sum whose gradient is known.
struct Summed {
    sum: f32,
    grad: Vec<f32>,
}

impl CustomOp1 for Summed {
    fn name(&self) -> &'static str {
        "log-likelihood"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![self.sum]), Shape::from(())))
    }

    fn bwd(&self, y: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let scale = grad.to_scalar::<f32>()?;
        let grad = self.grad.iter().map(|g| g * scale).collect();
        Ok(Some(Tensor::from_vec(grad, y.shape(), y.device())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{close, fixed, gradient_check};

    const ALL: [Prior; 3] = [Prior::Normal, Prior::Logistic, Prior::LogNormal];

    #[test]
    fn densities_integrate_to_one() {
        for prior in ALL {
            let step = 1e-3;
            let sum: f64 = (-400_000..400_000)
                .map(|i| prior.log_density((f64::from(i) + 0.5) * step).0.exp() * step)
                .sum();
            assert!((sum - 1.0).abs() < 1e-3, "{prior:?} {sum}");
        }
    }

    #[test]
    fn gradients_agree_with_differences() -> Result<()> {
        for prior in ALL {
            gradient_check(&[(fixed(&[5, 4], 1)?.tanh()? + 1.5)?], 1e-3, |v| {
                prior.log_likelihood(&v[0])
            })?;
        }
        Ok(())
    }

    #[test]
    fn one_pass_equals_candles_operations() -> Result<()> {
        for prior in ALL {
            let y = candle_core::Var::from_tensor(&(fixed(&[7, 13], 1)? * 4.0)?)?;
            let (ours, stock) = (prior.log_likelihood(&y)?, prior.composed(&y)?);
            close(&ours, &stock, 1e-5)?;
            let (ours, stock) = (ours.backward()?, stock.backward()?);
            close(ours.get(&y).unwrap(), stock.get(&y).unwrap(), 1e-5)?;
        }
        Ok(())
    }

    #[test]
    fn draws_have_the_density() {
        for prior in ALL {
            let (mut rng, n) = (Rng::new(1, 0), 40_000);
            let draws: Vec<f64> = (0..n).map(|_| prior.draw(&mut rng, 1.0)).collect();
            for (low, high) in [(-1.5, -0.5), (0.0, 0.4), (0.5, 2.0)] {
                let (steps, mut mass) = (2_000, 0.0);
                for i in 0..steps {
                    let y = low + (high - low) * (f64::from(i) + 0.5) / f64::from(steps);
                    mass += prior.log_density(y).0.exp() * (high - low) / f64::from(steps);
                }
                let share =
                    draws.iter().filter(|y| (low..high).contains(*y)).count() as f64 / f64::from(n);
                assert!((share - mass).abs() < 0.01, "{prior:?} {low} {share} {mass}");
            }
        }
    }
}
