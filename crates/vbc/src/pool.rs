//! Buffers that one block after the other is coded with.

use std::sync::{Mutex, PoisonError};

/// As many values as there ever were threads at work, each lent to one at a time.
#[derive(Debug, Default)]
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T: Default> Pool<T> {
    /// Calls `run` with a value that nobody else has: in what state the last one left it.
    pub fn with<R>(&self, run: impl FnOnce(&mut T) -> R) -> R {
        // A value is only in the pool while it is whole, so a panic elsewhere means nothing here.
        let all = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut value = all().pop().unwrap_or_default();
        let result = run(&mut value);
        all().push(value);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_lent_to_one_at_a_time_and_kept() {
        let pool: Pool<Vec<u8>> = Pool::default();
        let lens = pool.with(|a| {
            a.push(1);
            pool.with(|b| {
                b.extend([2, 3]);
                (a.len(), b.len())
            })
        });
        assert_eq!(lens, (1, 2));
        let mut found = pool.with(|a| pool.with(|b| [a.len(), b.len()]));
        found.sort_unstable();
        assert_eq!(found, [1, 2]);
        assert_eq!(pool.0.lock().unwrap().len(), 2);
    }
}
