//! One flow of an experiment: trained, or taken from the run's folder; its figures and samples.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{DataSet, Setting};
use crate::data::Images;
use crate::log::{Table, read_csv};
use crate::optim::Params;
use crate::paper::{Bottleneck, Cost, Fit, PaperNice, Virtual, inputs, write_grid};
use crate::rng::Rng;

/// The columns of a flow's log.
const COLUMNS: [&str; 3] = ["log_likelihood", "bottleneck", "variance"];

/// A trained flow.
pub struct Trained {
    /// The flow with its bottleneck.
    pub model: Virtual,
    /// After each epoch: log-likelihood, bottleneck loss and variance of training, then of test.
    pub epochs: Table,
}

impl Trained {
    fn last(&self, column: usize) -> f64 {
        self.epochs.rows.last().map_or(f64::NAN, |(_, values)| values[column])
    }

    /// Of the last epoch's training images, nats an image.
    pub fn train_likelihood(&self) -> f64 {
        self.last(0)
    }

    /// Of the test images after the last epoch, nats an image.
    pub fn test_likelihood(&self) -> f64 {
        self.last(3)
    }

    /// The bottleneck's loss on the test images.
    pub fn test_bottleneck(&self) -> f64 {
        self.last(4)
    }

    /// Σ over the groups of the unbiased variance, test images.
    pub fn test_variance(&self) -> f64 {
        self.last(5)
    }

    /// Bits per dimension of the test images.
    pub fn test_bits(&self) -> f64 {
        self.model.flow.bits_per_dimension(self.test_likelihood())
    }

    /// A column of the log over the epochs.
    pub fn curve(&self, column: usize) -> Vec<(f64, f64)> {
        self.epochs.rows.iter().map(|(epoch, v)| (*epoch as f64, v[column])).collect()
    }
}

/// Images that are evaluated at a time.
const TEST_BATCH: usize = 500;

impl Setting {
    /// Trains a flow on a set for some epochs, goes on where that was left, or takes the finished
    /// one: a run's folder is named by its configuration.
    pub fn train(&self, data: &DataSet, bottleneck: Bottleneck, epochs: u64) -> Result<Trained> {
        let d = data.train.image_len();
        let (mut params, mut rng) = (Params::new(), Rng::new(self.args.seed, 0));
        let flow = PaperNice::new(&mut params, &self.reading, d, &mut rng)?;
        let model = Virtual::new(flow, bottleneck, &self.reading, d)?;
        // With one copy there is nothing to weigh.
        let bottleneck = match bottleneck {
            Bottleneck::Redundancy { factor: 1, .. } => self.redundancy(1),
            other => other,
        };
        let name = format!("{}-{}", data.name, bottleneck.label());
        let config = json!({
            "reading": self.reading, "bottleneck": bottleneck, "epochs": epochs,
            "seed": self.args.seed, "data_blake3": data.train.blake3(),
        });
        let fit = Fit {
            dir: self.folder(&name, &config),
            config,
            epochs,
            batch: self.reading.batch,
            rate: self.reading.rate,
            seed: self.args.seed,
        };
        println!("{}: {} parameters", fit.dir.display(), params.count());
        let numbers = |c: &Cost| vec![c.log_likelihood, c.bottleneck, c.variance];
        fit.run(
            &mut params,
            &data.train,
            &COLUMNS,
            |items, rng| {
                let x = inputs(&data.train, items, &self.reading, Some(rng))?;
                let cost = model.cost(&x)?;
                let figures = numbers(&cost);
                Ok((cost.loss, figures))
            },
            || self.test(&model, &data.test),
        )
        .with_context(|| name)?;
        Ok(Trained { model, epochs: read_csv(&fit.log())? })
    }

    /// The folder of a run: its name, and a hash of all that decides its result.
    pub fn folder(&self, name: &str, config: &Value) -> PathBuf {
        let hash = blake3::hash(config.to_string().as_bytes()).to_hex();
        self.out.join("models").join(format!("{name}-{}", &hash[..12]))
    }

    /// The figures of test images, with noise that is the same for every model.
    fn test(&self, model: &Virtual, images: &Images) -> Result<Vec<f64>> {
        let mut rng = Rng::new(self.args.seed, 7);
        let mut sums = vec![0.0; COLUMNS.len()];
        let all: Vec<u32> = (0..images.n as u32).collect();
        for items in all.chunks(TEST_BATCH) {
            let cost = model.cost(&inputs(images, items, &self.reading, Some(&mut rng))?)?;
            let share = items.len() as f64 / images.n as f64;
            let figures = [cost.log_likelihood, cost.bottleneck, cost.variance];
            sums.iter_mut().zip(figures).for_each(|(s, f)| *s += f * share);
        }
        Ok(sums)
    }

    /// Writes 8 × 8 samples of a flow as `FILE.png`; a seed has its pictures.
    pub fn samples(&self, file: &str, model: &Virtual, size: (usize, usize)) -> Result<()> {
        let mut rng = Rng::new(self.args.seed, 8);
        let x = model.sample(64, self.args.temperature, &mut rng)?.to_vec2::<f32>()?;
        let pictures: Vec<Vec<f32>> = x
            .into_iter()
            .map(|row| row.into_iter().map(|v| self.reading.input.to_unit(v)).collect())
            .collect();
        write_grid(&self.out.join(format!("{file}.png")), &pictures, size, 8)
    }
}

/// Rows and columns of a set's images.
pub fn size_of(images: &Images) -> (usize, usize) {
    (images.height, images.width)
}
