//! NICE as the paper uses it: additive couplings over the whole image, and a diagonal scaling.

use candle_core::{DType, Device, Result, Tensor, Var};
use vbc_kernels::{Part, coupling, uncoupling};

use super::{InitInputs, Mlp, Prior, Reading, Split};
use crate::ops::scale_columns;
use crate::optim::Params;
use crate::rng::Rng;

/// The flow, its prior, and its log-likelihood. Rows are images in raster order.
#[derive(Debug)]
pub struct PaperNice {
    d: usize,
    couplings: Vec<Mlp>,
    /// s (d): y is multiplied by exp(s) + 1e−5.
    scale: Option<Var>,
    split: Split,
    prior: Prior,
    device: Device,
}

/// Keeps the scale from 0.
const SCALE_FLOOR: f64 = 1e-5;

impl PaperNice {
    /// Adds the flow's parameters for `d` dimensions, an even number: `flow.K.L.weight`,
    /// `flow.K.L.bias`, `flow.scale`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn new(params: &mut Params, reading: &Reading, d: usize, rng: &mut Rng) -> Result<Self> {
        if !d.is_multiple_of(2) {
            candle_core::bail!("{d} dimensions; an even number expected");
        }
        let mut widths = vec![reading.hidden; reading.layers + 1];
        (widths[0], widths[reading.layers]) = (d / 2, d / 2);
        let init = if reading.init_inputs == InitInputs::Whole { d } else { d / 2 };
        let couplings = (0..reading.couplings)
            .map(|k| Mlp::new(params, &format!("flow.{k}"), &widths, init, reading.slope, rng))
            .collect::<Result<_>>()?;
        let scale = if reading.scaling {
            Some(params.add("flow.scale", &Tensor::zeros(d, DType::F32, &Device::Cpu)?)?)
        } else {
            None
        };
        let device = params.device().clone();
        Ok(PaperNice { d, couplings, scale, split: reading.split, prior: reading.prior, device })
    }

    fn halves(&self, x: &Tensor) -> Result<[Tensor; 2]> {
        let (n, half) = (x.dim(0)?, self.d / 2);
        let (x, axis) = match self.split {
            Split::EvenOdd => (x.reshape((n, half, 2))?, 2),
            Split::Halves => (x.reshape((n, 2, half))?, 1),
        };
        let side = |i: usize| x.narrow(axis, i, 1)?.reshape((n, half))?.contiguous();
        Ok([side(0)?, side(1)?])
    }

    fn whole(&self, halves: &[Tensor; 2]) -> Result<Tensor> {
        let axis = if self.split == Split::EvenOdd { 2 } else { 1 };
        Tensor::stack(halves, axis)?.reshape((halves[0].dim(0)?, self.d))
    }

    /// exp(s) + 1e−5.
    fn factor(&self) -> Result<Option<Tensor>> {
        self.scale.as_ref().map(|s| s.as_tensor().exp()? + SCALE_FLOOR).transpose()
    }

    /// y = f(x), both (n, d). Coupling k changes the odd half, then the even one, and so on.
    ///
    /// # Errors
    /// Those of candle.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.pass(x, None)
    }

    /// [`forward`](Self::forward) with each shift rounded to a multiple of `step`: inputs on a lattice
    /// of that step have outputs on it, up to the scaling, and come back exactly.
    ///
    /// # Errors
    /// Those of candle.
    pub fn forward_in_steps(&self, x: &Tensor, step: f64) -> Result<Tensor> {
        self.pass(x, Some(step))
    }

    /// What each of the d dimensions is multiplied by at the end.
    ///
    /// # Errors
    /// Those of candle.
    pub fn factors(&self) -> Result<Vec<f32>> {
        match self.factor()? {
            Some(factor) => factor.to_vec1(),
            None => Ok(vec![1.0; self.d]),
        }
    }

    fn pass(&self, x: &Tensor, step: Option<f64>) -> Result<Tensor> {
        let mut halves = self.halves(x)?;
        for (k, mlp) in self.couplings.iter().enumerate() {
            let shift = mlp.forward(&halves[k % 2])?;
            let shift = match step {
                Some(step) => ((shift / step)?.round()? * step)?,
                None => shift,
            };
            halves[1 - k % 2] = coupling(&halves[1 - k % 2], &shift, Part::whole(self.d / 2))?;
        }
        let y = self.whole(&halves)?;
        match self.factor()? {
            Some(factor) => scale_columns(&y, &factor),
            None => Ok(y),
        }
    }

    /// x = f⁻¹(y), both (n, d).
    ///
    /// # Errors
    /// Those of candle.
    pub fn inverse(&self, y: &Tensor) -> Result<Tensor> {
        let y = match self.factor()? {
            Some(factor) => y.broadcast_div(&factor)?,
            None => y.clone(),
        };
        let mut halves = self.halves(&y)?;
        for (k, mlp) in self.couplings.iter().enumerate().rev() {
            let shift = mlp.forward(&halves[k % 2])?;
            halves[1 - k % 2] = uncoupling(&halves[1 - k % 2], &shift, Part::whole(self.d / 2))?;
        }
        self.whole(&halves)
    }

    /// Mean log-likelihood of images whose flow output is `y` (n, d), in nats an image: a scalar.
    ///
    /// # Errors
    /// Those of candle.
    pub fn log_likelihood(&self, y: &Tensor) -> Result<Tensor> {
        let prior = (self.prior.log_likelihood(&y.contiguous()?)? / y.dim(0)? as f64)?;
        let per_step = self.d as f64 * 256f64.ln();
        match &self.scale {
            Some(s) => (prior + s.sum_all()?)? - per_step,
            None => prior - per_step,
        }
    }

    /// Bits per dimension of a log-likelihood in nats an image.
    pub fn bits_per_dimension(&self, log_likelihood: f64) -> f64 {
        -log_likelihood / (self.d as f64 * std::f64::consts::LN_2)
    }

    /// `n` latents of `m` dimensions drawn from the prior.
    ///
    /// # Errors
    /// Those of candle.
    pub fn draw(&self, n: usize, m: usize, temperature: f64, rng: &mut Rng) -> Result<Tensor> {
        let z = (0..n * m).map(|_| self.prior.draw(rng, temperature) as f32).collect();
        Tensor::from_vec(z, (n, m), &self.device)
    }

    /// Where the flow is.
    pub fn device(&self) -> &Device {
        &self.device
    }
}

#[cfg(test)]
mod tests {
    use super::super::InputScale;
    use super::*;
    use crate::ops::testing::{close, fixed, gradient_check};

    fn small(scaling: bool, split: Split) -> Reading {
        let mut reading = Reading::named("as-published").unwrap();
        (reading.layers, reading.hidden) = (3, 7);
        (reading.scaling, reading.split) = (scaling, split);
        reading
    }

    #[test]
    fn the_inverse_undoes_the_flow() -> Result<()> {
        for split in [Split::EvenOdd, Split::Halves] {
            let (mut params, mut rng) = (Params::new(), Rng::new(1, 0));
            let flow = PaperNice::new(&mut params, &small(true, split), 12, &mut rng)?;
            let scale = params.get("flow.scale").unwrap();
            scale.set(&(fixed(&[12], 3)? * 0.3)?)?;
            let x = fixed(&[5, 12], 2)?;
            let y = flow.forward(&x)?;
            close(&flow.inverse(&y)?, &x, 1e-5)?;
            assert!((&y - &x)?.abs()?.max_all()?.to_scalar::<f32>()? > 0.05);
        }
        Ok(())
    }

    #[test]
    fn the_likelihood_of_a_linear_flow_is_known() -> Result<()> {
        // With no couplings y = x · (exp(s) + 1e−5) exactly, and the likelihood has a closed form.
        let mut reading = small(true, Split::EvenOdd);
        (reading.couplings, reading.prior) = (0, Prior::Normal);
        let mut params = Params::new();
        let flow = PaperNice::new(&mut params, &reading, 4, &mut Rng::new(1, 0))?;
        let s = [0.5f32, -0.25, 1.0, 0.0];
        params.get("flow.scale").unwrap().set(&Tensor::new(&s, &Device::Cpu)?)?;
        let x = [0.1f32, -0.4, 0.3, 0.9];
        let y = flow.forward(&Tensor::new(&[x], &Device::Cpu)?)?;
        let expected: f64 = x
            .iter()
            .zip(&s)
            .map(|(&x, &s)| {
                let y = f64::from(x) * (f64::from(s).exp() + SCALE_FLOOR);
                -0.5 * y * y - 0.5 * (2.0 * std::f64::consts::PI).ln() + f64::from(s) - 256f64.ln()
            })
            .sum();
        let found = f64::from(flow.log_likelihood(&y)?.to_scalar::<f32>()?);
        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
        let bits = flow.bits_per_dimension(-4.0 * 256f64.ln());
        assert!((bits - 8.0).abs() < 1e-12);
        Ok(())
    }

    #[test]
    fn an_untrained_flow_costs_what_its_prior_says() -> Result<()> {
        let mut reading = small(false, Split::Halves);
        reading.couplings = 0;
        let flow = PaperNice::new(&mut Params::new(), &reading, 2, &mut Rng::new(1, 0))?;
        let x = [InputScale::Centred.apply(0, 0.0), InputScale::Centred.apply(255, 0.0)];
        let y = flow.forward(&Tensor::new(&[x], &Device::Cpu)?)?;
        let one = -0.5 - 2.0 * (-0.5f64).exp().ln_1p();
        let found = f64::from(flow.log_likelihood(&y)?.to_scalar::<f32>()?);
        assert!((found - (2.0 * one - 2.0 * 256f64.ln())).abs() < 1e-4);
        Ok(())
    }

    #[test]
    fn the_gradient_reaches_every_layer() -> Result<()> {
        let (mut params, mut rng) = (Params::new(), Rng::new(1, 0));
        let flow = PaperNice::new(&mut params, &small(true, Split::EvenOdd), 6, &mut rng)?;
        let x = fixed(&[3, 6], 2)?;
        let grads = flow.log_likelihood(&flow.forward(&x)?)?.backward()?;
        for (name, var) in params.iter() {
            let grad = params.gradients().of(var, &grads)?.unwrap_or_else(|| panic!("{name}"));
            assert!(grad.sqr()?.sum_all()?.to_scalar::<f32>()? > 0.0, "{name}");
        }
        gradient_check(&[x], 1e-3, |v| flow.log_likelihood(&flow.forward(&v[0])?))
    }
}
