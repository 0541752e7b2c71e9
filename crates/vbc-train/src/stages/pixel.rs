//! The pixel network on the real code length.

use anyhow::Result;

use super::batch::{BatchMaker, Dataset};
use super::run::{Run, Stage};
use crate::models::PixelNet;
use crate::optim::Params;
use crate::rng::Rng;

/// Trains the pixel network: bits an image of the active pixels. `keep` is the share of the active
/// pixels of each image that a step looks at. The last fifth of the steps computes with weights
/// rounded as they will be stored.
///
/// # Errors
/// Those of the run.
pub fn train_pixels(
    run: &Run,
    stage: &Stage,
    params: &mut Params,
    net: &PixelNet,
    maker: &BatchMaker,
    data: &Dataset,
    keep: f64,
) -> Result<()> {
    run.train(stage, params, data.images.n, |rng, items, step| {
        let batch = maker.batch(data, items, keep, rng)?;
        let scale = 1.0 / (keep * items.len() as f64);
        let bits = (net.bits(&batch, step * 5 >= stage.steps * 4)? * scale)?;
        let number = f64::from(bits.to_scalar::<f32>()?);
        Ok((bits, vec![number / data.images.image_len() as f64]))
    })
}

/// Bits an image of the active pixels, with rounded weights.
///
/// # Errors
/// Those of candle.
pub fn evaluate_pixels(net: &PixelNet, maker: &BatchMaker, data: &Dataset) -> Result<f64> {
    let mut rng = Rng::new(0, 0);
    let mut total = 0.0;
    let all: Vec<u32> = (0..data.images.n as u32).collect();
    for items in all.chunks(32) {
        let batch = maker.batch(data, items, 1.0, &mut rng)?;
        total += f64::from(net.bits(&batch, true)?.to_scalar::<f32>()?);
    }
    Ok(total / data.images.n as f64)
}
