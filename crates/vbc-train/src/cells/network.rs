//! The networks for cells as floats: sums of table rows, and what their units say of ink and of nibbles.

use candle_core::{DType, Result, Tensor, Var};
use vbc::training::cells::{CELL_LEVELS, CELLS};
use vbc_kernels::Leaky;

use super::rows::{RowLayer, relu};
use super::values::{OUTPUT_MAX, Values, linear};
use crate::models::{byte, weights};
use crate::ops::{HeadBatch, HotRows, affine, binary_nll, gather_rows};
use crate::optim::Params;
use crate::rng::Rng;

/// Largest logit that is an entry of a table.
pub(super) const LOGIT_MAX: f32 = 30.0;

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
    /// Which image each of these is of, and which inputs of a network of values are 1.
    pub inked_image: Vec<u32>,
    /// See [`inked_image`](Self::inked_image).
    pub value_hot: HotRows,
    /// See [`inked`](Self::inked).
    pub high: HeadBatch,
    /// See [`inked`](Self::inked).
    pub low: HeadBatch,
}

/// Sizes of the networks.
#[derive(Clone, Copy, Debug)]
pub struct CellSizes {
    /// Table rows of the network that every cell asks.
    pub rows: usize,
    /// Its units.
    pub width: usize,
    /// Table rows of a network of values.
    pub value_rows: usize,
    /// Its units and hidden units, if there is one.
    pub values: Option<[usize; 2]>,
    /// Numbers of a latent, 0 for none.
    pub latent: usize,
    /// Numbers that are made of a latent.
    pub image: usize,
}

/// The networks' parameters: names as in the model file.
#[derive(Debug)]
pub struct CellNet {
    image: Option<(Var, Var)>,
    inputs: RowLayer,
    plain: [Var; 2],
    ink: (Var, Var),
    values: Values,
}

impl CellNet {
    /// Adds the parameters of networks of these sizes.
    pub fn new(params: &mut Params, sizes: CellSizes, rng: &mut Rng) -> Result<Self> {
        let CellSizes { rows, width, value_rows, values, latent, image } = sizes;
        let device = params.device().clone();
        let (of_image, image) = match latent {
            0 => (None, 0),
            _ => {
                let std = 0.5 * (2.0 / latent as f64).sqrt();
                (Some(linear(params, "cells.image", &[latent, image], std, rng)?), image)
            }
        };
        let inputs = RowLayer::new(params, "cells.inputs", [rows, image, width], rng)?;
        let ink = linear(params, "cells.ink", &[width, 1], 0.05, rng)?;
        params.set_bound("cells.ink.weight", OUTPUT_MAX);
        let values = match values {
            None => Values::of_units(params, width, rng)?,
            Some(widths) => Values::network(params, [value_rows, image], widths, rng)?,
        };
        let plain = Tensor::full(-4f32, (2 * CELLS, 1), &device)?;
        let level = Tensor::zeros((CELL_LEVELS, 1), DType::F32, &device)?;
        let plain =
            [params.add("cells.plain", &plain)?, params.add("cells.plain.preview", &level)?];
        params.set_bound("cells.plain", LOGIT_MAX);
        Ok(CellNet { image: of_image, inputs, plain, ink, values })
    }

    /// Code length of the batch in bits, scalars: of ink where there is none near, of other ink, of high
    /// nibbles, of low ones.
    pub fn bits(&self, batch: &CellBatch, quantise: bool) -> Result<[Tensor; 4]> {
        let vector = match (&self.image, &batch.latents) {
            (Some((w, b)), Some(z)) => {
                Some(byte(affine(z, &weights(w, quantise)?, b, relu())?, quantise)?)
            }
            _ => None,
        };
        let of_images = (vector.as_ref(), &batch.image[..]);
        let units = self.inputs.units(&batch.hot, of_images, quantise)?;
        let [place, level] = &self.plain;
        let plain = (gather_rows(place.as_tensor(), &batch.plain_place)?
            + gather_rows(level.as_tensor(), &batch.plain_level)?)?;
        let plain = binary_nll(&plain, &batch.plain_ink)?;
        let (w, b) = &self.ink;
        let asked = gather_rows(&units, &batch.asked)?;
        let ink = affine(&asked, &weights(w, quantise)?, b, Leaky::NONE)?;
        let ink = binary_nll(&ink, &batch.ink)?;
        let [high, low] = self.values.bits(batch, &units, vector.as_ref(), quantise)?;
        Ok([plain, ink, high, low])
    }
}
