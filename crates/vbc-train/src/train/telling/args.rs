//! The settings of `vbc-train tell`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use crate::config::AddedArgs;

/// Settings of a run.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TellArgs {
    /// The settings of all commands that add something to a model.
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) added: AddedArgs,
    /// The model, with a latent and tables of grids, whose latents are to tell the grids' sides.
    #[arg(long, value_name = "MODEL")]
    pub(super) base: PathBuf,
    /// Folder of the run: checkpoints, logs, curves, `model.safetensors` and `figures.json`.
    #[arg(long)]
    pub(super) out: PathBuf,
    /// Bits of the number that a latent tells: sides share 2 to the power of this among them.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(7..=10))]
    pub(super) bits: u32,
    /// Hidden units of the network that knows a grid's place from the latent.
    #[arg(long, default_value_t = 64)]
    pub(super) units: usize,
    /// Steps of that network, of 512 images.
    #[arg(long, default_value_t = 4000)]
    pub(super) place_steps: u64,
    /// Hidden units of the prior for each latent dimension.
    #[arg(long, default_value_t = 3)]
    pub(super) prior_units: usize,
    /// Steps of the prior, of 512 images. It is trained anew on the latents that are picked with the base's.
    #[arg(long, default_value_t = 8000)]
    pub(super) prior_steps: u64,
}

impl TellArgs {
    /// What a checkpoint must agree with.
    pub(super) fn config(&self, data_hash: &str, base: &str) -> Value {
        json!({
            "data_blake3": data_hash, "base_blake3": base, "seed": self.added.seed,
            "validation": self.added.validation, "bits": self.bits, "units": self.units,
            "place_steps": self.place_steps, "prior_units": self.prior_units,
            "prior_steps": self.prior_steps,
        })
    }
}
