//! `vbc-train resume DIR`: goes on with a run from the settings in its folder.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{TrainArgs, folder, run};
use crate::config::{self, ConfigError};

/// The settings of the run in a folder, which may have been moved.
pub(super) fn settings(dir: &Path) -> Result<TrainArgs> {
    let path = dir.join(folder::CONFIG);
    ensure!(dir.is_dir(), "{}: there is no such folder", dir.display());
    ensure!(
        path.exists(),
        "{}: no {} in it, which `vbc-train train` writes; a run of an older version goes on with \
         `train --out {0}` and the settings that it was begun with",
        dir.display(),
        folder::CONFIG,
    );
    config::read("train", &path, &[("out", dir)]).map_err(|error| {
        let unknown = matches!(error, ConfigError::Unknown { .. });
        let error = anyhow::Error::from(error);
        if !unknown {
            return error;
        }
        error.context(format!(
            "{} is not the folder of a `train` run; an experiment goes on with `experiment --config`",
            dir.display()
        ))
    })
}

/// Goes on with the run in `dir`, or says that it is done.
///
/// # Errors
/// Where the folder has no settings of a run; those of [`run`].
pub fn resume(dir: &Path) -> Result<()> {
    let args = settings(dir)?;
    if dir.join(folder::DONE).exists() {
        folder::say_done(dir);
        return Ok(());
    }
    run(&args).with_context(|| dir.display().to_string())
}
