//! Flow, steps and a smooth prior together, on rate + λ · squared error + redundancy.

use anyhow::Result;
use candle_core::{Device, Tensor};

use super::run::{Run, Stage};
use crate::data::Images;
use crate::models::{LogisticPrior, Nice, even_odd};
use crate::optim::Params;
use crate::rng::Rng;

/// Images as (n, d) in the flow's split order, p / 256.
pub(super) fn batch(images: &Images, items: &[u32], device: &Device) -> Result<Tensor> {
    let split = even_odd(images.image_len()).concat();
    let mut x = Vec::with_capacity(items.len() * split.len());
    for &item in items {
        let image = images.image(item as usize);
        x.extend(split.iter().map(|&p| f32::from(image[p]) / 256.0));
    }
    Ok(Tensor::from_vec(x, (items.len(), split.len()), device)?)
}

/// Trains the flow and its steps. The loss is bits(z) + `lambda` · Σ(x̂ − x)² + `beta` · redundancy,
/// a mean over images; x̂ is decoded from the rounded z, whose gradient passes straight through.
/// From `quantise_from` on (a share of the steps) the weights are rounded as they will be stored.
///
/// # Errors
/// Those of the run.
#[expect(clippy::too_many_arguments, reason = "each is a setting of the stage")]
pub fn train_transform(
    run: &Run,
    stage: &Stage,
    params: &mut Params,
    flow: &Nice,
    proxy: &LogisticPrior,
    images: &Images,
    lambda: f64,
    beta: f64,
) -> Result<()> {
    let device = params.device().clone();
    run.train(stage, params, images.n, |rng, items, step| {
        let quantise = step * 5 >= stage.steps * 4;
        let x = batch(images, items, &device)?;
        let b = flow.squeeze(&flow.forward(&x, quantise)?)?;
        let rate = proxy.rate(&(&b.z + noise(rng, &b.z)?)?)?;
        let rounded = (&b.z + (b.z.round()? - &b.z)?.detach())?;
        let error = (flow.inverse(&flow.expand(&rounded)?, quantise)? - &x)?.sqr()?.sum_all()?;
        let error = (error / items.len() as f64)?;
        let loss = ((&rate + (&error * lambda)?)? + (&b.redundancy * beta)?)?;
        let mse = f64::from(error.to_scalar::<f32>()?) / images.image_len() as f64;
        let numbers = vec![
            f64::from(loss.to_scalar::<f32>()?),
            f64::from(rate.to_scalar::<f32>()?),
            -10.0 * mse.log10(),
            f64::from(b.redundancy.to_scalar::<f32>()?),
        ];
        Ok((loss, numbers))
    })
}

/// Uniform noise of one rounding step for each of `z`.
pub(super) fn noise(rng: &mut Rng, z: &Tensor) -> Result<Tensor> {
    let u: Vec<f32> = (0..z.elem_count()).map(|_| rng.uniform() as f32 - 0.5).collect();
    Ok(Tensor::from_vec(u, z.shape(), z.device())?)
}
