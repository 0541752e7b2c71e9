//! A flow with its bottleneck: the loss, samples, and reconstructions through the bottleneck.

use candle_core::{Device, Result, Tensor};
use serde::{Deserialize, Serialize};

use super::{Chunks, Kept, Normalisation, Null, PaperNice, Reading, variance};
use crate::rng::Rng;

/// Which bottleneck a flow is trained with, and by how much y is to shrink.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "bottleneck")]
pub enum Bottleneck {
    /// RVB: y is c copies. c = 1 is plain NICE.
    Redundancy {
        /// Compression factor c.
        factor: usize,
        /// What the loss adds up.
        normalisation: Normalisation,
    },
    /// NVB: one chunk of c is kept, the others are pulled to a constant.
    Null {
        /// Compression factor c.
        factor: usize,
        /// The constant.
        target: f64,
    },
}

impl Bottleneck {
    /// A short name: `nice`, `rvb-x8-sum`, `nvb-x8`.
    pub fn label(self) -> String {
        match self {
            Self::Redundancy { factor: 1, .. } => "nice".to_owned(),
            Self::Redundancy { factor, normalisation } => {
                let short = match normalisation {
                    Normalisation::SumOverGroups => "sum",
                    Normalisation::PerOutput => "per-output",
                    Normalisation::None => "free",
                };
                format!("rvb-x{factor}-{short}")
            }
            Self::Null { factor, .. } => format!("nvb-x{factor}"),
        }
    }
}

/// A flow and its bottleneck.
#[derive(Debug)]
pub struct Virtual {
    /// The flow.
    pub flow: PaperNice,
    bottleneck: Bottleneck,
    chunks: Chunks,
    null_kept: Kept,
}

/// What a batch costs, each a mean over its images.
#[derive(Debug)]
pub struct Cost {
    /// Bottleneck loss − log-likelihood: a scalar.
    pub loss: Tensor,
    /// Log-likelihood in nats.
    pub log_likelihood: f64,
    /// The bottleneck's loss.
    pub bottleneck: f64,
    /// Σ over the groups of the unbiased variance, whatever the loss.
    pub variance: f64,
}

/// What is kept of a group of copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Their mean.
    Mean,
    /// One of them.
    Chunk(usize),
}

impl Virtual {
    /// A flow over `d` dimensions with its bottleneck.
    ///
    /// # Errors
    /// Where the factor does not divide d.
    pub fn new(
        flow: PaperNice,
        bottleneck: Bottleneck,
        reading: &Reading,
        d: usize,
    ) -> Result<Self> {
        let factor = match bottleneck {
            Bottleneck::Redundancy { factor, .. } | Bottleneck::Null { factor, .. } => factor,
        };
        let chunks = Chunks::new(d, factor, reading.chunks, flow.device())?;
        Ok(Virtual { flow, bottleneck, chunks, null_kept: reading.null_kept })
    }

    /// d/c.
    pub fn latent_len(&self) -> usize {
        self.chunks.latent_len()
    }

    fn null(&self) -> Option<Null> {
        match self.bottleneck {
            Bottleneck::Null { factor, target } => {
                let kept = if self.null_kept == Kept::First { 0 } else { factor - 1 };
                Some(Null { chunks: self.chunks.clone(), target, kept })
            }
            Bottleneck::Redundancy { .. } => None,
        }
    }

    /// What the inputs `x` (n, d) cost.
    ///
    /// # Errors
    /// Those of candle.
    pub fn cost(&self, x: &Tensor) -> Result<Cost> {
        let y = self.flow.forward(x)?;
        let likelihood = self.flow.log_likelihood(&y)?;
        let normalisation = match self.bottleneck {
            Bottleneck::Redundancy { normalisation, .. } => normalisation,
            Bottleneck::Null { .. } => Normalisation::None,
        };
        let redundancy = variance(&y, &self.chunks, normalisation)?;
        let bottleneck = match self.null() {
            Some(null) => null.loss(&y)?,
            None => redundancy.loss,
        };
        Ok(Cost {
            loss: (&bottleneck - &likelihood)?,
            log_likelihood: f64::from(likelihood.to_scalar::<f32>()?),
            bottleneck: f64::from(bottleneck.to_scalar::<f32>()?),
            variance: redundancy.variance,
        })
    }

    /// The mean of the chunks of y (n, d): (n, m).
    ///
    /// # Errors
    /// Those of candle.
    pub fn mean(&self, y: &Tensor) -> Result<Tensor> {
        self.chunks.mean(y)
    }

    /// y (n, d) made of latents (n, m).
    ///
    /// # Errors
    /// Those of candle.
    pub fn expand(&self, z: &Tensor) -> Result<Tensor> {
        match self.null() {
            Some(null) => null.padded(z),
            None => self.chunks.copies(z),
        }
    }

    /// `n` inputs decoded from drawn latents, (n, d).
    ///
    /// # Errors
    /// Those of candle.
    pub fn sample(&self, n: usize, temperature: f64, rng: &mut Rng) -> Result<Tensor> {
        let z = self.flow.draw(n, self.latent_len(), temperature, rng)?;
        self.flow.inverse(&self.expand(&z)?)
    }

    /// The latents of inputs, (n, m). The null bottleneck keeps its one chunk whatever `keep` says.
    ///
    /// # Errors
    /// Those of candle.
    pub fn squeeze(&self, x: &Tensor, keep: Keep) -> Result<Tensor> {
        let y = self.flow.forward(x)?;
        match (self.null(), keep) {
            (Some(null), _) => self.chunks.chunk(&y, null.kept),
            (None, Keep::Mean) => self.chunks.mean(&y),
            (None, Keep::Chunk(i)) => self.chunks.chunk(&y, i),
        }
    }

    /// Inputs through the bottleneck and back, (n, d).
    ///
    /// # Errors
    /// Those of candle.
    pub fn reconstruct(&self, x: &Tensor, keep: Keep) -> Result<Tensor> {
        self.flow.inverse(&self.expand(&self.squeeze(x, keep)?)?)
    }
}

/// The pixels `items` of images as inputs (n, d) with noise from `rng`, in the middle of each step
/// without.
///
/// # Errors
/// Those of candle.
pub fn inputs(
    images: &crate::data::Images,
    items: &[u32],
    reading: &Reading,
    mut rng: Option<&mut Rng>,
    device: &Device,
) -> Result<Tensor> {
    let mut x = Vec::with_capacity(items.len() * images.image_len());
    for &item in items {
        for &p in images.image(item as usize) {
            let u = rng.as_mut().map_or(0.5, |rng| f64::from(rng.uniform_f32()));
            x.push(reading.input.apply(p, u));
        }
    }
    Tensor::from_vec(x, (items.len(), images.image_len()), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{close, fixed};
    use crate::optim::Params;

    fn model(bottleneck: Bottleneck) -> Virtual {
        let mut reading = Reading::named("as-published").unwrap();
        (reading.layers, reading.hidden) = (3, 9);
        let flow = PaperNice::new(&mut Params::new(), &reading, 12, &mut Rng::new(1, 0)).unwrap();
        Virtual::new(flow, bottleneck, &reading, 12).unwrap()
    }

    fn redundancy(factor: usize) -> Bottleneck {
        Bottleneck::Redundancy { factor, normalisation: Normalisation::SumOverGroups }
    }

    #[test]
    fn no_compression_is_plain_nice() -> Result<()> {
        let one = model(redundancy(1));
        let x = fixed(&[4, 12], 2)?;
        let cost = one.cost(&x)?;
        assert_eq!((cost.bottleneck, cost.variance), (0.0, 0.0));
        let loss = f64::from(cost.loss.to_scalar::<f32>()?);
        assert!((loss + cost.log_likelihood).abs() < 1e-3);
        close(&one.reconstruct(&x, Keep::Mean)?, &x, 1e-4)
    }

    #[test]
    fn samples_are_fixed_by_the_seed_and_are_copies() -> Result<()> {
        for bottleneck in [redundancy(4), Bottleneck::Null { factor: 4, target: 0.0 }] {
            let model = model(bottleneck);
            let first = model.sample(3, 0.7, &mut Rng::new(5, 0))?;
            close(&model.sample(3, 0.7, &mut Rng::new(5, 0))?, &first, 0.0)?;
            let again = model.reconstruct(&first, Keep::Mean)?;
            close(&again, &first, 1e-4)?;
            let cost = model.cost(&first)?;
            assert!(cost.bottleneck < 1e-6, "{bottleneck:?} {}", cost.bottleneck);
        }
        Ok(())
    }
}
