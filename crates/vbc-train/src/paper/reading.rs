//! A reading of the paper: every choice that its text and its authors' code make differently.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::Prior;

/// All settings of a model and its training. The two readings are checked in under `readings/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// Additive couplings, alternating which half changes.
    pub couplings: usize,
    /// Linear layers of a coupling's MLP, the first and the last included; at least 2.
    pub layers: usize,
    /// Width of the layers between.
    pub hidden: usize,
    /// Slope of the leaky ReLU below 0.
    pub slope: f64,
    /// What the first layer's initial weights take for its number of inputs.
    pub init_inputs: InitInputs,
    /// Which dimensions are the two halves.
    pub split: Split,
    /// Whether a diagonal scaling layer follows the couplings.
    pub scaling: bool,
    /// How a pixel enters the flow.
    pub input: InputScale,
    /// The distribution of y.
    pub prior: Prior,
    /// Which dimensions of y are copies of each other.
    pub chunks: Chunking,
    /// What the redundancy loss adds up.
    pub redundancy: Normalisation,
    /// What the null bottleneck pulls the dropped dimensions to.
    pub null_target: f64,
    /// Which chunk the null bottleneck keeps.
    pub null_kept: Kept,
    /// Adam's learning rate, constant.
    pub rate: f64,
    /// Images a step.
    pub batch: usize,
}

/// The number of inputs that an MLP's initial weights are scaled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitInputs {
    /// d: the MLP sees the whole vector with one half set to 0.
    Whole,
    /// d/2: the MLP sees the untouched half.
    Half,
}

/// The two halves of a coupling's split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// Even raster positions, odd raster positions.
    EvenOdd,
    /// The first d/2, the last d/2.
    Halves,
}

/// How a pixel p in 0..=255 with uniform noise u in 0..1 becomes an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputScale {
    /// p/255 − 1/2 + u/256.
    Centred,
    /// (p + u)/256.
    Unit,
}

impl InputScale {
    /// The input of pixel `p` with noise `u` in 0..1.
    pub fn apply(self, p: u8, u: f64) -> f32 {
        match self {
            Self::Centred => (f64::from(p) / 255.0 - 0.5 + u / 256.0) as f32,
            Self::Unit => ((f64::from(p) + u) / 256.0) as f32,
        }
    }

    /// The pixel of an input, in 0..=1 where it is one.
    pub fn to_unit(self, x: f32) -> f32 {
        match self {
            Self::Centred => x + 0.5 - 0.5 / 256.0,
            Self::Unit => (x * 256.0 - 0.5) / 255.0,
        }
    }
}

/// Which dimensions of y make a group of copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chunking {
    /// c neighbours: chunk i is y_i, y_(i+c), …
    Interleaved,
    /// c pieces: chunk i is y from i·d/c to (i + 1)·d/c.
    Contiguous,
}

/// What the redundancy loss adds up, for each image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// Σ over the d/c groups of the unbiased variance: a squared deviation weighs 1/(c − 1), so the
    /// pull on an output fades as c grows.
    SumOverGroups,
    /// Σ over the d outputs of the squared deviation from the group's mean: the same pull on every
    /// output for every c.
    PerOutput,
    /// No pull; the variance is measured only.
    None,
}

/// The chunk that a null bottleneck keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// The first.
    First,
    /// The last.
    Last,
}

impl Reading {
    /// The reading of that name.
    ///
    /// # Errors
    /// Where there is none.
    pub fn named(name: &str) -> Result<Self> {
        let text = match name {
            "as-published" => include_str!("../../readings/as-published.toml"),
            "as-written" => include_str!("../../readings/as-written.toml"),
            other => anyhow::bail!("no reading {other}; there are as-published and as-written"),
        };
        let reading: Self = toml::from_str(text).with_context(|| format!("reading {name}"))?;
        ensure!(reading.layers >= 2, "{} layers", reading.layers);
        Ok(reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_readings_can_be_read() -> Result<()> {
        let (code, text) = (Reading::named("as-published")?, Reading::named("as-written")?);
        assert_eq!((code.layers, code.prior), (12, Prior::Logistic));
        assert_eq!((text.layers, text.prior), (10, Prior::LogNormal));
        assert!(Reading::named("as-told").is_err());
        Ok(())
    }

    #[test]
    fn inputs_come_back() {
        for scale in [InputScale::Centred, InputScale::Unit] {
            for p in 0..=255u8 {
                let back = scale.to_unit(scale.apply(p, 0.5));
                assert!((back - f32::from(p) / 255.0).abs() < 1e-5, "{scale:?} {p} {back}");
            }
        }
    }
}
