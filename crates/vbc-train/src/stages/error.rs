//! Why a stage ends before its last step.

use std::path::PathBuf;

/// What a stage cannot go on from.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The loss is not a number any more, or infinite.
    #[error("stage {stage}, step {step}: the loss is {loss}; {}", kept(saved.as_ref()))]
    Loss {
        /// The stage.
        stage: &'static str,
        /// The step, from 1.
        step: u64,
        /// The loss.
        loss: f64,
        /// The last checkpoint, if there is one.
        saved: Option<PathBuf>,
    },
    /// The optimiser refuses the gradient, and has moved nothing.
    #[error("stage {stage}, step {step}: no use of this gradient; {}", kept(saved.as_ref()))]
    Gradient {
        /// The stage.
        stage: &'static str,
        /// The step, from 1.
        step: u64,
        /// What the optimiser says.
        source: candle_core::Error,
        /// The last checkpoint, if there is one.
        saved: Option<PathBuf>,
    },
    /// The stage is to be taken from a checkpoint, and there is none.
    #[error("stage {stage} has not begun: there is no {}", path.display())]
    NotBegun {
        /// The stage.
        stage: &'static str,
        /// Its checkpoint.
        path: PathBuf,
    },
}

fn kept(saved: Option<&PathBuf>) -> String {
    match saved {
        Some(path) => format!("{} is from before", path.display()),
        None => "there is no checkpoint yet".to_owned(),
    }
}
