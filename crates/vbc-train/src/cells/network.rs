//! The network for cells as floats: a sum of table rows, and linear outputs.

use candle_core::{DType, Result, Tensor, Var};
use vbc::training::BYTE_ONE;
use vbc::training::cells::{CELL_LEVELS, CELLS};
use vbc_kernels::Leaky;

use super::data::{HIGH_GATES, LOW_GATES};
use crate::models::{INPUT_SCALE, byte, weights};
use crate::ops::{HeadBatch, HotRows, add_act, add_hot, affine, binary_nll, gather_rows, head_nll};
use crate::optim::Params;
use crate::rng::Rng;

/// Largest weight of an input: all of an output share a scale, and one that is large would leave the
/// others few steps.
const INPUT_MAX: f32 = 2.0;

/// Largest weight of an output, which has 10 fractional bits where its inputs have 5.
const OUTPUT_MAX: f32 = 3.9;

/// Largest logit that is an entry of a table.
const LOGIT_MAX: f32 = 30.0;

/// Cells that the network codes.
#[derive(Debug, Default)]
pub struct CellBatch {
    /// Latents less their centres (images, m); `None` without a latent.
    pub latents: Option<Tensor>,
    /// The cells without ink near: which entry of either table each has, and whether it is ink.
    pub plain_place: Vec<u32>,
    /// See [`plain_place`](Self::plain_place).
    pub plain_level: Vec<u32>,
    /// See [`plain_place`](Self::plain_place).
    pub plain_ink: Vec<bool>,
    /// Which image each of the others, and of those that are ink, is of.
    pub image: Vec<u32>,
    /// Which inputs are 1.
    pub hot: HotRows,
    /// The cells whose being ink is asked for, and whether they are.
    pub asked: Vec<u32>,
    /// See [`asked`](Self::asked).
    pub ink: Vec<bool>,
    /// The cells that are ink, and what the head is given of them.
    pub inked: Vec<u32>,
    /// See [`inked`](Self::inked).
    pub high: HeadBatch,
    /// See [`inked`](Self::inked).
    pub low: HeadBatch,
}

/// The network's parameters: names as in the model file.
#[derive(Debug)]
pub struct CellNet {
    image: Option<(Var, Var)>,
    inputs: (Var, Var),
    inputs_image: Option<Var>,
    plain: [Var; 2],
    ink: (Var, Var),
    head: (Var, Var),
    low: Var,
    zero: Tensor,
}

impl CellNet {
    /// Adds the parameters of a network of `rows` inputs and `width` units, which is told `image` numbers of a latent of length
    /// `latent`, 0 for none.
    pub fn new(
        params: &mut Params,
        rows: usize,
        width: usize,
        [latent, image]: [usize; 2],
        rng: &mut Rng,
    ) -> Result<Self> {
        let device = params.device().clone();
        let zeros = |n: usize| Tensor::zeros(n, DType::F32, &device);
        let mut layer = |name: &str, i: usize, o: usize, std: f64| -> Result<(Var, Var)> {
            let w = rng.normal_tensor(&[i, o], std, &device)?;
            Ok((
                params.add(&format!("{name}.weight"), &w)?,
                params.add(&format!("{name}.bias"), &zeros(o)?)?,
            ))
        };
        let inputs = layer("cells.inputs", rows, width, 0.05)?;
        let ink = layer("cells.ink", width, 1, 0.05)?;
        let head = layer("cells.head", width, 16 + HIGH_GATES + LOW_GATES, 0.02)?;
        let (mut of_image, mut inputs_image) = (None, None);
        if latent > 0 {
            let std = 0.5 * (2.0 / latent as f64).sqrt();
            of_image = Some(layer("cells.image", latent, image, std)?);
            let w = rng.normal_tensor(&[image, width], 0.05, &device)?;
            inputs_image = Some(params.add("cells.inputs.image", &w)?);
        }
        let plain = Tensor::full(-4f32, (2 * CELLS, 1), &device)?;
        let plain = [
            params.add("cells.plain", &plain)?,
            params.add(
                "cells.plain.preview",
                &Tensor::zeros((CELL_LEVELS, 1), DType::F32, &device)?,
            )?,
        ];
        let low = params.add("cells.low", &Tensor::zeros((16, 16), DType::F32, &device)?)?;
        params.set_bound("cells.inputs.weight", INPUT_MAX);
        params.set_bound("cells.ink.weight", OUTPUT_MAX);
        params.set_bound("cells.head.weight", OUTPUT_MAX);
        params.set_bound("cells.low", LOGIT_MAX);
        params.set_bound("cells.plain", LOGIT_MAX);
        let zero = zeros(width)?;
        Ok(CellNet { image: of_image, inputs, inputs_image, plain, ink, head, low, zero })
    }

    /// Code length of the batch in bits, scalars: of ink where there is none near, of other ink, of high
    /// nibbles, of low ones.
    pub fn bits(&self, batch: &CellBatch, quantise: bool) -> Result<[Tensor; 4]> {
        let relu = Leaky::relu(255.0 / BYTE_ONE as f32);
        let rows = self.inputs.0.dim(0)?;
        let mut table = self.inputs.0.as_tensor().clone();
        let mut of_image = self.inputs_image.as_ref().map(|w| w.as_tensor().clone());
        if quantise {
            // Both kinds of inputs share an output's scale, so they are rounded as one matrix.
            let inputs = (&table / INPUT_SCALE)?;
            let both = match &of_image {
                Some(image) => weights(&Tensor::cat(&[&inputs, image], 0)?, true)?,
                None => weights(&inputs, true)?,
            };
            table = (both.narrow(0, 0, rows)?.contiguous()? * INPUT_SCALE)?;
            if let Some(image) = &mut of_image {
                *image = both.narrow(0, rows, image.dim(0)?)?.contiguous()?;
            }
        }
        let (n, width) = (batch.image.len(), table.dim(1)?);
        let base = self.inputs.1.broadcast_as((n, width))?.contiguous()?;
        let sums = add_hot(&base, &table, &batch.hot)?;
        let term = match (&self.image, &batch.latents, of_image) {
            (Some((w, b)), Some(z), Some(to_units)) => {
                let vector = byte(affine(z, &weights(w, quantise)?, b, relu)?, quantise)?;
                gather_rows(&affine(&vector, &to_units, &self.zero, Leaky::NONE)?, &batch.image)?
            }
            _ => sums.zeros_like()?,
        };
        let units = byte(add_act(&sums, &term, relu)?, quantise)?;
        let [place, level] = &self.plain;
        let plain = (gather_rows(place.as_tensor(), &batch.plain_place)?
            + gather_rows(level.as_tensor(), &batch.plain_level)?)?;
        let plain = binary_nll(&plain, &batch.plain_ink)?;
        let (w, b) = &self.ink;
        let asked = gather_rows(&units, &batch.asked)?;
        let ink = affine(&asked, &weights(w, quantise)?, b, Leaky::NONE)?;
        let ink = binary_nll(&ink, &batch.ink)?;
        let (w, b) = &self.head;
        let inked = gather_rows(&units, &batch.inked)?;
        let head = affine(&inked, &weights(w, quantise)?, b, Leaky::NONE)?;
        let highs: Vec<u32> = batch.high.targets.iter().map(|&h| h.into()).collect();
        let low = gather_rows(self.low.as_tensor(), &highs)?;
        let gates = head.narrow(1, 16 + HIGH_GATES, LOW_GATES)?;
        let low = Tensor::cat(&[&low, &gates], 1)?.contiguous()?;
        let high = head.narrow(1, 0, 16 + HIGH_GATES)?.contiguous()?;
        Ok([plain, ink, head_nll(&high, &batch.high)?, head_nll(&low, &batch.low)?])
    }
}
