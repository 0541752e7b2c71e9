//! The learning rate by step.

use serde::{Deserialize, Serialize};

/// A linear rise from 0 to `peak`, then half a cosine down to `floor`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WarmupCosine {
    /// The highest rate.
    pub peak: f64,
    /// The rate at the end and after it.
    pub floor: f64,
    /// Steps of the rise.
    pub warmup: u64,
    /// Steps of the whole training, the rise included.
    pub total: u64,
}

impl WarmupCosine {
    /// The rate for the step that follows `step` completed ones. The first is already above 0.
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.peak * (step + 1) as f64 / self.warmup as f64;
        }
        let fall = self.total.saturating_sub(self.warmup).max(1) as f64;
        let place = ((step - self.warmup) as f64 / fall).min(1.0);
        let height = 0.5 + 0.5 * (std::f64::consts::PI * place).cos();
        self.floor + (self.peak - self.floor) * height
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_falls_and_stays() {
        let s = WarmupCosine { peak: 1.0, floor: 0.1, warmup: 4, total: 24 };
        assert_eq!([0, 1, 2, 3, 4].map(|t| s.rate(t)), [0.25, 0.5, 0.75, 1.0, 1.0]);
        assert!((s.rate(14) - 0.55).abs() < 1e-12);
        assert!((s.rate(24) - 0.1).abs() < 1e-12 && s.rate(1000) == s.rate(24));
        assert!((4..24).all(|t| s.rate(t) >= s.rate(t + 1)));
        let none = WarmupCosine { peak: 1.0, floor: 0.0, warmup: 0, total: 0 };
        assert!(none.rate(0).is_finite());
    }
}
