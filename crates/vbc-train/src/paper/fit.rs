//! Training for whole epochs at a constant rate, with a line of figures after each.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use candle_core::Tensor;
use serde_json::{Value, json};

use crate::checkpoint::{self, RunState};
use crate::data::{Images, Order};
use crate::log::{CsvLog, Live};
use crate::optim::{Adam, AdamConfig, Params};
use crate::rng::Rng;

/// A training run.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Folder of the run's checkpoint and log.
    pub dir: PathBuf,
    /// Everything that decides the result, for the checkpoint.
    pub config: Value,
    /// Passes over the training images.
    pub epochs: u64,
    /// Images a step.
    pub batch: usize,
    /// Adam's rate.
    pub rate: f64,
    /// Seed of order and noise.
    pub seed: u64,
}

/// Time between two checkpoints.
const SAVE_EVERY: Duration = Duration::from_secs(300);

impl Fit {
    /// Trains on `images` images from the run's checkpoint if there is one. `loss` gives a batch's
    /// loss and its figures, `test` the same figures of the test images; both have the `columns`.
    /// The log `epochs.csv` has for each epoch the mean of the training figures, then the test's.
    ///
    /// # Errors
    /// Those of the functions, the optimiser and the files.
    pub fn run(
        &self,
        params: &mut Params,
        images: &Images,
        columns: &[&str],
        mut loss: impl FnMut(&[u32], &mut Rng) -> Result<(Tensor, Vec<f64>)>,
        test: impl Fn() -> Result<Vec<f64>>,
    ) -> Result<()> {
        std::fs::create_dir_all(&self.dir)?;
        let path = self.dir.join("fit.checkpoint");
        let adam = Adam::new(AdamConfig { beta2: 0.999, ..AdamConfig::default() });
        let steps = (images.n / self.batch).max(1) as u64;
        let total = steps * self.epochs;
        let (mut rng, mut order) =
            (Rng::new(self.seed, 1), Order::new(u32::try_from(images.n)?, self.seed));
        let mut sums = vec![0.0; columns.len()];
        let names: Vec<String> = columns
            .iter()
            .map(|c| format!("train_{c}"))
            .chain(columns.iter().map(|c| format!("test_{c}")))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let log_path = self.log();
        let mut log = if path.exists() {
            let state = checkpoint::load(&path, params, &self.config)?;
            rng = Rng::from_state(state.rng);
            order = Order::from_state(state.order);
            sums = serde_json::from_value(state.extra["sums"].clone())?;
            CsvLog::resume(&log_path, &names, params.step() / steps)?
        } else {
            CsvLog::create(&log_path, &names)?
        };
        let live = Live::new(total, params.step());
        let mut saved = Instant::now();
        while params.step() < total {
            let items = order.batch(self.batch);
            let (value, figures) = loss(&items, &mut rng)?;
            adam.step(params, &value.backward()?, self.rate)
                .with_context(|| format!("step {}", params.step()))?;
            sums.iter_mut().zip(&figures).for_each(|(s, f)| *s += f);
            let step = params.step();
            let ends = step.is_multiple_of(steps);
            if ends {
                let mut row: Vec<f64> = sums.iter().map(|s| s / steps as f64).collect();
                row.extend(test()?);
                log.row(step / steps, &row)?;
                let text: Vec<String> =
                    names.iter().zip(&row).map(|(n, v)| format!("{n} {v:.3}")).collect();
                live.update(step, &text.join("  "));
                sums.fill(0.0);
            }
            if saved.elapsed() > SAVE_EVERY || step == total {
                let extra = json!({ "sums": sums });
                let state = RunState { rng: rng.state(), order: order.state(), extra };
                checkpoint::save(&path, params, &state, &self.config)?;
                saved = Instant::now();
            }
        }
        live.finish();
        Ok(())
    }

    /// The log's path.
    pub fn log(&self) -> PathBuf {
        self.dir.join("epochs.csv")
    }
}

/// Writes a grid of images, each value in 0..=1 for black to white.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_grid(
    path: &Path,
    images: &[Vec<f32>],
    (height, width): (usize, usize),
    columns: usize,
) -> Result<()> {
    const GAP: usize = 2;
    let rows = images.len().div_ceil(columns.max(1));
    let (w, h) = (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP);
    let mut grid = image::GrayImage::from_pixel(w as u32, h as u32, image::Luma([128]));
    for (k, values) in images.iter().enumerate() {
        let (left, top) = (GAP + k % columns * (width + GAP), GAP + k / columns * (height + GAP));
        for (i, value) in values.iter().enumerate() {
            let grey = (value.clamp(0.0, 1.0) * 255.0).round() as u8;
            let (x, y) = (left + i % width, top + i / width);
            grid.put_pixel(x as u32, y as u32, image::Luma([grey]));
        }
    }
    let mut bytes = std::io::Cursor::new(Vec::new());
    grid.write_to(&mut bytes, image::ImageFormat::Png)?;
    Ok(checkpoint::write_atomically(path, bytes.get_ref())?)
}
