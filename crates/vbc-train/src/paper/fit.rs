//! Training for whole epochs at a constant rate, with a line of figures after each.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use candle_core::Tensor;
use serde_json::{Value, json};

use crate::checkpoint::{self, RunState};
use crate::data::{Images, Order};
use crate::interrupt::{self, Interrupted};
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
    /// The log `epochs.csv` has for each epoch the mean of the training figures, then the test's;
    /// `timing.csv` its seconds and the process's peak memory. Of a finished run `DONE` comes last.
    ///
    /// # Errors
    /// Those of the functions, the optimiser and the files; [`Interrupted`] after the checkpoint that
    /// the run goes on from; a loss that is not finite, which leaves the last checkpoint as it is.
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
            sums = match checkpoint::from_bits(&state.extra["sum_bits"]) {
                Some(sums) => sums,
                // As an older version kept them.
                None => serde_json::from_value(state.extra["sums"].clone())?,
            };
            CsvLog::resume(&log_path, &names, params.step() / steps)?
        } else {
            CsvLog::create(&log_path, &names)?
        };
        let mut timing =
            CsvLog::resume(&self.timing(), &["seconds", "peak_mib"], params.step() / steps)?;
        let live = Live::new(total, params.step());
        let (mut saved, mut begun) = (Instant::now(), Instant::now());
        while params.step() < total {
            let items = order.batch(self.batch);
            let (value, figures) = loss(&items, &mut rng)?;
            ensure!(
                figures.iter().all(|f| f.is_finite()),
                "step {}: the figures are {figures:?}; {} is from before",
                params.step() + 1,
                path.display(),
            );
            adam.step(params, &value.backward()?, self.rate)
                .with_context(|| format!("step {}", params.step()))?;
            sums.iter_mut().zip(&figures).for_each(|(s, f)| *s += f);
            let step = params.step();
            let ends = step.is_multiple_of(steps);
            if ends {
                let mut row: Vec<f64> = sums.iter().map(|s| s / steps as f64).collect();
                row.extend(test()?);
                log.row(step / steps, &row)?;
                timing.row(step / steps, &[begun.elapsed().as_secs_f64(), peak_mib()])?;
                begun = Instant::now();
                let text: Vec<String> =
                    names.iter().zip(&row).map(|(n, v)| format!("{n} {v:.3}")).collect();
                live.update(step, &text.join("  "));
                sums.fill(0.0);
            }
            let stop = interrupt::requested();
            if stop || saved.elapsed() > SAVE_EVERY || step == total {
                let size = (images.height, images.width);
                let extra = json!({ "sum_bits": checkpoint::to_bits(&sums), "size": size });
                let state = RunState { rng: rng.state(), order: order.state(), extra };
                checkpoint::save(&path, params, &state, &self.config)?;
                saved = Instant::now();
            }
            if stop && step < total {
                live.finish();
                return Err(Interrupted { step, of: total, dir: self.dir.clone() }.into());
            }
        }
        live.finish();
        Ok(checkpoint::write_atomically(&self.dir.join("DONE"), b"")?)
    }

    /// The log's path.
    pub fn log(&self) -> PathBuf {
        self.dir.join("epochs.csv")
    }

    /// The path of the log of seconds and memory.
    pub fn timing(&self) -> PathBuf {
        self.dir.join("timing.csv")
    }
}

/// The most memory the process has had, where the system tells.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|n| n.parse().ok());
    kib.map_or(f64::NAN, |kib: f64| kib / 1024.0)
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

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
