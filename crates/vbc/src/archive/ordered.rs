//! Work for several threads, whose results come back in the order in which it was handed over.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// Pieces of work for each thread, under way or done: one to do, and one to go on with while results are put to use.
const AHEAD: usize = 2;

/// A queue of pieces of work, at most [`AHEAD`] for each thread.
pub(super) struct Ordered<T> {
    /// None for one thread, which does its work when it is handed over.
    pool: Option<rayon::ThreadPool>,
    most: usize,
    waiting: VecDeque<Receiver<thread::Result<T>>>,
}

impl<T: Send + 'static> Ordered<T> {
    pub fn new(threads: usize) -> Self {
        let pool = (threads > 1)
            .then(|| rayon::ThreadPoolBuilder::new().num_threads(threads).build().ok())
            .flatten();
        let most = pool.as_ref().map_or(1, |pool| AHEAD * pool.current_num_threads());
        Ordered { pool, most, waiting: VecDeque::new() }
    }

    /// Whether a result should be taken before there is more work.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= self.most
    }

    /// Hands over a piece of work.
    pub fn add(&mut self, work: impl FnOnce() -> T + Send + 'static) {
        let (done, result) = sync_channel(1);
        // Whoever takes the result gets the panic too; there may be nobody left who would.
        let work = move || drop(done.send(catch_unwind(AssertUnwindSafe(work))));
        match &self.pool {
            Some(pool) => pool.spawn(work),
            None => work(),
        }
        self.waiting.push_back(result);
    }

    /// The result of the oldest piece of work, once there is one; `None` where all have been taken.
    pub fn take(&mut self) -> Option<T> {
        match self.waiting.pop_front()?.recv() {
            Ok(Ok(result)) => Some(result),
            Ok(Err(panic)) => resume_unwind(panic),
            // A result that never comes is not the end of them.
            Err(lost) => resume_unwind(Box::new(lost)),
        }
    }

    /// Forgets all work that is under way.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_come_in_order() {
        for threads in 1..5 {
            let (mut work, mut taken) = (Ordered::new(threads), Vec::new());
            for n in 0..40u64 {
                if work.is_full() {
                    taken.extend(work.take());
                }
                // The first ones take longest.
                work.add(move || {
                    thread::sleep(Duration::from_millis(5 - n % 5));
                    n
                });
                assert!(work.waiting.len() <= AHEAD * threads);
            }
            taken.extend(std::iter::from_fn(|| work.take()));
            assert_eq!(taken, (0..40).collect::<Vec<_>>(), "{threads} threads");
        }
    }

    #[test]
    fn a_panic_comes_back_to_whoever_asks() {
        for threads in [1, 2] {
            let mut work: Ordered<usize> = Ordered::new(threads);
            work.add(|| 1);
            work.add(|| [1, 2].iter().sum::<usize>() / [0].len().saturating_sub(1));
            work.add(|| 3);
            assert_eq!(work.take(), Some(1));
            assert!(catch_unwind(AssertUnwindSafe(|| work.take())).is_err());
            assert_eq!((work.take(), work.take()), (Some(3), None));
        }
    }
}
