//! A bar for work that takes more than a second.

use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::settings::Settings;

/// How long a run stays silent.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the last line of the terminal is a bar.
static DRAWN: AtomicBool = AtomicBool::new(false);

/// Counts what is done; draws a bar once the work has taken a second, on a terminal, if not quiet.
pub struct Progress {
    bar: Option<ProgressBar>,
    started: Instant,
    shown: bool,
}

impl Progress {
    /// For work on `total` images.
    pub fn images(settings: &Settings, total: u64) -> Self {
        Self::new(settings, total, "{human_pos} of {human_len} images, {rate}")
    }

    /// For a check of `total` bytes. They are not shown: some are read twice.
    pub fn check(settings: &Settings, total: u64) -> Self {
        Self::new(settings, total, "{percent} % verified")
    }

    /// Decides whether a bar will be there; the rest of the program does not know.
    fn new(settings: &Settings, total: u64, figures: &str) -> Self {
        let wanted = !settings.quiet && io::stderr().is_terminal();
        let bar = wanted.then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
            // Narrow enough for 80 columns. A template that does not parse leaves the default style.
            let template = format!("{{bar:24}} {figures}, {{eta}} left");
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style.with_key("rate", rate));
            }
            bar
        });
        Progress { bar, started: Instant::now(), shown: false }
    }

    /// What counted as one image in the total turns out to hold `images`.
    pub fn holds(&self, images: u64) {
        match (&self.bar, images.checked_sub(1)) {
            (Some(bar), Some(more)) => bar.inc_length(more),
            (Some(bar), None) => bar.dec_length(1),
            (None, _) => {}
        }
    }

    /// `amount` more is done.
    pub fn add(&mut self, amount: u64) {
        let Some(bar) = &self.bar else { return };
        if !self.shown && self.started.elapsed() > PATIENCE {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            self.shown = true;
            DRAWN.store(true, Ordering::Relaxed);
        }
        bar.inc(amount);
    }

    /// Takes the bar away, before anything else is said.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            DRAWN.store(false, Ordering::Relaxed);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Leaves a bar that nobody will take away on a line of its own.
pub fn interrupt() {
    if DRAWN.load(Ordering::Relaxed) {
        // The terminal may be gone, and then there is no line to mend.
        let _ = io::stderr().write_all(b"\n");
    }
}

fn rate(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    // A bar has nowhere to report to.
    let _ = write!(out, "{}/s", HumanCount(state.per_sec() as u64));
}

/// A reader or writer whose bytes count, each `unit` of them as one.
pub struct Watched<'a, T> {
    inner: T,
    progress: &'a mut Progress,
    unit: u64,
    /// Bytes that are no whole unit yet.
    rest: u64,
}

impl<'a, T> Watched<'a, T> {
    /// Counts what passes through `inner`.
    pub fn new(inner: T, progress: &'a mut Progress, unit: u64) -> Self {
        Watched { inner, progress, unit, rest: 0 }
    }

    /// Gives back what was watched.
    pub fn into_inner(self) -> T {
        self.inner
    }

    fn count(&mut self, bytes: usize) {
        self.rest += bytes as u64;
        self.progress.add(self.rest / self.unit);
        self.rest %= self.unit;
    }
}

impl<T: Read> Read for Watched<'_, T> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.count(n);
        Ok(n)
    }
}

impl<T: Seek> Seek for Watched<'_, T> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

impl<T: Write> Write for Watched<'_, T> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(buf)?;
        self.count(n);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
