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
    #[cfg(test)]
    if testing::stops() {
        return true;
    }
    REQUESTED.load(Ordering::Relaxed)
}

/// Requests that a test makes of its own thread.
#[cfg(test)]
pub(crate) mod testing {
    use std::cell::Cell;

    thread_local! {
        static LEFT: Cell<u64> = const { Cell::new(0) };
    }

    /// The `n`th question from now on is answered with yes.
    pub fn stop_at(n: u64) {
        LEFT.set(n);
    }

    pub(super) fn stops() -> bool {
        let left = LEFT.get();
        LEFT.set(left.saturating_sub(1));
        left == 1
    }
}
