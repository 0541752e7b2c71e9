//! Ctrl-C: a training run writes a checkpoint at the next step and ends.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// The user stopped a run; it goes on from its checkpoint when it is started again.
#[derive(Clone, Debug, thiserror::Error)]
#[error("stopped after step {step} of {of}; the same command goes on from {}", dir.display())]
pub struct Interrupted {
    /// Steps that are done.
    pub step: u64,
    /// Steps there are to be.
    pub of: u64,
    /// The run's folder.
    pub dir: PathBuf,
}

/// Listens to Ctrl-C and to a request to terminate from here on. A second one ends the process at
/// once, with status 130.
///
/// # Errors
/// Where the system refuses.
pub fn listen() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
}

/// Whether the user asked to stop.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}
