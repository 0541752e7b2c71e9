//! Flow, steps, smooth prior and pixel network together, on the rate that they make together.

use anyhow::{Result, ensure};
use candle_core::Tensor;
use vbc::training::patch_offsets;
use vbc_kernels::{Window, window_gather};

use vbc::training::grid::Grid;

use super::batch::{BatchMaker, Dataset};
use super::run::{Run, Stage};
use super::transform::{batch, noise};
use crate::data::Images;
use crate::models::{LogisticPrior, Nice, PixelBatch, PixelNet};
use crate::ops::with_gradient_of;
use crate::optim::Params;
use crate::rng::Rng;

/// What trains together, and the weights of the loss.
#[derive(Debug)]
pub struct Joint<'a> {
    /// The flow and its steps.
    pub flow: &'a Nice,
    /// The smooth prior.
    pub proxy: &'a LogisticPrior,
    /// The pixel network.
    pub net: &'a PixelNet,
    /// Makes the pixel network's contexts.
    pub maker: &'a BatchMaker,
    /// What latents (m) enter the pixel network less of.
    pub centres: &'a [i32],
    /// The grid of every image; empty where none has one.
    pub grids: &'a [Option<Grid>],
    /// Share of an image's active pixels that a step looks at.
    pub keep: f64,
    /// Weight of an image's squared error Σ(x̂ − x)², pixels in 0..1, against a bit.
    pub lambda: f64,
    /// Weight of the redundancy.
    pub beta: f64,
}

/// Trains all parts. The loss is bits(z) + bits of the active pixels + λ · Σ(x̂ − x)² + β ·
/// redundancy, a mean over images. The pixel network sees z and x̂ rounded as the codec has them;
/// its gradient passes through the rounding into the flow.
///
/// Until the stage's late parameters join, which must be all but the pixel network's, that trains
/// alone on its own bits: a network that knows nothing yet pulls the flow nowhere useful. In the
/// last fifth the weights are rounded as they will be stored.
///
/// # Errors
/// Those of the run; centres that are not one a dimension.
pub fn train_joint(
    run: &Run,
    stage: &Stage,
    params: &mut Params,
    parts: &Joint,
    images: &Images,
) -> Result<()> {
    let points = Points::new(images.height, images.width);
    let device = params.device().clone();
    run.train(stage, params, images.n, |rng, items, step| {
        let quantise = step * 5 >= stage.steps * 4;
        let alone = stage.late.is_some_and(|late| step < late.from);
        parts.loss(&batch(images, items, &device)?, images, items, &points, quantise, alone, rng)
    })
}

/// x̂ (n, d) as p / 256 for whole p in 0..=255; no gradient where it leaves that range.
fn on_grid(preview: &Tensor) -> Result<Tensor> {
    let inside = preview.clamp(0.0, 255.0 / 256.0)?;
    Ok(with_gradient_of(&((&inside * 256.0)?.round()? / 256.0)?, &inside)?)
}

impl Joint<'_> {
    /// The loss of the images `items`, which are `x` in split order, and the numbers to report; that
    /// of the pixel network `alone`, or of all.
    #[expect(clippy::too_many_arguments, reason = "each is a state of the stage")]
    fn loss(
        &self,
        x: &Tensor,
        images: &Images,
        items: &[u32],
        points: &Points,
        quantise: bool,
        alone: bool,
        rng: &mut Rng,
    ) -> Result<(Tensor, Vec<f64>)> {
        let b = self.flow.squeeze(&self.flow.forward(x, quantise)?)?;
        ensure!(b.z.dim(1)? == self.centres.len(), "{} centres", self.centres.len());
        let latent_bits = self.proxy.rate(&(&b.z + noise(rng, &b.z)?)?)?;
        let z = with_gradient_of(&b.z.round()?, &b.z)?;
        let preview = self.flow.inverse(&self.flow.expand(&z)?, quantise)?;
        let error = ((&preview - x)?.sqr()?.sum_all()? / items.len() as f64)?;
        let grid = on_grid(&preview)?;
        let batch = if alone {
            self.pixels(images, items, points, &z.detach(), &grid.detach(), rng)?
        } else {
            self.pixels(images, items, points, &z, &grid, rng)?
        };
        let scale = 1.0 / (self.keep * items.len() as f64);
        let pixel_bits = (self.net.bits(&batch, quantise)? * scale)?;
        let loss = if alone {
            pixel_bits.clone()
        } else {
            let pull = ((error * self.lambda)? + (&b.redundancy * self.beta)?)?;
            ((&latent_bits + &pixel_bits)? + pull)?
        };
        let number = |t: &Tensor| Ok::<_, candle_core::Error>(f64::from(t.to_scalar::<f32>()?));
        let (latent, pixel) = (number(&latent_bits)?, number(&pixel_bits)?);
        let mse = number(&(grid - x)?.sqr()?.mean_all()?)?;
        let dimensions = images.image_len() as f64;
        let all = (latent + pixel) / dimensions;
        Ok((loss, vec![all, latent, pixel, -10.0 * mse.log10(), number(&b.redundancy)?]))
    }

    /// The pixels of the images `items` with whole latents `z` (n, m) and x̂ `grid` (n, d) in split
    /// order; what either leads to gets the pixels' gradient.
    fn pixels(
        &self,
        images: &Images,
        items: &[u32],
        points: &Points,
        z: &Tensor,
        grid: &Tensor,
        rng: &mut Rng,
    ) -> Result<PixelBatch> {
        let raster = points.raster(grid)?.flatten_all()?.to_vec1::<f32>()?;
        let previews = raster.into_iter().map(|v| (v * 256.0) as u8).collect();
        let pixels = items.iter().flat_map(|&i| images.image(i as usize)).copied().collect();
        let images = Images { n: items.len(), pixels, ..*images };
        let grids = items.iter().filter_map(|&i| self.grids.get(i as usize).copied()).collect();
        let data = Dataset { images, latents: Vec::new(), previews, grids, is_counted: true };
        let all: Vec<u32> = (0..items.len() as u32).collect();
        let mut batch = self.maker.batch(&data, &all, self.keep, rng)?;
        let centres: Vec<f32> = self.centres.iter().map(|&c| c as f32).collect();
        let centres = Tensor::from_vec(centres, self.centres.len(), z.device())?;
        batch.latents = Some(z.broadcast_sub(&centres)?.clamp(-127f32, 127f32)?);
        // As an input x̂ is p / 128.
        batch.patch = Some(points.of(&(grid * 2.0)?, &batch)?);
        Ok(batch)
    }
}

/// The points of x̂ that a pixel looks at.
#[derive(Debug)]
struct Points {
    height: usize,
    width: usize,
}

impl Points {
    fn new(height: usize, width: usize) -> Self {
        Points { height, width }
    }

    /// The points around each pixel of the batch (pixels, points), from x̂ (images, d) in split
    /// order.
    fn of(&self, grid: &Tensor, batch: &PixelBatch) -> Result<Tensor> {
        let offsets: Vec<(i32, i32)> = patch_offsets().collect();
        let pixels: Vec<(u32, u32)> =
            batch.image.iter().copied().zip(batch.position.iter().copied()).collect();
        let shape = (grid.dim(0)?, self.height, self.width);
        let window = Window::new(shape, &pixels, &offsets, grid.device())?;
        Ok(window_gather(&self.raster(grid)?, &window)?)
    }

    /// x̂ (images, height, width) from its split order: even positions, then odd ones.
    fn raster(&self, grid: &Tensor) -> Result<Tensor> {
        let (n, half) = (grid.dim(0)?, grid.dim(1)? / 2);
        let halves = [grid.narrow(1, 0, half)?, grid.narrow(1, half, half)?];
        Ok(Tensor::stack(&halves, 2)?.reshape((n, self.height, self.width))?)
    }
}

#[cfg(test)]
#[path = "joint_tests.rs"]
mod tests;
