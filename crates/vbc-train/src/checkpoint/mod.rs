//! One file from which a training run goes on exactly.
//!
//! A safetensors file: for each parameter its values, its gradient's two moments, its average and
//! its number of updates; the rest as JSON in the file's metadata.

mod atomic;
mod bits;
mod config;
mod file;
mod info;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::data::OrderState;
use crate::optim::Params;
use crate::rng::RngState;

pub use atomic::write_atomically;
pub use bits::{from_bits, to_bits};
pub use info::{Info, expect_config, info};

/// What a run needs besides its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// The random numbers drawn in training.
    pub rng: RngState,
    /// The order of the data, and the place in it.
    pub order: OrderState,
    /// Anything else a trainer keeps, such as its best validation result. Floats come back exact
    /// only if kept as bits.
    pub extra: Value,
}

/// Why a checkpoint could not be written or used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file could not be read or written.
    #[error("{path}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not a checkpoint of this program, or a damaged one.
    #[error("{path}: not a usable checkpoint: {why}")]
    Format {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The run that wrote it was set up in another way.
    #[error(
        "{path} was written with another configuration: {key} was {theirs} and is now {ours}; \
         resume with the old setting or start a new run"
    )]
    Config {
        /// The checkpoint.
        path: PathBuf,
        /// Where the configurations differ, as a JSON pointer.
        key: String,
        /// The checkpoint's value there.
        theirs: String,
        /// The present one.
        ours: String,
    },
    /// The model has other parameters than the checkpoint.
    #[error("{path}: the parameters differ: {why}")]
    Params {
        /// The checkpoint.
        path: PathBuf,
        /// Which and how.
        why: String,
    },
    /// Training has run away; such a state is not worth keeping.
    #[error("parameter {parameter} is not finite; {path} stays as it was")]
    NotFinite {
        /// The checkpoint that was not written.
        path: PathBuf,
        /// The parameter.
        parameter: String,
    },
    /// A tensor could not be reached.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// Writes all state to `path`, by way of a temporary file beside it: after a crash at any moment
/// there is either the old checkpoint or the new one.
///
/// `config` is everything that must be the same when the run goes on. Leave out what may change,
/// such as where the log goes.
///
/// # Errors
/// Where the file cannot be written, a parameter is not finite, or the parameters' averages are
/// swapped out. What was at `path` is still there then.
pub fn save(
    path: &Path,
    params: &Params,
    run: &RunState,
    config: &Value,
) -> Result<(), CheckpointError> {
    params.expect_unswapped()?;
    let bytes = file::encode(path, params, run, config)?;
    write_atomically(path, &bytes)
        .map_err(|source| CheckpointError::Io { path: path.to_owned(), source })
}

/// Brings `params` to the state of a checkpoint and gives the rest of it. The model must be built
/// before; masks, bounds, rates and freezing are the program's and are not in the file.
///
/// # Errors
/// Where the file is unusable, `config` differs from the one written, or the parameters differ in
/// name, order or shape. `params` is untouched then.
pub fn load(path: &Path, params: &mut Params, config: &Value) -> Result<RunState, CheckpointError> {
    params.expect_unswapped()?;
    let bytes = read(path)?;
    file::decode(path, &bytes, params, config)
}

/// A file's numbers, without the metadata, whose order is another in each file.
#[cfg(test)]
pub(crate) fn data_of(file: &[u8]) -> &[u8] {
    let (length, rest) = file.split_first_chunk::<8>().unwrap();
    &rest[u64::from_le_bytes(*length) as usize..]
}

fn read(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    std::fs::read(path).map_err(|source| CheckpointError::Io { path: path.to_owned(), source })
}
