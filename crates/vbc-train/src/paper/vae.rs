//! A variational autoencoder of the same latent size: the paper's baseline.

use candle_core::{D, Device, Result, Tensor};
use serde::{Deserialize, Serialize};

use super::Mlp;
use crate::optim::Params;
use crate::rng::Rng;

/// p(x | z) of each pixel, x in 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likelihood {
    /// A grey value as the probability of white: x ln p + (1 − x) ln(1 − p).
    Bernoulli,
    /// A normal around the decoded value, of standard deviation 0.1.
    Gaussian,
}

/// Encoder and decoder, an MLP with one hidden layer each, and m latent dimensions with a standard
/// normal prior (Kingma and Welling 2013).
#[derive(Debug)]
pub struct Vae {
    encoder: Mlp,
    decoder: Mlp,
    m: usize,
    likelihood: Likelihood,
    device: Device,
}

/// Standard deviation of the Gaussian decoder.
const SIGMA: f64 = 0.1;

impl Vae {
    /// Adds the parameters `encoder.K.*` and `decoder.K.*` for `d` dimensions.
    ///
    /// # Errors
    /// Those of candle.
    pub fn new(
        params: &mut Params,
        [d, hidden, m]: [usize; 3],
        likelihood: Likelihood,
        rng: &mut Rng,
    ) -> Result<Self> {
        let encoder = Mlp::new(params, "encoder", &[d, hidden, 2 * m], d, 0.1, rng)?;
        let decoder = Mlp::new(params, "decoder", &[m, hidden, d], m, 0.1, rng)?;
        Ok(Vae { encoder, decoder, m, likelihood, device: params.device().clone() })
    }

    /// Mean and log-variance of z given x (n, d), each (n, m).
    ///
    /// # Errors
    /// Those of candle.
    pub fn encode(&self, x: &Tensor) -> Result<[Tensor; 2]> {
        let out = self.encoder.forward(x)?;
        let part = |i: usize| out.narrow(1, i * self.m, self.m)?.contiguous();
        Ok([part(0)?, part(1)?])
    }

    /// A draw of z given its mean and log-variance, whose gradient passes through.
    ///
    /// # Errors
    /// Those of candle.
    pub fn draw(&self, [mean, log_variance]: &[Tensor; 2], rng: &mut Rng) -> Result<Tensor> {
        let noise = rng.normal_tensor(mean.dims(), 1.0, &self.device)?;
        mean + (noise * (log_variance * 0.5)?.exp()?)?
    }

    /// The decoder's picture (n, d) in 0..=1: probabilities or means.
    ///
    /// # Errors
    /// Those of candle.
    pub fn decode(&self, z: &Tensor) -> Result<Tensor> {
        sigmoid(&self.decoder.forward(z)?)
    }

    /// Evidence lower bound of x (n, d) in nats an image, a mean over images: a scalar.
    ///
    /// # Errors
    /// Those of candle.
    pub fn elbo(&self, x: &Tensor, rng: &mut Rng) -> Result<Tensor> {
        let n = x.dim(0)? as f64;
        let posterior = self.encode(x)?;
        let logits = self.decoder.forward(&self.draw(&posterior, rng)?)?;
        let likelihood = match self.likelihood {
            // x·l − softplus(l), softplus(l) = max(l, 0) + ln(1 + e^−|l|)
            Likelihood::Bernoulli => {
                let softplus = (logits.relu()? + (logits.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
                ((x * &logits)? - softplus)?.sum_all()?
            }
            Likelihood::Gaussian => {
                let squares = (sigmoid(&logits)? - x)?.sqr()?.sum_all()?;
                let normal =
                    x.elem_count() as f64 * (SIGMA.ln() + 0.5 * (2.0 * std::f64::consts::PI).ln());
                ((squares * (-0.5 / (SIGMA * SIGMA)))? - normal)?
            }
        };
        let [mean, log_variance] = &posterior;
        // KL(N(μ, σ²) ‖ N(0, 1)) = ½ (σ² + μ² − 1 − ln σ²)
        let kl = ((log_variance.exp()? + mean.sqr()?)? - (log_variance + 1.0)?)?.sum_all()?;
        (likelihood - (kl * 0.5)?)? / n
    }

    /// `n` pictures decoded from drawn latents.
    ///
    /// # Errors
    /// Those of candle.
    pub fn sample(&self, n: usize, temperature: f64, rng: &mut Rng) -> Result<Tensor> {
        self.decode(&rng.normal_tensor(&[n, self.m], temperature, &self.device)?)
    }
}

fn sigmoid(x: &Tensor) -> Result<Tensor> {
    ((x * 0.5)?.tanh()? * 0.5)? + 0.5
}

/// Per element, over draws on the first axis: the standard deviation, a mean over all elements.
///
/// # Errors
/// Those of candle.
pub fn spread(draws: &[Tensor]) -> Result<f64> {
    let all = Tensor::stack(draws, 0)?;
    let variance = all.broadcast_sub(&all.mean_keepdim(0)?)?.sqr()?.mean(0)?;
    Ok(f64::from(variance.sqrt()?.flatten_all()?.mean(D::Minus1)?.to_scalar::<f32>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{close, fixed, gradient_check};

    #[test]
    fn gradients_agree_with_differences() -> Result<()> {
        for likelihood in [Likelihood::Bernoulli, Likelihood::Gaussian] {
            let (mut params, mut rng) = (Params::new(), Rng::new(1, 0));
            let vae = Vae::new(&mut params, [6, 5, 2], likelihood, &mut rng)?;
            let x = ((fixed(&[3, 6], 1)?.tanh()? * 0.4)? + 0.5)?;
            gradient_check(&[x], 1e-3, |v| vae.elbo(&v[0], &mut Rng::new(2, 0)))?;
        }
        Ok(())
    }

    #[test]
    fn draws_spread_and_means_do_not() -> Result<()> {
        let mut rng = Rng::new(1, 0);
        let vae = Vae::new(&mut Params::new(), [6, 5, 2], Likelihood::Bernoulli, &mut rng)?;
        let posterior = vae.encode(&fixed(&[3, 6], 1)?)?;
        let draws = [vae.draw(&posterior, &mut rng)?, vae.draw(&posterior, &mut rng)?];
        assert!(spread(&draws)? > 0.01);
        assert!(spread(&[posterior[0].clone(), posterior[0].clone()])? == 0.0);
        close(
            &vae.sample(2, 1.0, &mut Rng::new(3, 0))?,
            &vae.sample(2, 1.0, &mut Rng::new(3, 0))?,
            0.0,
        )
    }
}
