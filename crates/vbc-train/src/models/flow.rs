//! NICE: four additive couplings over an even/odd split, with a redundancy bottleneck.

use candle_core::{DType, Device, Result, Tensor, Var};
use vbc_kernels::{Chunking, Leaky, Part, Weight, coupling, redundancy, uncoupling};

use super::{ACTIVATION_MAX, even_odd, weights};
use crate::ops::affine;
use crate::optim::Params;
use crate::rng::Rng;

/// Negative activations are multiplied by 2^−3.
pub const SLOPE_SHIFT: u8 = 3;

/// Number of couplings.
pub const COUPLINGS: usize = 4;

/// f, f⁻¹ and the chunk mean. Pixels enter as p / 256, in split order: all even raster positions,
/// then all odd ones.
#[derive(Debug)]
pub struct Nice {
    /// For each coupling its two layers: weight (i, o) and bias.
    layers: Vec<[(Var, Var); 2]>,
    /// ln of the step of each latent dimension (m).
    log_step: Var,
    chunking: Chunking,
    /// (m, d): copies a latent into every chunk.
    copy: Tensor,
    half: usize,
}

/// What one pass through the bottleneck gives.
#[derive(Debug)]
pub struct Bottleneck {
    /// z before rounding (n, m), in steps.
    pub z: Tensor,
    /// Σ over the groups of the unbiased variance of the c values, mean over the images: a scalar.
    pub redundancy: Tensor,
}

impl Nice {
    /// Adds the flow's parameters to `params`: names `flow.K.I.weight`, `flow.K.I.bias` and
    /// `latent.log_step`. `chunks[k][j]` are raster positions.
    pub fn new(
        params: &mut Params,
        chunks: &[Vec<usize>],
        hidden: usize,
        rng: &mut Rng,
    ) -> Result<Self> {
        let (c, m) = (chunks.len(), chunks[0].len());
        let d = c * m;
        let half = d / 2;
        let device = params.device().clone();
        let mut layers = Vec::new();
        for k in 0..COUPLINGS {
            let name = format!("flow.{k}");
            let first = rng.he_normal(half, hidden, &device)?;
            let last = rng.normal_tensor(&[hidden, half], 0.003, &device)?;
            layers.push([
                (
                    params.add(&format!("{name}.0.weight"), &first)?,
                    params.add(&format!("{name}.0.bias"), &zeros(hidden, &device)?)?,
                ),
                (
                    params.add(&format!("{name}.1.weight"), &last)?,
                    params.add(&format!("{name}.1.bias"), &zeros(half, &device)?)?,
                ),
            ]);
        }
        let start = Tensor::full((1.0f32 / 8.0).ln(), m, &device)?;
        let log_step = params.add("latent.log_step", &start)?;
        let split: Vec<usize> = even_odd(d).concat();
        let mut place = vec![0; d];
        split.iter().enumerate().for_each(|(at, &raster)| place[raster] = at);
        let chunks: Vec<Vec<usize>> = chunks
            .iter()
            .map(|chunk| chunk.iter().map(|&raster| place[raster]).collect())
            .collect();
        let mut copy = vec![0f32; m * d];
        for chunk in &chunks {
            chunk.iter().enumerate().for_each(|(j, &place)| copy[j * d + place] = 1.0);
        }
        Ok(Nice {
            layers,
            log_step,
            chunking: Chunking::new(&chunks, &device)?,
            copy: Tensor::from_vec(copy, (m, d), &device)?,
            half,
        })
    }

    /// m(x) of coupling `k`.
    fn shift(&self, k: usize, x: &Tensor, quantise: bool) -> Result<Tensor> {
        let [(w0, b0), (w1, b1)] = &self.layers[k];
        let act = Leaky { slope: 1.0 / f32::from(1u8 << SLOPE_SHIFT), max: ACTIVATION_MAX };
        let h = affine(x, &weights(w0, quantise)?, b0, act)?;
        affine(&h, &weights(w1, quantise)?, b1, Leaky::NONE)
    }

    fn halves(&self, x: &Tensor) -> Result<[Tensor; 2]> {
        Ok([
            x.narrow(1, 0, self.half)?.contiguous()?,
            x.narrow(1, self.half, self.half)?.contiguous()?,
        ])
    }

    /// y = f(x), both (n, d) in split order.
    pub fn forward(&self, x: &Tensor, quantise: bool) -> Result<Tensor> {
        let mut halves = self.halves(x)?;
        for k in 0..COUPLINGS {
            let shift = self.shift(k, &halves[k % 2], quantise)?;
            halves[1 - k % 2] = coupling(&halves[1 - k % 2], &shift, Part::whole(self.half))?;
        }
        Tensor::cat(&halves, 1)
    }

    /// x = f⁻¹(y), both (n, d) in split order.
    pub fn inverse(&self, y: &Tensor, quantise: bool) -> Result<Tensor> {
        let mut halves = self.halves(y)?;
        for k in (0..COUPLINGS).rev() {
            let shift = self.shift(k, &halves[k % 2], quantise)?;
            halves[1 - k % 2] = uncoupling(&halves[1 - k % 2], &shift, Part::whole(self.half))?;
        }
        Tensor::cat(&halves, 1)
    }

    /// The chunk mean of y in steps, and how far the chunks are from being copies.
    pub fn squeeze(&self, y: &Tensor) -> Result<Bottleneck> {
        let squeezed = redundancy(y, &self.chunking, Weight::Groups)?;
        let (mean, redundancy) = (squeezed.mean, squeezed.redundancy.mean_all()?);
        let z = mean.broadcast_mul(&self.log_step.as_tensor().neg()?.exp()?)?;
        Ok(Bottleneck { z, redundancy })
    }

    /// y whose chunks are all z · step.
    pub fn expand(&self, z: &Tensor) -> Result<Tensor> {
        self.expand_values(&z.broadcast_mul(&self.log_step.as_tensor().exp()?)?)
    }

    fn expand_values(&self, values: &Tensor) -> Result<Tensor> {
        let zero = zeros(self.copy.dim(1)?, self.copy.device())?;
        affine(values, &self.copy, &zero, Leaky::NONE)
    }
}

fn zeros(n: usize, device: &Device) -> Result<Tensor> {
    Tensor::zeros(n, DType::F32, device)
}
