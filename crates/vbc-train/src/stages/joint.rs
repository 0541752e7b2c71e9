//! Flow, steps, smooth prior and pixel network together, on the rate that they make together.

use anyhow::{Result, ensure};
use candle_core::Tensor;
use vbc::training::patch_offsets;
use vbc_kernels::{Window, window_gather};

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
    run.train(stage, params, images.n, |rng, items, step| {
        let quantise = step * 5 >= stage.steps * 4;
        let alone = stage.late.is_some_and(|late| step < late.from);
        let x = batch(images, items)?;
        let b = parts.flow.squeeze(&parts.flow.forward(&x, quantise)?)?;
        ensure!(b.z.dim(1)? == parts.centres.len(), "{} centres", parts.centres.len());
        let latent_bits = parts.proxy.rate(&(&b.z + noise(rng, b.z.dims2()?)?)?)?;
        let z = with_gradient_of(&b.z.round()?, &b.z)?;
        let preview = parts.flow.inverse(&parts.flow.expand(&z)?, quantise)?;
        let error = ((&preview - &x)?.sqr()?.sum_all()? / items.len() as f64)?;
        let grid = on_grid(&preview)?;
        let batch = if alone {
            parts.pixels(images, items, &points, &z.detach(), &grid.detach(), rng)?
        } else {
            parts.pixels(images, items, &points, &z, &grid, rng)?
        };
        let scale = 1.0 / (parts.keep * items.len() as f64);
        let pixel_bits = (parts.net.bits(&batch, quantise)? * scale)?;
        let loss = if alone {
            pixel_bits.clone()
        } else {
            let pull = ((error * parts.lambda)? + (&b.redundancy * parts.beta)?)?;
            ((&latent_bits + &pixel_bits)? + pull)?
        };
        let number = |t: &Tensor| Ok::<_, candle_core::Error>(f64::from(t.to_scalar::<f32>()?));
        let (latent, pixel) = (number(&latent_bits)?, number(&pixel_bits)?);
        let mse = number(&(grid - x)?.sqr()?.mean_all()?)?;
        let dimensions = images.image_len() as f64;
        let all = (latent + pixel) / dimensions;
        Ok((loss, vec![all, latent, pixel, -10.0 * mse.log10(), number(&b.redundancy)?]))
    })
}

/// x̂ (n, d) as p / 256 for whole p in 0..=255; no gradient where it leaves that range.
fn on_grid(preview: &Tensor) -> Result<Tensor> {
    let inside = preview.clamp(0.0, 255.0 / 256.0)?;
    Ok(with_gradient_of(&((&inside * 256.0)?.round()? / 256.0)?, &inside)?)
}

impl Joint<'_> {
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
        let data = Dataset { images, latents: Vec::new(), previews };
        let all: Vec<u32> = (0..items.len() as u32).collect();
        let mut batch = self.maker.batch(&data, &all, self.keep, rng)?;
        let centres: Vec<f32> = self.centres.iter().map(|&c| c as f32).collect();
        let centres = Tensor::from_vec(centres, self.centres.len(), z.device())?;
        batch.latents = Some(z.broadcast_sub(&centres)?.clamp(-127f32, 127f32)?);
        batch.patch = Some(points.of(grid, &batch)?);
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
mod tests {
    use super::*;
    use candle_core::{Device, Var};
    use vbc::training::{Contexts, PATCH_FIRST};

    use crate::models::{PixelSizes, block_chunks};
    use crate::stages::Tables;

    const SIDE: usize = 8;
    const SIZES: PixelSizes = PixelSizes { image: 4, row: 6, pixel: 6, hidden: 4 };

    /// Two images of noise, and x̂ beyond the grid's ends too.
    fn example() -> Result<(Images, Tensor, Tensor)> {
        let mut rng = Rng::new(3, 0);
        let pixels = (0..2 * SIDE * SIDE).map(|_| rng.below(256) as u8).collect();
        let images = Images { n: 2, height: SIDE, width: SIDE, channels: 1, pixels };
        let preview = (rng.normal_tensor(&[2, SIDE * SIDE], 0.4, &Device::Cpu)? + 0.4)?;
        let z = (rng.normal_tensor(&[2, SIDE * SIDE / 8], 3.0, &Device::Cpu)?).round()?;
        Ok((images, preview, z))
    }

    fn with_parts<R>(f: impl FnOnce(&Joint) -> Result<R>) -> Result<R> {
        let (mut params, mut rng) = (Params::new(), Rng::new(1, 0));
        let chunks = block_chunks(SIDE, SIDE, 8).unwrap();
        let m = chunks[0].len();
        let maker = BatchMaker { contexts: Contexts::new(SIDE, SIDE), tables: Tables::default() };
        let (p, r, gates) = (&mut params, &mut rng, maker.tables.gates());
        let flow = Nice::new(p, &chunks, 8, r)?;
        let proxy = LogisticPrior::new(p, m, 8, r)?;
        let net = PixelNet::new(p, &maker.contexts, m, SIZES, gates, r)?;
        let centres = &vec![1; m];
        let (flow, proxy, net, maker) = (&flow, &proxy, &net, &maker);
        f(&Joint { flow, proxy, net, maker, centres, keep: 1.0, lambda: 2.0, beta: 1.0 })
    }

    #[test]
    fn the_gather_agrees_with_the_codec() -> Result<()> {
        let (images, preview, z) = example()?;
        let grid = on_grid(&preview)?;
        let points = Points::new(SIDE, SIDE);
        with_parts(|parts| {
            let batch = parts.pixels(&images, &[1, 0], &points, &z, &grid, &mut Rng::new(1, 1))?;
            let patch = batch.patch.unwrap();
            let data = batch.row.narrow(1, PATCH_FIRST, patch.dim(1)?)?;
            assert_eq!(patch.to_vec2::<f32>()?, data.to_vec2::<f32>()?);
            assert!(patch.dim(0)? > SIDE * SIDE);
            Ok(())
        })
    }

    #[test]
    fn the_gradient_is_that_of_the_inputs() -> Result<()> {
        let (images, preview, z) = example()?;
        let (preview, z) = (Var::from_tensor(&preview)?, Var::from_tensor(&z)?);
        let grid = on_grid(&preview)?;
        let points = Points::new(SIDE, SIDE);
        with_parts(|parts| {
            let mut batch =
                parts.pixels(&images, &[0, 1], &points, &z, &grid, &mut Rng::new(1, 1))?;
            let patch = Var::from_tensor(&batch.patch.clone().unwrap())?;
            let ours = parts.net.bits(&batch, false)?.backward()?;
            let row = Var::from_tensor(&batch.row)?;
            (batch.row, batch.patch) = (row.as_tensor().clone(), None);
            let theirs = parts.net.bits(&batch, false)?.backward()?;
            let columns = theirs.get(&row).unwrap().narrow(1, PATCH_FIRST, patch.dim(1)?)?;
            let theirs = (points.of(&grid, &batch)? * columns.contiguous()?)?.sum_all()?;
            let theirs = theirs.backward()?;
            let (ours_x, theirs_x) = (ours.get(&preview).unwrap(), theirs.get(&preview).unwrap());
            crate::ops::testing::close(ours_x, theirs_x, 1e-4)?;
            let clamped = preview.to_vec2::<f32>()?[0].iter().position(|&v| v < 0.0).unwrap();
            assert_eq!(ours_x.to_vec2::<f32>()?[0][clamped], 0.0);
            assert!(ours.get(&z).unwrap().sqr()?.sum_all()?.to_scalar::<f32>()? > 0.0);
            Ok(())
        })
    }
}
