//! The settings of `vbc-train scan`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use crate::config::AddedArgs;

/// Settings of a run.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScanArgs {
    /// The settings of all commands that add something to a model.
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) added: AddedArgs,
    /// The model whose pixel network codes images without a scan, and which the network for scans is
    /// added to.
    #[arg(long, value_name = "MODEL")]
    pub(super) base: PathBuf,
    /// Folder of the run: the scans found, checkpoints, logs, curves, `model.safetensors` and
    /// `figures.json`.
    #[arg(long)]
    pub(super) out: PathBuf,
    /// The file of scans found, in place of `solved.scans` in the run's folder.
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) solved: Option<PathBuf>,
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
}

impl ScanArgs {
    /// What a checkpoint must agree with.
    pub(super) fn config(&self, data_hash: &str) -> Value {
        json!({
            "data_blake3": data_hash, "seed": self.added.seed, "validation": self.added.validation,
            "widths": self.widths, "steps": self.steps, "batch": self.batch, "keep": self.keep,
            "rate": self.rate,
        })
    }
}
