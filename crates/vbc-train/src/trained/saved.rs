//! A flow of an experiment, read back from its folder.

use std::path::{Path, PathBuf};

use candle_core::Device;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::checkpoint::{self, CheckpointError, Info};
use crate::data::Images;
use crate::optim::Params;
use crate::paper::{Bottleneck, PaperNice, Reading, Virtual, inputs};
use crate::rng::Rng;

/// A flow with its bottleneck, as its last checkpoint has it.
#[derive(Debug)]
pub struct SavedFlow {
    /// The flow with its bottleneck.
    pub model: Virtual,
    /// What it was trained with.
    pub bottleneck: Bottleneck,
    /// How it was trained.
    pub reading: Reading,
    /// Seed of its run.
    pub seed: u64,
    /// Steps that were done.
    pub step: u64,
    /// Pixels of an image.
    pub dimensions: usize,
    /// Rows and columns of an image, where the checkpoint says so.
    pub size: Option<(usize, usize)>,
}

/// Why a flow could not be had from a folder.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// There is no flow in it.
    #[error(
        "{}: {why}; the folder of an experiment's flow is wanted, `models/NAME-HASH` in the \
         experiment's `--out`, with its `fit.checkpoint`",
        path.display()
    )]
    NotAFlow {
        /// What was given.
        path: PathBuf,
        /// What it is.
        why: String,
    },
    /// The checkpoint could not be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The flow could not be built.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl SavedFlow {
    /// Reads the flow in `dir`.
    ///
    /// # Errors
    /// Where there is none, or its checkpoint is damaged.
    pub fn open(dir: &Path, device: &Device) -> Result<Self, SavedError> {
        let refuse = |why: String| SavedError::NotAFlow { path: dir.to_owned(), why };
        let path = dir.join("fit.checkpoint");
        if !path.is_file() {
            let what = if dir.is_dir() { "no flow is in it" } else { "not a folder" };
            return Err(refuse(what.to_owned()));
        }
        let info = checkpoint::info(&path)?;
        if info.config.get("vae").is_some() {
            return Err(refuse("a VAE".to_owned()));
        }
        fn part<T: DeserializeOwned>(config: &Value, key: &str) -> Result<T, String> {
            T::deserialize(&config[key]).map_err(|e| format!("its configuration's {key}: {e}"))
        }
        let reading: Reading = part(&info.config, "reading").map_err(refuse)?;
        let bottleneck: Bottleneck = part(&info.config, "bottleneck").map_err(refuse)?;
        let seed = part(&info.config, "seed").map_err(refuse)?;
        let dimensions =
            dimensions(&info).ok_or_else(|| refuse("no coupling is in it".to_owned()))?;
        let mut params = Params::without_averages(device);
        // The first values are replaced by the checkpoint's.
        let flow = PaperNice::new(&mut params, &reading, dimensions, &mut Rng::new(0, 0))?;
        let model = Virtual::new(flow, bottleneck, &reading, dimensions)?;
        checkpoint::load(&path, &mut params, &info.config)?;
        let size = part(&info.run.extra, "size").ok();
        Ok(SavedFlow { model, bottleneck, reading, seed, step: info.step, dimensions, size })
    }

    /// `n` pictures from drawn latents, each value in 0..=1 where it is one of a picture.
    ///
    /// # Errors
    /// Those of candle.
    pub fn pictures(
        &self,
        n: usize,
        temperature: f64,
        rng: &mut Rng,
    ) -> candle_core::Result<Vec<Vec<f32>>> {
        pictures(&self.model, &self.reading, n, temperature, rng)
    }
}

/// A coupling's first layer has half the dimensions for its inputs.
fn dimensions(info: &Info) -> Option<usize> {
    info.shapes.get("flow.0.0.weight")?.first().map(|half| 2 * half)
}

/// `n` pictures of a flow from drawn latents.
///
/// # Errors
/// Those of candle.
pub fn pictures(
    model: &Virtual,
    reading: &Reading,
    n: usize,
    temperature: f64,
    rng: &mut Rng,
) -> candle_core::Result<Vec<Vec<f32>>> {
    let to_unit = |row: Vec<f32>| row.into_iter().map(|v| reading.input.to_unit(v)).collect();
    let x = model.sample(n, temperature, rng)?.to_vec2::<f32>()?;
    Ok(x.into_iter().map(to_unit).collect())
}

/// Images that are evaluated at a time.
const TEST_BATCH: usize = 500;

/// Log-likelihood, bottleneck loss and variance of test images, means over them, with noise that is
/// the same for every model under a seed.
///
/// # Errors
/// Those of candle.
pub fn test_figures(
    model: &Virtual,
    images: &Images,
    reading: &Reading,
    seed: u64,
) -> candle_core::Result<[f64; 3]> {
    let mut rng = Rng::new(seed, 7);
    let mut sums = [0.0; 3];
    let all: Vec<u32> = (0..images.n as u32).collect();
    for items in all.chunks(TEST_BATCH) {
        let x = inputs(images, items, reading, Some(&mut rng), model.flow.device())?;
        let cost = model.cost(&x)?;
        let share = items.len() as f64 / images.n as f64;
        let figures = [cost.log_likelihood, cost.bottleneck, cost.variance];
        sums.iter_mut().zip(figures).for_each(|(s, f)| *s += f * share);
    }
    Ok(sums)
}

#[cfg(test)]
#[path = "saved_tests.rs"]
mod tests;
