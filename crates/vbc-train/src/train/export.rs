//! `vbc-train export DIR -o FILE`: the integer model of a run as far as it is.

use std::path::Path;

use anyhow::{Context, Result};
use candle_core::Device;

use super::{Data, folder, make, resume};
use crate::checkpoint::write_atomically;

/// Writes the integer model of the run in `dir`: the finished one, or one made of the checkpoints. It
/// wants a checkpoint of every stage, but the last stage need not be at its end.
///
/// # Errors
/// Where the folder has no settings of a run, a stage has not begun, or the training images, which the
/// tables are made from, cannot be read.
pub fn export(dir: &Path, out: &Path) -> Result<()> {
    let args = resume::settings(dir)?;
    let finished = dir.join("model.safetensors");
    if dir.join(folder::DONE).exists() && finished.exists() {
        let bytes = std::fs::read(&finished).with_context(|| finished.display().to_string())?;
        write_atomically(out, &bytes).with_context(|| out.display().to_string())?;
    } else {
        // Nothing is trained, so that a run's GPU is not wanted for its model.
        let made = make(&args, Data::read(&args)?, &Device::Cpu, true)
            .with_context(|| format!("{}: no model can be made yet", dir.display()))?;
        write_atomically(out, &made.bytes).with_context(|| out.display().to_string())?;
    }
    println!("{}", out.display());
    Ok(())
}
