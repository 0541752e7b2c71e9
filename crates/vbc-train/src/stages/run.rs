//! One stage's loop: schedule, optimiser, log, checkpoints, resume.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use candle_core::Tensor;
use serde_json::{Value, json};

use super::StageError;
use crate::checkpoint::{self, RunState};
use crate::data::Order;
use crate::interrupt::{self, Interrupted};
use crate::log::{CsvLog, Live, read_csv};
use crate::optim::{Adam, AdamConfig, Params};
use crate::plot::{Series, loss_curve};
use crate::rng::Rng;
use crate::schedule::WarmupCosine;

/// Where a run writes, and what it is: the configuration that a checkpoint must match.
#[derive(Clone, Debug)]
pub struct Run {
    /// The run's folder.
    pub dir: PathBuf,
    /// All settings of the run.
    pub config: Value,
    /// Seed of everything drawn at random.
    pub seed: u64,
    /// Take each stage as its checkpoint has it, finished or not, and train none.
    pub as_it_is: bool,
}

/// Parameters that join a stage late, with a rate of their own.
#[derive(Clone, Copy, Debug)]
pub struct Late {
    /// Beginnings of their names.
    pub prefixes: &'static [&'static str],
    /// Steps before they move.
    pub from: u64,
    /// Steps of the linear rise of their rate from 0.
    pub rise: u64,
    /// Their rate in the end, as a share of the others'.
    pub rate: f64,
}

impl Late {
    /// The share of the others' rate for the step that follows `step` completed ones.
    pub fn share(&self, step: u64) -> f64 {
        let risen = step.saturating_sub(self.from) as f64 / self.rise.max(1) as f64;
        self.rate * risen.min(1.0)
    }
}

/// A stage's settings.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// Name of its files.
    pub name: &'static str,
    /// Steps in all.
    pub steps: u64,
    /// Largest learning rate.
    pub rate: f64,
    /// Images a step.
    pub batch: usize,
    /// Names of the numbers that the loss function reports.
    pub columns: &'static [&'static str],
    /// Who joins late; `None` where all train from the start.
    pub late: Option<Late>,
}

/// Steps between two lines of the log.
const LOG_EVERY: u64 = 50;

/// Time between two checkpoints.
const SAVE_EVERY: Duration = Duration::from_secs(300);

impl Run {
    fn file(&self, stage: &Stage, extension: &str) -> PathBuf {
        self.dir.join(format!("{}.{extension}", stage.name))
    }

    /// Trains `params` to the end of the stage, from its checkpoint if there is one, and leaves
    /// them at their running average. `loss(rng, items, step)` gives the loss of a batch of image
    /// numbers and the numbers to report.
    ///
    /// # Errors
    /// Those of the loss, the optimiser and the files; [`StageError`]; [`Interrupted`] after the
    /// checkpoint that the stage goes on from.
    pub fn train(
        &self,
        stage: &Stage,
        params: &mut Params,
        images: usize,
        mut loss: impl FnMut(&mut Rng, &[u32], u64) -> Result<(Tensor, Vec<f64>)>,
    ) -> Result<()> {
        let path = self.file(stage, "checkpoint");
        if self.as_it_is {
            return self.take(stage, params);
        }
        let adam = Adam::new(AdamConfig::default());
        let (mut rng, mut order) =
            (Rng::new(self.seed, 1), Order::new(u32::try_from(images)?, self.seed));
        let mut sums = vec![0.0; stage.columns.len()];
        let mut log = if path.exists() {
            let state = checkpoint::load(&path, params, &self.config)?;
            rng = Rng::from_state(state.rng);
            order = Order::from_state(state.order);
            // A checkpoint of an older version keeps none, and its next row is short of some steps.
            sums = checkpoint::from_bits(&state.extra["sums"]).unwrap_or(sums);
            CsvLog::resume(&self.file(stage, "csv"), stage.columns, params.step())?
        } else {
            CsvLog::create(&self.file(stage, "csv"), stage.columns)?
        };
        let schedule = WarmupCosine {
            peak: stage.rate,
            floor: stage.rate * 1e-3,
            warmup: (stage.steps / 20).clamp(1, 300),
            total: stage.steps,
        };
        let live = Live::new(stage.steps, params.step());
        let mut saved = Instant::now();
        while params.step() < stage.steps {
            let step = params.step();
            let items = order.batch(stage.batch);
            let (value, numbers) = loss(&mut rng, &items, step)?;
            let number = f64::from(value.to_scalar::<f32>()?);
            let last = || path.exists().then(|| path.clone());
            if !number.is_finite() {
                live.finish();
                let (stage, step) = (stage.name, step + 1);
                return Err(StageError::Loss { stage, step, loss: number, saved: last() }.into());
            }
            let rate = schedule.rate(step);
            if let Some(late) = &stage.late {
                late.prefixes.iter().for_each(|p| {
                    params.set_rate(p, late.share(step));
                });
            }
            adam.step(params, &value.backward()?, rate).map_err(|source| {
                let (stage, step) = (stage.name, step + 1);
                StageError::Gradient { stage, step, source, saved: last() }
            })?;
            sums.iter_mut().zip(&numbers).for_each(|(s, n)| *s += n);
            if params.step().is_multiple_of(LOG_EVERY) {
                sums.iter_mut().for_each(|s| *s /= LOG_EVERY as f64);
                log.row(params.step(), &sums)?;
                let text: Vec<String> =
                    stage.columns.iter().zip(&sums).map(|(c, s)| format!("{c} {s:.4}")).collect();
                live.update(params.step(), &text.join("  "));
                sums.fill(0.0);
            }
            let stop = interrupt::requested();
            if stop || saved.elapsed() > SAVE_EVERY || params.step() == stage.steps {
                let extra = json!({ "sums": checkpoint::to_bits(&sums) });
                let state = RunState { rng: rng.state(), order: order.state(), extra };
                checkpoint::save(&path, params, &state, &self.config)?;
                self.plot(stage)?;
                saved = Instant::now();
            }
            if stop && params.step() < stage.steps {
                live.finish();
                let (step, of, dir) = (params.step(), stage.steps, self.dir.clone());
                return Err(Interrupted { step, of, dir }).context(stage.name);
            }
        }
        live.finish();
        params.swap_ema()?;
        Ok(())
    }

    /// Brings `params` to the running average of the stage's checkpoint, and says so where that is not
    /// the stage's end.
    fn take(&self, stage: &Stage, params: &mut Params) -> Result<()> {
        let path = self.file(stage, "checkpoint");
        if !path.exists() {
            return Err(StageError::NotBegun { stage: stage.name, path }.into());
        }
        checkpoint::load(&path, params, &self.config)?;
        if params.step() < stage.steps {
            eprintln!("stage {}: {} of {} steps are done", stage.name, params.step(), stage.steps);
        }
        params.swap_ema()?;
        Ok(())
    }

    /// Draws the first reported number over the steps.
    fn plot(&self, stage: &Stage) -> Result<()> {
        let table = read_csv(&self.file(stage, "csv"))?;
        let points: Vec<(f64, f64)> =
            table.rows.iter().map(|(step, values)| (*step as f64, values[0])).collect();
        if points.len() > 1 {
            let series = [Series { label: stage.columns[0].to_owned(), points }];
            loss_curve(&self.file(stage, "png"), stage.name, stage.columns[0], &series)?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
