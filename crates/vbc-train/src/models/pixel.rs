//! The pixel network: row part, pixel part, head (SPEC.md section 6.2 to 6.4).

use candle_core::{DType, Result, Tensor, Var};
use serde::{Deserialize, Serialize};
use vbc::training::{BYTE_INPUT_ONE, BYTE_ONE, COPY_VALUES, Contexts, PATCH_FIRST};
use vbc_kernels::Leaky;

use super::weights;
use crate::ops::{
    HeadBatch, HotRows, add_act, add_hot, affine, binary_nll, gather_rows, grouped_affine, head_nll,
};
use crate::optim::Params;
use crate::rng::Rng;

/// Widths of the network's layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PixelSizes {
    /// The image vector, made of the latent.
    pub image: usize,
    /// The row vector.
    pub row: usize,
    /// The first hidden layer of the pixel part.
    pub pixel: usize,
    /// The last hidden layer, of ink alone.
    pub hidden: usize,
}

/// What an input's weight is divided by to stand beside an activation's: both are bytes, of which an
/// input has more fractional bits.
pub const INPUT_SCALE: f64 = BYTE_INPUT_ONE as f64 / BYTE_ONE as f64;

/// Largest weight of an output to which the integer layer gives 10 fractional bits, from activations
/// with 5: the shift between them cannot be negative.
const OUTPUT_MAX: f32 = 3.9;

/// The inputs of n pixels with context, of several images.
#[derive(Debug)]
pub struct PixelBatch {
    /// Latents less their centres (images, m); `None` without a latent.
    pub latents: Option<Tensor>,
    /// Which image each pixel is of.
    pub image: Vec<u32>,
    /// Where in its image each pixel is, in raster order.
    pub position: Vec<u32>,
    /// The points of x̂ among the inputs in `row`, once more (n, points), for their gradient's sake;
    /// `None` where nothing wants it.
    pub patch: Option<Tensor>,
    /// Dense inputs of the row part (n, [`ROW_DENSE`](vbc::training::ROW_DENSE)), and which of those
    /// behind them are 1.
    pub row: Tensor,
    /// See [`row`](Self::row).
    pub row_hot: HotRows,
    /// The same of the pixel part.
    pub pixel: Tensor,
    /// See [`pixel`](Self::pixel).
    pub pixel_hot: HotRows,
    /// Which pixels are ink.
    pub ink: Vec<bool>,
    /// What the high nibble's head is given of each pixel that is ink.
    pub high: HeadBatch,
    /// What the low nibble's head is given.
    pub low: HeadBatch,
}

/// The network's parameters: names as in the model file.
#[derive(Debug)]
pub struct PixelNet {
    image: Option<(Var, Var)>,
    /// Feature inputs and bias; then the image vector's weights.
    row: (Var, Var),
    row_image: Option<Var>,
    /// The row vector's weights and bias; then the pixel inputs' weights.
    pixel: (Var, Var),
    pixel_inputs: Var,
    ink: (Var, Var),
    hidden: (Var, Var),
    high: (Var, Var),
    low: (Var, Var),
    zero_row: Tensor,
    zero_pixel: Tensor,
}

impl PixelNet {
    /// Adds the network's parameters; `latent` is m, 0 for none; `gates` are those of the two heads.
    pub fn new(
        params: &mut Params,
        contexts: &Contexts,
        latent: usize,
        sizes: PixelSizes,
        gates: [usize; 2],
        rng: &mut Rng,
    ) -> Result<Self> {
        let device = params.device().clone();
        let zeros = |n: usize| Tensor::zeros(n, DType::F32, &device);
        let (row_len, pixel_len) = (contexts.row_len(), contexts.pixel_len());
        let mut layer = |name: &str, i: usize, o: usize, std: f64| -> Result<(Var, Var)> {
            let w = rng.normal_tensor(&[i, o], std, &device)?;
            Ok((
                params.add(&format!("{name}.weight"), &w)?,
                params.add(&format!("{name}.bias"), &zeros(o)?)?,
            ))
        };
        let he = |i: usize| (2.0 / i as f64).sqrt();
        let image = if latent > 0 {
            Some(layer("image", latent, sizes.image, 0.5 * he(latent))?)
        } else {
            None
        };
        // Few of a row's inputs are not 0 at a time.
        let row = layer("row", row_len, sizes.row, 0.1)?;
        let pixel = layer("pixel", sizes.row, sizes.pixel, 0.7 * he(sizes.row))?;
        let ink = layer("ink", sizes.pixel, 1, 0.02)?;
        let hidden = layer("hidden", sizes.pixel, sizes.hidden, he(sizes.pixel))?;
        let high = layer("head.high", sizes.hidden, 16 + gates[0] + COPY_VALUES, 0.02)?;
        let row_image = match latent {
            0 => None,
            _ => {
                let w = rng.normal_tensor(&[sizes.image, sizes.row], 0.05, &device)?;
                Some(params.add("row.image", &w)?)
            }
        };
        let w = rng.normal_tensor(&[pixel_len, sizes.pixel], 0.1, &device)?;
        let pixel_inputs = params.add("pixel.inputs", &w)?;
        let low_len = 16 + gates[1] + COPY_VALUES;
        let w = rng.normal_tensor(&[16, sizes.hidden, low_len], 0.02, &device)?;
        let low = (
            params.add("head.low.weight", &w)?,
            params.add("head.low.bias", &Tensor::zeros((16, low_len), DType::F32, &device)?)?,
        );
        for name in ["ink.weight", "head.high.weight", "head.low.weight"] {
            params.set_bound(name, OUTPUT_MAX);
        }
        Ok(PixelNet {
            image,
            row,
            row_image,
            pixel,
            pixel_inputs,
            ink,
            hidden,
            high,
            low,
            zero_row: zeros(sizes.row)?,
            zero_pixel: zeros(sizes.pixel)?,
        })
    }

    /// Code length of all pixels of the batch together, in bits: a scalar.
    pub fn bits(&self, batch: &PixelBatch, quantise: bool) -> Result<Tensor> {
        let relu = Leaky::relu(255.0 / BYTE_ONE as f32);
        // As the bytes that the integer network has.
        let byte = |x: Tensor| super::byte(x, quantise);
        // The two inputs of a layer share an output's scale, so they are rounded as one matrix:
        // weights of inputs first, of activations second.
        let joined = |a: &Var, b: Option<&Var>| -> Result<(Tensor, Option<Tensor>)> {
            if !quantise {
                return Ok((a.as_tensor().clone(), b.map(|b| b.as_tensor().clone())));
            }
            let inputs = (a.as_tensor() / INPUT_SCALE)?;
            let both = match b {
                Some(b) => weights(&Tensor::cat(&[&inputs, b.as_tensor()], 0)?, true)?,
                None => weights(&inputs, true)?,
            };
            let i = a.dim(0)?;
            let inputs = (both.narrow(0, 0, i)?.contiguous()? * INPUT_SCALE)?;
            let others = b.map(|b| both.narrow(0, i, b.dim(0)?)?.contiguous()).transpose()?;
            Ok((inputs, others))
        };
        let (row_w, row_image_w) = joined(&self.row.0, self.row_image.as_ref())?;
        let features = inputs(&batch.row, &batch.row_hot, &row_w, &self.row.1)?;
        let row = byte(match (&self.image, &batch.latents, row_image_w) {
            (Some(image), Some(z), Some(w)) => {
                let v = byte(affine(z, &weights(&image.0, quantise)?, &image.1, relu)?)?;
                let term =
                    gather_rows(&affine(&v, &w, &self.zero_row, Leaky::NONE)?, &batch.image)?;
                let features = match &batch.patch {
                    Some(patch) => (features + self.pull(patch, &row_w)?)?,
                    None => features,
                };
                add_act(&features, &term, relu)?
            }
            _ => add_act(&features, &features.zeros_like()?, relu)?,
        })?;
        let (inputs_w, pixel_w) = joined(&self.pixel_inputs, Some(&self.pixel.0))?;
        let pixel_w = pixel_w.unwrap_or_else(|| self.pixel.0.as_tensor().clone());
        let from_row = affine(&row, &pixel_w, &self.pixel.1, Leaky::NONE)?;
        let from_pixel = inputs(&batch.pixel, &batch.pixel_hot, &inputs_w, &self.zero_pixel)?;
        let pixel = byte(add_act(&from_row, &from_pixel, relu)?)?;
        let ink = affine(&pixel, &weights(&self.ink.0, quantise)?, &self.ink.1, Leaky::NONE)?;
        let ink = binary_nll(&ink, &batch.ink)?;
        let inked: Vec<u32> = (0u32..).zip(&batch.ink).filter(|p| *p.1).map(|p| p.0).collect();
        if inked.is_empty() {
            return Ok(ink);
        }
        let pixel = gather_rows(&pixel, &inked)?;
        let hidden =
            byte(affine(&pixel, &weights(&self.hidden.0, quantise)?, &self.hidden.1, relu)?)?;
        let high = affine(&hidden, &weights(&self.high.0, quantise)?, &self.high.1, Leaky::NONE)?;
        let low = grouped_affine(
            &hidden,
            &weights(&self.low.0, quantise)?,
            &self.low.1,
            &batch.high.targets,
        )?;
        ink + (head_nll(&high, &batch.high)? + head_nll(&low, &batch.low)?)?
    }

    /// Zeros (n, row vector) through which the row part's gradient reaches `patch`: `row` holds the
    /// same values as data, and its gradient as a whole would cost as much as the layer itself.
    fn pull(&self, patch: &Tensor, row_w: &Tensor) -> Result<Tensor> {
        let w = row_w.narrow(0, PATCH_FIRST, patch.dim(1)?)?.contiguous()?.detach();
        affine(&(patch - patch.detach())?, &w, &self.zero_row, Leaky::NONE)
    }
}

/// What a part's inputs add to its layer: `dense` times the first of the weights, and of those behind
/// them the rows that `hot` names.
fn inputs(dense: &Tensor, hot: &HotRows, weights: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (first, all) = (dense.dim(1)?, weights.dim(0)?);
    let sums = affine(dense, &weights.narrow(0, 0, first)?, bias, Leaky::NONE)?;
    add_hot(&sums, &weights.narrow(0, first, all - first)?, hot)
}
