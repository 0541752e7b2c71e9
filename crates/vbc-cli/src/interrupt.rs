//! Temporary files that must not outlive an interrupted run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static FILES: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Exit code of a shell's command that an interrupt ended.
const INTERRUPTED: i32 = 130;

fn files() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on, an interrupt or a request to terminate removes the guarded files and exits.
pub fn install() {
    // A second handler in one process is refused; then the first one does the same.
    let _ = ctrlc::set_handler(|| {
        // The lock is held until the process ends, so no file is renamed or created any more.
        let files = files();
        for file in files.iter() {
            let _ = std::fs::remove_file(file);
        }
        crate::progress::interrupt();
        std::process::exit(INTERRUPTED);
    });
}

/// A file to be removed by an interrupt, as long as this value lives.
pub struct Guard(PathBuf);

impl Guard {
    /// Guards the file at `path`.
    pub fn new(path: &Path) -> Self {
        files().insert(path.to_owned());
        Guard(path.to_owned())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        files().remove(&self.0);
    }
}
