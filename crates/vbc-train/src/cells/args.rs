//! The settings of `vbc-train cells`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use crate::config::AddedArgs;

/// Settings of a run.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CellArgs {
    /// The settings of all commands that add something to a model.
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) added: AddedArgs,
    /// The model, trained without grids, whose pixel network codes images without a grid, and which the
    /// network for cells is added to. Its network for scans, if it has one, is left out.
    #[arg(long, value_name = "MODEL")]
    pub(super) base: PathBuf,
    /// A model of the same images that has the tables of grids.
    #[arg(long, value_name = "MODEL")]
    pub(super) grids: PathBuf,
    /// Folder of the run: checkpoints, logs, curves, `model.safetensors` and `figures.json`.
    #[arg(long)]
    pub(super) out: PathBuf,
    /// Units: outputs of the sums of table rows.
    #[arg(long, default_value_t = 32)]
    pub(super) width: usize,
    /// Widths of a network of values, which gives the nibbles' logits in place of a linear layer of the units: its own
    /// sums of table rows, and its hidden layer.
    #[arg(long, num_args = 2, value_names = ["UNITS", "HIDDEN"])]
    pub(super) values: Vec<usize>,
    /// Share of its inputs that a network of values is not shown in a step, each by chance: it is not to learn single
    /// images by heart.
    #[arg(long, default_value_t = 0.02)]
    pub(super) hide: f64,
    /// Outputs of the layer that reads the latent.
    #[arg(long, default_value_t = 16)]
    pub(super) image: usize,
    /// Steps.
    #[arg(long, default_value_t = 100_000)]
    pub(super) steps: u64,
    /// Images a step.
    #[arg(long, default_value_t = 8)]
    pub(super) batch: usize,
    /// Share of an image's cells that a step looks at.
    #[arg(long, default_value_t = 0.5)]
    pub(super) keep: f64,
    /// Largest learning rate.
    #[arg(long, default_value_t = 6e-3)]
    pub(super) rate: f64,
}

impl CellArgs {
    /// What a checkpoint must agree with.
    pub(super) fn config(&self, data_hash: &str, [base, grids]: [&str; 2]) -> Value {
        let mut config = json!({
            "data_blake3": data_hash, "base_blake3": base, "grids_blake3": grids, "seed": self.added.seed,
            "validation": self.added.validation, "width": self.width, "image": self.image,
            "steps": self.steps, "batch": self.batch, "keep": self.keep, "rate": self.rate,
        });
        // Runs from before there were such networks go on.
        if !self.values.is_empty() {
            config["values"] = json!(self.values);
            config["hide"] = json!(self.hide);
        }
        config
    }
}
