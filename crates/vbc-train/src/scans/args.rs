//! The settings of `vbc-train scan`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use crate::device::DeviceChoice;

/// Settings of a run.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScanArgs {
    /// Training images of 28 × 28 greys: an IDX file (plain or .gz), a folder of pictures, or a NumPy
    /// file.
    #[arg(long)]
    pub(super) data: PathBuf,
    /// The model whose pixel network codes images without a scan, and which the network for scans is
    /// added to.
    #[arg(long, value_name = "MODEL")]
    pub(super) base: PathBuf,
    /// Folder of the run: the scans found, checkpoints, logs, curves, `model.safetensors` and
    /// `figures.json`.
    #[arg(long)]
    pub(super) out: PathBuf,
    /// The model's name.
    #[arg(long)]
    pub(super) name: String,
    /// The file of scans found, in place of `solved.scans` in the run's folder.
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) solved: Option<PathBuf>,
    /// Seed of everything drawn at random.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(..1 << 63))]
    pub(super) seed: u64,
    /// Images at the end of the training images that are for validation only.
    #[arg(long, default_value_t = 5000)]
    pub(super) validation: usize,
    /// Widths of the network: sums of table rows, hidden layer.
    #[arg(long, value_delimiter = ',', num_args = 2, default_values_t = [64, 32])]
    pub(super) widths: Vec<usize>,
    /// Steps.
    #[arg(long, default_value_t = 100_000)]
    pub(super) steps: u64,
    /// Scans a step.
    #[arg(long, default_value_t = 4)]
    pub(super) batch: usize,
    /// Share of a scan's active pixels that a step looks at.
    #[arg(long, default_value_t = 0.5)]
    pub(super) keep: f64,
    /// Largest learning rate.
    #[arg(long, default_value_t = 6e-3)]
    pub(super) rate: f64,
    /// Where to train.
    #[arg(long, value_enum, default_value_t)]
    pub(super) device: DeviceChoice,
}

impl ScanArgs {
    /// What a checkpoint must agree with.
    pub(super) fn config(&self, data_hash: &str) -> Value {
        json!({
            "data_blake3": data_hash, "seed": self.seed, "validation": self.validation,
            "widths": self.widths, "steps": self.steps, "batch": self.batch, "keep": self.keep,
            "rate": self.rate,
        })
    }
}
