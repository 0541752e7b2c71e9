//! The flow and its bottleneck (SPEC.md section 5).

use crate::layer::{Layer, sat};

pub(crate) struct Transform {
    /// Splits, and layers of which the last is wide.
    pub(crate) couplings: Vec<(Vec<i64>, Vec<Layer>, Layer)>,
    pub(crate) slope: i64,
    pub(crate) chunks: Vec<i64>,
    pub(crate) steps: Vec<i64>,
    /// For NVB the constant; `None` for RVB.
    pub(crate) null: Option<i64>,
}

pub(crate) fn wrap(value: i64) -> i64 {
    i64::from(value as i32)
}

impl Transform {
    pub(crate) fn preview(&self, z: &[i64]) -> Vec<u8> {
        let m = z.len();
        let mut y = vec![self.null.unwrap_or(0); self.chunks.len()];
        for (i, &position) in self.chunks.iter().enumerate() {
            if i < m || self.null.is_none() {
                y[position as usize] = wrap(z[i % m] * self.steps[i % m]);
            }
        }
        for (split, layers, last) in self.couplings.iter().rev() {
            let side = |s| (0..y.len()).filter(|&p| split[p] == s).collect::<Vec<usize>>();
            let (kept, changed) = (side(0), side(1));
            let a: Vec<i64> = kept.iter().map(|&p| sat(y[p])).collect();
            let a = layers.iter().fold(a, |a, layer| layer.leaky(&a, self.slope));
            changed.iter().zip(last.wide(&a)).for_each(|(&p, d)| y[p] = wrap(y[p] - d));
        }
        y.into_iter().map(|t| ((t + 8) >> 4).clamp(0, 255) as u8).collect()
    }
}
