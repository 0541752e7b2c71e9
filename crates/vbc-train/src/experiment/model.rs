//! One flow of an experiment: trained, or taken from the run's folder; its figures and samples.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::document::Document;
use super::runs::Runs;
use super::{DataSet, Setting};
use crate::data::Images;
use crate::log::{Table, read_csv};
use crate::optim::Params;
use crate::paper::{Bottleneck, Cost, Fit, Normalisation, PaperNice, Virtual, inputs, write_grid};
use crate::rng::Rng;
use crate::trained::{pictures, test_figures};

/// The columns of a flow's log.
const COLUMNS: [&str; 3] = ["log_likelihood", "bottleneck", "variance"];

/// A trained flow.
pub struct Trained {
    /// The flow with its bottleneck.
    pub model: Virtual,
    /// After each epoch: log-likelihood, bottleneck loss and variance of training, then of test.
    pub epochs: Table,
    /// Seconds and peak memory in MiB of each epoch.
    pub timing: Table,
}

/// Columns of a flow's log.
pub mod column {
    /// Log-likelihood of the training images while the weights moved, nats an image.
    pub const TRAIN_LIKELIHOOD: usize = 0;
    /// Log-likelihood of the test images after the epoch, nats an image.
    pub const TEST_LIKELIHOOD: usize = 3;
    /// The bottleneck's loss on the test images.
    pub const TEST_BOTTLENECK: usize = 4;
    /// Σ over the groups of the unbiased variance, test images.
    pub const TEST_VARIANCE: usize = 5;
}

impl Trained {
    /// A column of the log after the last epoch.
    pub fn last(&self, column: usize) -> f64 {
        self.epochs.rows.last().map_or(f64::NAN, |(_, values)| values[column])
    }

    /// Bits per dimension of the test images.
    pub fn test_bits(&self) -> f64 {
        self.model.flow.bits_per_dimension(self.last(column::TEST_LIKELIHOOD))
    }
}

impl Setting {
    /// Trains a flow on a set for some epochs under each seed, goes on where that was left, or takes
    /// the finished one: a run's folder is named by its configuration. Its log and its last figures go
    /// into the document.
    pub fn train(
        &self,
        document: &mut Document,
        data: &DataSet,
        bottleneck: Bottleneck,
        epochs: u64,
    ) -> Result<Runs> {
        // The same loss has one name, so that its model is trained once.
        let bottleneck = match bottleneck {
            // With one copy there is nothing to weigh; with two the variance is the squares' sum.
            Bottleneck::Redundancy { factor: 1, .. } => self.redundancy(1),
            Bottleneck::Redundancy { factor: 2, normalisation: Normalisation::PerOutput } => {
                let normalisation = Normalisation::SumOverGroups;
                Bottleneck::Redundancy { factor: 2, normalisation }
            }
            other => other,
        };
        let name = format!("{}-{}", data.name, bottleneck.label());
        let seeds = (self.args.seed..self.args.seed + self.args.seeds)
            .map(|seed| self.train_one(&name, data, bottleneck, epochs, seed))
            .collect::<Result<Vec<_>>>()
            .with_context(|| name.clone())?;
        let runs = Runs { name, seeds };
        document.log(&runs.name, &runs.first().epochs);
        for (k, column) in runs.first().epochs.columns.iter().enumerate() {
            document.metric(&runs.name, column, &runs.figure(|t| t.last(k)).values);
        }
        let timing = |column| runs.figure(|t: &Trained| median(&t.timing, column)).values;
        document.metric(&runs.name, "seconds_an_epoch", &timing(0));
        document.metric(&runs.name, "peak_mib", &timing(1));
        Ok(runs)
    }

    fn train_one(
        &self,
        name: &str,
        data: &DataSet,
        bottleneck: Bottleneck,
        epochs: u64,
        seed: u64,
    ) -> Result<Trained> {
        let d = data.train.image_len();
        let (mut params, mut rng) = (Params::without_averages(&self.device), Rng::new(seed, 0));
        let flow = PaperNice::new(&mut params, &self.reading, d, &mut rng)?;
        let model = Virtual::new(flow, bottleneck, &self.reading, d)?;
        let config = json!({
            "reading": self.reading, "bottleneck": bottleneck, "epochs": epochs,
            "seed": seed, "data_blake3": data.train.blake3(),
        });
        let fit = Fit {
            dir: self.folder(name, &config),
            config,
            epochs,
            batch: self.reading.batch,
            rate: self.reading.rate,
            seed,
        };
        println!("{}: {} parameters", fit.dir.display(), params.count());
        let numbers = |c: &Cost| vec![c.log_likelihood, c.bottleneck, c.variance];
        fit.run(
            &mut params,
            &data.train,
            &COLUMNS,
            |items, rng| {
                let x = inputs(&data.train, items, &self.reading, Some(rng), &self.device)?;
                let cost = model.cost(&x)?;
                let figures = numbers(&cost);
                Ok((cost.loss, figures))
            },
            || Ok(test_figures(&model, &data.test, &self.reading, self.args.seed)?.to_vec()),
        )?;
        Ok(Trained { model, epochs: read_csv(&fit.log())?, timing: read_csv(&fit.timing())? })
    }

    /// The folder of a run: its name, and a hash of all that decides its result.
    pub fn folder(&self, name: &str, config: &Value) -> PathBuf {
        let hash = blake3::hash(config.to_string().as_bytes()).to_hex();
        self.args.out.join("models").join(format!("{name}-{}", &hash[..12]))
    }

    /// Writes 8 × 8 samples of a flow as `FILE.png`; a seed has its pictures.
    pub fn samples(&self, file: &str, model: &Virtual, size: (usize, usize)) -> Result<()> {
        let mut rng = Rng::new(self.args.seed, 8);
        let pictures = pictures(model, &self.reading, 64, self.args.temperature, &mut rng)?;
        write_grid(&self.dir.join(format!("{file}.png")), &pictures, size, 8)
    }
}

/// The median of a log's column.
fn median(table: &Table, column: usize) -> f64 {
    let mut values: Vec<f64> = table.rows.iter().map(|(_, values)| values[column]).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Rows and columns of a set's images.
pub fn size_of(images: &Images) -> (usize, usize) {
    (images.height, images.width)
}
