//! What a checkpoint says of itself, before there is a model for it.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::SafeTensors;
use serde_json::Value;

use super::{CheckpointError, RunState, config, file};

/// A checkpoint without its numbers.
#[derive(Clone, Debug)]
pub struct Info {
    /// The configuration that wrote it.
    pub config: Value,
    /// Steps that were done.
    pub step: u64,
    /// The rest of the run's state.
    pub run: RunState,
    /// Parameters and their shapes.
    pub shapes: BTreeMap<String, Vec<usize>>,
}

/// Reads what a checkpoint says of itself.
///
/// # Errors
/// Where the file cannot be read or is not a checkpoint.
pub fn info(path: &Path) -> Result<Info, CheckpointError> {
    let bytes = super::read(path)?;
    let header = file::header(path, &bytes)?;
    let tensors = SafeTensors::deserialize(&bytes)
        .map_err(|e| CheckpointError::Format { path: path.to_owned(), why: e.to_string() })?;
    let shapes = tensors.iter().filter_map(|(name, view)| {
        Some((name.strip_prefix("value/")?.to_owned(), view.shape().to_vec()))
    });
    let file::Header { config, step, run, .. } = header;
    Ok(Info { config, step, run, shapes: shapes.collect() })
}

/// Makes sure that `ours` is the configuration `theirs`, which `path` was written with.
///
/// # Errors
/// [`CheckpointError::Config`] where it is not.
pub fn expect_config(path: &Path, theirs: &Value, ours: &Value) -> Result<(), CheckpointError> {
    // Through text once, as theirs was: a float's last bit may change on the way.
    let ours = serde_json::from_str(&ours.to_string())
        .map_err(|e| CheckpointError::Format { path: path.to_owned(), why: e.to_string() })?;
    match config::difference(theirs, &ours) {
        Some((key, theirs, ours)) => {
            Err(CheckpointError::Config { path: path.to_owned(), key, theirs, ours })
        }
        None => Ok(()),
    }
}
