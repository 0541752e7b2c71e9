//! A layer whose inputs are rows of a table, and a few numbers that a latent makes for each image.

use candle_core::{DType, Result, Tensor, Var};
use vbc::training::BYTE_ONE;
use vbc_kernels::Leaky;

use crate::models::{INPUT_SCALE, byte, weights};
use crate::ops::{HotRows, add_act, add_hot, affine, gather_rows};
use crate::optim::Params;
use crate::rng::Rng;

/// Largest weight of an input: all of an output share a scale, and one that is large would leave the
/// others few steps.
const INPUT_MAX: f32 = 2.0;

/// The layer's parameters.
#[derive(Debug)]
pub(super) struct RowLayer {
    table: (Var, Var),
    /// What the image vector weighs.
    image: Option<Var>,
    zero: Tensor,
}

/// Bytes as floats, those that a unit is clamped to.
pub(super) fn relu() -> Leaky {
    Leaky::relu(255.0 / BYTE_ONE as f32)
}

impl RowLayer {
    /// Adds the parameters `name.weight`, `name.bias` and, of the image vector, `name.image`, which has `image` numbers, 0 for
    /// none.
    pub fn new(
        params: &mut Params,
        name: &str,
        [rows, image, width]: [usize; 3],
        rng: &mut Rng,
    ) -> Result<Self> {
        let device = params.device().clone();
        let zero = Tensor::zeros(width, DType::F32, &device)?;
        let w = rng.normal_tensor(&[rows, width], 0.05, &device)?;
        let weight = format!("{name}.weight");
        let table = (params.add(&weight, &w)?, params.add(&format!("{name}.bias"), &zero)?);
        params.set_bound(&weight, INPUT_MAX);
        let image = match image {
            0 => None,
            _ => {
                let w = rng.normal_tensor(&[image, width], 0.05, &device)?;
                Some(params.add(&format!("{name}.image"), &w)?)
            }
        };
        Ok(RowLayer { table, image, zero })
    }

    /// The units of as many rows as there are numbers in `images`, the image of each; `vector` are the images' numbers.
    pub fn units(
        &self,
        hot: &HotRows,
        (vector, images): (Option<&Tensor>, &[u32]),
        quantise: bool,
    ) -> Result<Tensor> {
        let rows = self.table.0.dim(0)?;
        let mut table = self.table.0.as_tensor().clone();
        let mut of_image = self.image.as_ref().map(|w| w.as_tensor().clone());
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
        let (n, width) = (images.len(), table.dim(1)?);
        let base = self.table.1.broadcast_as((n, width))?.contiguous()?;
        let sums = add_hot(&base, &table, hot)?;
        let term = match (vector, of_image) {
            (Some(vector), Some(to_units)) => {
                gather_rows(&affine(vector, &to_units, &self.zero, Leaky::NONE)?, images)?
            }
            _ => sums.zeros_like()?,
        };
        byte(add_act(&sums, &term, relu())?, quantise)
    }
}
