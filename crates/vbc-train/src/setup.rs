//! What a training program must settle before anything else runs.

use crate::ops::set_threads;

/// The process has threads already, or may have; [`init`] came too late.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot set {variable}={value} once there may be other threads; set it in the environment \
     before starting the program"
)]
pub struct TooLate {
    /// The first variable that is not as it should be.
    pub variable: &'static str,
    /// What it should be.
    pub value: String,
}

/// Limits matrix products, rayon and candle's element-wise pool to `threads` threads (0 counts as
/// 1), and makes the latter sleep where it would spin.
///
/// Candle's idle threads spin by default, which makes a step several times slower wherever other
/// work wants the cores. There is no setting for it but CANDLE_BARRIER_POOL_SPIN_LIMIT; one given
/// by the user is kept. To be called first in `main`.
///
/// # Errors
/// Where a variable would have to change although the process is not known to have one thread
/// only. Matrix products are limited nonetheless.
pub fn init(threads: usize) -> Result<(), TooLate> {
    let threads = threads.max(1);
    set_threads(threads);
    let spin = std::env::var("CANDLE_BARRIER_POOL_SPIN_LIMIT").unwrap_or_else(|_| "0".to_owned());
    let wanted = [
        ("CANDLE_BARRIER_POOL_SPIN_LIMIT", spin),
        ("CANDLE_NUM_THREADS", threads.to_string()),
        ("RAYON_NUM_THREADS", threads.to_string()),
    ];
    for (variable, value) in wanted {
        if std::env::var(variable).is_ok_and(|now| now == value) {
            continue;
        }
        if num_threads::is_single_threaded() != Some(true) && !cfg!(windows) {
            return Err(TooLate { variable, value });
        }
        // SAFETY: changing the environment is unsound only while another thread may read it.
        // This is the only thread of the process by the check above, and it does nothing else
        // meanwhile. On Windows the call is always sound.
        unsafe { std::env::set_var(variable, value) };
    }
    // The calling thread is one of the pool's, so that with one thread no work changes hands. A pool
    // that is there already is as good.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).use_current_thread();
    let _ = pool.build_global();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_among_threads() {
        // The test harness runs this on a thread of its own.
        if std::env::var("RAYON_NUM_THREADS").is_err() && !cfg!(windows) {
            assert!(init(1).is_err());
            assert!(std::env::var("RAYON_NUM_THREADS").is_err());
        }
    }
}
