//! The settings that commands share which add something to a model.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Serialize;

use crate::data::{Images, read_images};
use crate::device::DeviceChoice;

/// What the model is for, and where to train.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AddedArgs {
    /// Training images of 28 × 28 greys: an IDX file (plain or .gz), a folder of pictures, or a NumPy
    /// file.
    #[arg(long)]
    pub data: PathBuf,
    /// The model's name.
    #[arg(long)]
    pub name: String,
    /// Seed of everything drawn at random.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(..1 << 63))]
    pub seed: u64,
    /// Images at the end of the training images that are for validation only.
    #[arg(long, default_value_t = 5000)]
    pub validation: usize,
    /// Where to train.
    #[arg(long, value_enum, default_value_t)]
    pub device: DeviceChoice,
}

impl AddedArgs {
    /// The training images, those for validation among them.
    ///
    /// # Errors
    /// Those of the files; where all images are for validation.
    pub fn images(&self) -> Result<Images> {
        let images = read_images(&self.data, None)
            .with_context(|| format!("the training images {}", self.data.display()))?;
        ensure!(self.validation < images.n, "no image is left to train on");
        Ok(images)
    }
}
