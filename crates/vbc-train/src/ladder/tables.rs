//! Counted tables of pixels.

/// What every symbol has been seen, before any was.
const PRIOR: f64 = 0.05;

/// log₂ of the share of each pixel value, from counts.
fn costs(counts: &[u64]) -> Vec<f64> {
    let all = counts.iter().sum::<u64>() as f64 + PRIOR * counts.len() as f64;
    counts.iter().map(|&n| -((n as f64 + PRIOR) / all).log2()).collect()
}

/// Bits of `pixels` by the shares that values have in `training`.
pub fn order0(training: &[u8], pixels: &[u8]) -> f64 {
    let mut counts = [0u64; 256];
    training.iter().for_each(|&p| counts[usize::from(p)] += 1);
    let costs = costs(&counts);
    pixels.iter().map(|&p| costs[usize::from(p)]).sum()
}

/// Pixels given a prediction in 0..=255: a table for each fourth prediction.
#[derive(Debug)]
pub struct Conditional {
    costs: Vec<Vec<f64>>,
}

impl Conditional {
    /// Counts `pixels` by their predictions.
    pub fn fit(pixels: &[u8], predictions: &[u8]) -> Self {
        let mut counts = vec![[0u64; 256]; 64];
        for (&p, &q) in pixels.iter().zip(predictions) {
            counts[usize::from(q) / 4][usize::from(p)] += 1;
        }
        Conditional { costs: counts.iter().map(|c| costs(c)).collect() }
    }

    /// Bits of `pixels` given their predictions.
    pub fn bits(&self, pixels: &[u8], predictions: &[u8]) -> f64 {
        let one = |(&p, &q): (&u8, &u8)| self.costs[usize::from(q) / 4][usize::from(p)];
        pixels.iter().zip(predictions).map(one).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_and_foretold_pixels_are_cheap() {
        let pixels: Vec<u8> = (0..4000).map(|i| if i % 4 == 0 { 200 } else { 0 }).collect();
        let entropy = 0.75 * (4.0f64 / 3.0).log2() + 0.25 * 2.0;
        assert!((order0(&pixels, &pixels) / 4000.0 - entropy).abs() < 0.01);
        let table = Conditional::fit(&pixels, &pixels);
        assert!(table.bits(&pixels, &pixels) / 4000.0 < 0.03);
        let blind = vec![0; 4000];
        assert!(
            (Conditional::fit(&pixels, &blind).bits(&pixels, &blind) / 4000.0 - entropy).abs()
                < 0.01
        );
    }
}
