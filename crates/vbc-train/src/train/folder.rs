//! A run's folder: the settings in `config.toml`, whether its checkpoints are of the same, and the mark
//! `DONE`, which has the configuration of what was trained.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{TrainArgs, write_json};
use crate::checkpoint::{expect_config, info, write_atomically};

/// The settings, by which a run goes on.
pub(super) const CONFIG: &str = "config.toml";
/// Written last.
pub(super) const DONE: &str = "DONE";

/// The settings that the stages' checkpoints must have: the joint stage's come after the transform.
fn with_joint(args: &TrainArgs, config: &Value) -> Value {
    let mut config = config.clone();
    if args.has_joint() {
        config["joint"] = args.joint.config();
    }
    config
}

/// Whether the run is done; an error where the folder has one that is done with other settings.
pub(super) fn is_done(args: &TrainArgs, config: &Value) -> Result<bool> {
    let path = args.out.join(DONE);
    if !path.exists() {
        return Ok(false);
    }
    let theirs = serde_json::from_slice(&std::fs::read(&path)?)
        .with_context(|| format!("{}: not a mark of this program", path.display()))?;
    expect_config(&path, &theirs, &with_joint(args, config))?;
    Ok(true)
}

pub(super) fn say_done(dir: &Path) {
    let model = dir.join("model.safetensors");
    println!("{} is done; its model is {}", dir.display(), model.display());
}

/// Makes sure that what is in the folder has these settings, before anything is trained, and writes
/// them down.
pub(super) fn begin(args: &TrainArgs, config: &Value) -> Result<()> {
    std::fs::create_dir_all(&args.out)?;
    let later = with_joint(args, config);
    let stages = [("transform", config), ("joint", &later), ("prior", &later), ("pixel", &later)];
    for (stage, config) in stages {
        let path = args.out.join(format!("{stage}.checkpoint"));
        if path.exists() {
            expect_config(&path, &info(&path)?.config, config)?;
        }
    }
    // Whole paths, so that it does not matter where the run is resumed from.
    let mut args = args.clone();
    args.data = std::path::absolute(&args.data)?;
    args.out = std::path::absolute(&args.out)?;
    args.transform = args.transform.map(std::path::absolute).transpose()?;
    args.start_flow = args.start_flow.map(std::path::absolute).transpose()?;
    let text = toml::to_string(&args).context("the settings as TOML")?;
    Ok(write_atomically(&args.out.join(CONFIG), text.as_bytes())?)
}

/// Marks the run as done.
pub(super) fn end(args: &TrainArgs, config: &Value) -> Result<()> {
    write_json(&args.out.join(DONE), &with_joint(args, config))
}
