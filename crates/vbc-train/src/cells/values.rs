//! What makes the logits of nibbles: a linear layer of the cells' units, or a network of its own.

use candle_core::{Result, Tensor, Var};
use vbc_kernels::Leaky;

use super::data::{HIGH_GATES, LOW_GATES};
use super::network::{CellBatch, LOGIT_MAX};
use super::rows::{RowLayer, relu};
use crate::models::{byte, weights};
use crate::ops::{affine, gather_rows, grouped_affine, head_nll};
use crate::optim::Params;
use crate::rng::Rng;

/// Largest weight of an output, which has 10 fractional bits where its inputs have 5.
pub(super) const OUTPUT_MAX: f32 = 3.9;

/// Largest output, of either sign: 16 bits with 10 fractional ones.
const SATURATED: f32 = 32_767.0 / 1_024.0;

/// The two kinds.
#[derive(Debug)]
pub(super) enum Values {
    /// High nibble and gates from the units; the low nibble's logits are a table by the high one.
    Units { head: (Var, Var), low: Var },
    /// Rows of a table of its own, a hidden layer, and a head for the high nibble and for each low one.
    Network { inputs: RowLayer, hidden: (Var, Var), high: (Var, Var), low: (Var, Var) },
}

impl Values {
    /// Adds the parameters of a linear layer of `width` units.
    pub fn of_units(params: &mut Params, width: usize, rng: &mut Rng) -> Result<Self> {
        let head = linear(params, "cells.head", &[width, 16 + HIGH_GATES + LOW_GATES], 0.02, rng)?;
        params.set_bound("cells.head.weight", OUTPUT_MAX);
        let table = zeros(params, &[16, 16])?;
        let low = params.add("cells.low", &table)?;
        params.set_bound("cells.low", LOGIT_MAX);
        Ok(Values::Units { head, low })
    }

    /// Adds the parameters of a network of `rows` inputs, which is told `image` numbers of each image, and of these
    /// widths: of the sums of rows, and of the hidden layer.
    pub fn network(
        params: &mut Params,
        [rows, image]: [usize; 2],
        [width, hidden]: [usize; 2],
        rng: &mut Rng,
    ) -> Result<Self> {
        let inputs = RowLayer::new(params, "cells.value.inputs", [rows, image, width], rng)?;
        let std = (2.0 / width as f64).sqrt();
        let of_hidden = linear(params, "cells.value.hidden", &[width, hidden], std, rng)?;
        let high = linear(params, "cells.value.high", &[hidden, 16 + HIGH_GATES], 0.02, rng)?;
        let low = linear(params, "cells.value.low", &[16, hidden, 16 + LOW_GATES], 0.02, rng)?;
        for name in ["cells.value.high.weight", "cells.value.low.weight"] {
            params.set_bound(name, OUTPUT_MAX);
        }
        Ok(Values::Network { inputs, hidden: of_hidden, high, low })
    }

    /// Code length in bits of the batch's high nibbles and of its low ones, scalars. `units` are those of the cells,
    /// and `vector` the images' numbers.
    pub fn bits(
        &self,
        batch: &CellBatch,
        units: &Tensor,
        vector: Option<&Tensor>,
        quantise: bool,
    ) -> Result<[Tensor; 2]> {
        let highs = &batch.high.targets;
        let (high, low) = match self {
            Values::Units { head: (w, b), low } => {
                let inked = gather_rows(units, &batch.inked)?;
                let head = affine(&inked, &weights(w, quantise)?, b, Leaky::NONE)?;
                let highs: Vec<u32> = highs.iter().map(|&h| h.into()).collect();
                let low = gather_rows(low.as_tensor(), &highs)?;
                let gates = head.narrow(1, 16 + HIGH_GATES, LOW_GATES)?;
                let low = Tensor::cat(&[&low, &gates], 1)?.contiguous()?;
                (head.narrow(1, 0, 16 + HIGH_GATES)?.contiguous()?, low)
            }
            Values::Network { inputs, hidden: (w, b), high, low } => {
                let of_images = (vector, &batch.inked_image[..]);
                let units = inputs.units(&batch.value_hot, of_images, quantise)?;
                let hidden = byte(affine(&units, &weights(w, quantise)?, b, relu())?, quantise)?;
                let of_high = affine(&hidden, &weights(&high.0, quantise)?, &high.1, Leaky::NONE)?;
                let low = grouped_affine(&hidden, &weights(&low.0, quantise)?, &low.1, highs)?;
                // As 16 bits hold them.
                let saturated = |x: Tensor| x.clamp(-SATURATED, SATURATED);
                (saturated(of_high)?, saturated(low)?)
            }
        };
        Ok([head_nll(&high, &batch.high)?, head_nll(&low, &batch.low)?])
    }
}

fn zeros(params: &Params, shape: &[usize]) -> Result<Tensor> {
    Tensor::zeros(shape, candle_core::DType::F32, params.device())
}

/// A layer (inputs, outputs), or as many layers as the first of three numbers says.
pub(super) fn linear(
    params: &mut Params,
    name: &str,
    shape: &[usize],
    std: f64,
    rng: &mut Rng,
) -> Result<(Var, Var)> {
    let w = rng.normal_tensor(shape, std, params.device())?;
    let layers = &shape[..shape.len() - 2];
    let b = zeros(params, &[layers, &shape[shape.len() - 1..]].concat())?;
    Ok((params.add(&format!("{name}.weight"), &w)?, params.add(&format!("{name}.bias"), &b)?))
}
