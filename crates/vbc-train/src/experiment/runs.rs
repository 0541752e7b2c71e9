//! The same model under several seeds.

use super::model::Trained;

/// One trained model a seed, at least one.
pub struct Runs {
    /// A short name, `mnist-rvb-x8-sum`.
    pub name: String,
    /// In order of the seeds.
    pub seeds: Vec<Trained>,
}

impl Runs {
    /// The first seed's, for pictures.
    pub fn first(&self) -> &Trained {
        &self.seeds[0]
    }

    /// A figure over the seeds.
    pub fn figure(&self, of: impl Fn(&Trained) -> f64) -> Figure {
        Figure { values: self.seeds.iter().map(of).collect() }
    }

    /// A column of the log over the epochs, the mean of the seeds.
    pub fn curve(&self, column: usize) -> Vec<(f64, f64)> {
        let n = self.seeds.len() as f64;
        let mut mean: Vec<(f64, f64)> =
            self.first().epochs.rows.iter().map(|(epoch, _)| (*epoch as f64, 0.0)).collect();
        for run in &self.seeds {
            for ((_, to), (_, values)) in mean.iter_mut().zip(&run.epochs.rows) {
                *to += values[column] / n;
            }
        }
        mean
    }
}

/// One value a seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// In order of the seeds.
    pub values: Vec<f64>,
}

impl Figure {
    /// The mean with so many decimals, and behind it ± the standard deviation over the seeds where
    /// there are several.
    pub fn text(&self, decimals: usize) -> String {
        let n = self.values.len() as f64;
        let mean = self.values.iter().sum::<f64>() / n;
        if self.values.len() < 2 {
            return format!("{mean:.decimals$}");
        }
        let squares: f64 = self.values.iter().map(|v| (v - mean).powi(2)).sum();
        format!("{mean:.decimals$} ± {:.decimals$}", (squares / (n - 1.0)).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_deviations() {
        assert_eq!(Figure { values: vec![1.25] }.text(1), "1.2");
        assert_eq!(Figure { values: vec![1.0, 2.0, 3.0] }.text(2), "2.00 ± 1.00");
    }
}
