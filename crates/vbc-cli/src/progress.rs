//! A bar for work that takes more than a second.

use std::io::{self, IsTerminal, Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::settings::Settings;

/// How long a run stays silent.
const PATIENCE: Duration = Duration::from_secs(1);

/// Counts what is done; draws a bar once the work has taken a second, on a terminal, if not quiet.
pub struct Progress {
    bar: Option<ProgressBar>,
    started: Instant,
    shown: bool,
}

impl Progress {
    /// For work on images; `total` is their number, where it is known.
    pub fn images(settings: &Settings, total: Option<u64>) -> Self {
        Self::new(settings, total, "{human_pos} images, {per_sec}")
    }

    /// For work on `total` bytes.
    pub fn bytes(settings: &Settings, total: u64) -> Self {
        Self::new(settings, Some(total), "{bytes}, {bytes_per_sec}")
    }

    /// Decides whether a bar will be there; the rest of the program does not know.
    fn new(settings: &Settings, total: Option<u64>, figures: &str) -> Self {
        let wanted = !settings.quiet && std::io::stderr().is_terminal();
        let bar = wanted.then(|| {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
            let template = match total {
                Some(_) => format!("{{bar:40}} {figures}, {{eta}} left"),
                None => format!("{{spinner}} {figures}"),
            };
            // A template that does not parse leaves the default style.
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style);
            }
            bar
        });
        Progress { bar, started: Instant::now(), shown: false }
    }

    /// `amount` more is done.
    pub fn add(&mut self, amount: u64) {
        let Some(bar) = &self.bar else { return };
        if !self.shown && self.started.elapsed() > PATIENCE {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            self.shown = true;
        }
        bar.inc(amount);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A reader that counts what is read.
pub struct Watched<R> {
    /// The reader.
    pub inner: R,
    /// Where its bytes are counted.
    pub progress: Progress,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.progress.add(n as u64);
        Ok(n)
    }
}

impl<R: Seek> Seek for Watched<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
