//! The settings of `vbc-train train`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use super::Data;
use super::joint::JointArgs;
use crate::device::DeviceChoice;
use crate::models::PixelSizes;

/// Settings of a run. All that a checkpoint must agree with enter the model's provenance.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrainArgs {
    /// Training images, all of one size, grey: an IDX file (plain or .gz), a folder of pictures, or a
    /// NumPy file (.npy, .npz) of unsigned bytes.
    ///
    /// A NumPy array has the shape (images, rows, columns) or (images, rows, columns, 1) and the type
    /// uint8, in C or Fortran order; of a .npz the one array like that is taken, or that of --array.
    #[arg(long)]
    pub(super) data: PathBuf,
    /// The array to train on, where a .npz file has several of images.
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) array: Option<String>,
    /// Folder of the run: its settings as `config.toml`, checkpoints, logs, curves,
    /// `model.safetensors`, `figures.json`, and `DONE` in the end.
    #[arg(long)]
    pub(super) out: PathBuf,
    /// The model's name.
    #[arg(long)]
    pub(super) name: String,
    /// Seed of everything drawn at random, below 2^63: TOML has no larger numbers.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(..1 << 63))]
    pub(super) seed: u64,
    /// Images at the end of the training images that are for validation only.
    #[arg(long, default_value_t = 5000)]
    pub(super) validation: usize,
    /// Compression factor c; 0 trains a model without a latent.
    #[arg(long, default_value_t = 8)]
    pub(super) factor: usize,
    /// Hidden width of each coupling.
    #[arg(long, default_value_t = 256)]
    pub(super) flow_width: usize,
    /// Hidden units of the prior for each latent dimension.
    #[arg(long, default_value_t = 2)]
    pub(super) prior_units: usize,
    /// Widths of the pixel network: image vector, row vector, first and last hidden layer.
    #[arg(long, value_delimiter = ',', num_args = 4, default_values_t = [48, 64, 64, 48])]
    pub(super) widths: Vec<usize>,
    /// Rows above and columns around a pixel where ink must be for the network to code it; a table
    /// codes the others.
    #[arg(long, value_delimiter = ',', num_args = 2, default_values_t = [2, 3])]
    pub(super) context: Vec<usize>,
    /// A file of the scans behind the training images, as `vbc-train scan` keeps it (made, or gone on with,
    /// where it is not whole): the model gets tables of the grids that digits were scaled on.
    #[arg(long, value_name = "SCANS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) grids: Option<PathBuf>,
    /// A model file whose flow, steps and prior are taken as they are: only the pixel network is
    /// trained.
    #[arg(long, value_name = "MODEL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) transform: Option<PathBuf>,
    /// A model file whose flow and steps the transform's stage starts from; few steps do then.
    #[arg(long, value_name = "MODEL", conflicts_with = "transform")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_flow: Option<PathBuf>,
    /// A model file whose pixel network the last stage starts from, its widths and context being those
    /// given here: with that model as --transform too (or --factor 0), its training goes on, on the same
    /// images or on others.
    #[arg(long, value_name = "MODEL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_pixels: Option<PathBuf>,
    /// Weight of an image's squared error Σ(x̂ − x)², pixels in 0..1, against a bit.
    #[arg(long, default_value_t = 8.0)]
    pub(super) lambda: f64,
    /// Weight of the redundancy loss.
    #[arg(long, default_value_t = 1.0)]
    pub(super) beta: f64,
    /// Steps of the transform's stage, of 256 images each.
    #[arg(long, default_value_t = 10_000)]
    pub(super) flow_steps: u64,
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) joint: JointArgs,
    /// Steps of the prior's stage, of 512 images each.
    #[arg(long, default_value_t = 8_000)]
    pub(super) prior_steps: u64,
    /// Steps of the pixel network's stage.
    #[arg(long, default_value_t = 50_000)]
    pub(super) pixel_steps: u64,
    /// Images a step of the pixel network's stage.
    #[arg(long, default_value_t = 8)]
    pub(super) pixel_batch: usize,
    /// Share of an image's active pixels that a step looks at.
    #[arg(long, default_value_t = 0.5)]
    pub(super) keep: f64,
    /// Largest learning rate of the pixel network.
    #[arg(long, default_value_t = 3e-3)]
    pub(super) pixel_rate: f64,
    /// Where to train. A run may go on elsewhere, to the same numbers but for rounding.
    #[arg(long, value_enum, default_value_t)]
    pub(super) device: DeviceChoice,
}

impl TrainArgs {
    /// What a checkpoint must agree with. The folder, the name and the device may change; so may the
    /// joint stage's settings while there is only the transform, which comes before it.
    pub(super) fn config(&self, data: &Data) -> Value {
        let mut config = json!({
            "data_blake3": data.hash, "seed": self.seed, "validation": self.validation,
            "factor": self.factor, "flow_width": self.flow_width, "prior_units": self.prior_units,
            "widths": self.widths, "context": self.context, "lambda": self.lambda, "beta": self.beta,
            "flow_steps": self.flow_steps, "prior_steps": self.prior_steps,
            "pixel_steps": self.pixel_steps, "pixel_batch": self.pixel_batch,
            "keep": self.keep, "pixel_rate": self.pixel_rate,
        });
        if self.grids.is_some() {
            config["grids"] = true.into();
        }
        for (key, start) in [("transform", &data.taken), ("start_flow", &data.start)] {
            if let Some(model) = start {
                config[key] = model.hash.clone().into();
            }
        }
        if let Some(model) = &data.pixels {
            config["start_pixels"] = model.hash.clone().into();
        }
        config
    }

    pub(super) fn sizes(&self) -> PixelSizes {
        let w = &self.widths;
        PixelSizes { image: w[0], row: w[1], pixel: w[2], hidden: w[3] }
    }

    pub(super) fn has_joint(&self) -> bool {
        self.factor > 0 && self.transform.is_none() && self.joint.joint_steps > 0
    }
}
