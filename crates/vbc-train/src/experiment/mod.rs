//! `vbc-train experiment NAME`: the experiments of "Virtual Bottleneck Compression with Flow-Based
//! Generative Models", one file each, with a report in Markdown, logs, curves and sample grids.

mod datasets;
mod factors;
mod model;
mod nvb_vs_rvb;
mod report;
#[cfg(test)]
mod tests;
mod vae;
mod variance;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::data::{Images, idx_file, read_idx};
use crate::paper::{Bottleneck, Reading};

/// Settings of an experiment.
#[derive(Args, Clone, Debug)]
pub struct ExperimentArgs {
    /// Which one.
    name: Name,
    /// Folder with MNIST's IDX files, plain or .gz (`train-images-idx3-ubyte`,
    /// `t10k-images-idx3-ubyte`), as `vbc-train data` makes it.
    #[arg(long)]
    mnist: PathBuf,
    /// Folder with Fashion-MNIST's IDX files; wanted by `datasets` and `all`.
    #[arg(long)]
    fashion: Option<PathBuf>,
    /// Folder of the results. Finished models in it are not trained again.
    #[arg(long)]
    out: PathBuf,
    /// What the paper is taken to say: `as-published` (its authors' code) or `as-written` (its text).
    #[arg(long, default_value = "as-published")]
    reading: String,
    /// Size of the networks.
    #[arg(long, value_enum, default_value_t = Preset::Cpu)]
    preset: Preset,
    /// Passes over the training images; `variance` makes a fifth of them, as the paper does.
    #[arg(long, default_value_t = 100)]
    epochs: u64,
    /// Use the first images only, of training and test.
    #[arg(long)]
    images: Option<usize>,
    /// Another learning rate than the reading's.
    #[arg(long)]
    rate: Option<f64>,
    /// Temperature of the samples.
    #[arg(long, default_value_t = 1.0)]
    temperature: f64,
    /// Seed of everything drawn at random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// The experiments, by the paper's sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// 3.1, Figure 3: the null and the redundancy bottleneck, X8, MNIST.
    NvbVsRvb,
    /// 3.2, Figures 4 and 5: RVB X8 on MNIST and Fashion-MNIST.
    Datasets,
    /// 3.3, Figure 6: with and without the variance term.
    Variance,
    /// 3.4, Table 1 and Figure 7: X1 to X392, under both normalisations of the variance.
    Factors,
    /// 3.5, Figure 8: RVB X8 against a VAE with 98 latents.
    Vae,
    /// All of them.
    All,
}

/// Sizes of the networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Preset {
    /// The reading's own width, 2000: a GPU's job.
    Paper,
    /// The same shape, 128 wide: 100 epochs of MNIST in a quarter of an hour on one core.
    Cpu,
}

const CPU_WIDTH: usize = 128;

/// An experiment's settings, resolved.
#[derive(Debug)]
struct Setting {
    args: ExperimentArgs,
    reading: Reading,
    out: PathBuf,
}

/// A data set by the paper's split.
#[derive(Debug)]
struct DataSet {
    name: &'static str,
    train: Images,
    test: Images,
}

impl Setting {
    fn data(&self, name: &'static str, folder: &Path) -> Result<DataSet> {
        let read = |kind: &str| -> Result<Images> {
            let path = idx_file(folder, &format!("{kind}-images-idx3-ubyte"));
            let mut images = read_idx(&path).with_context(|| format!("{}", path.display()))?;
            ensure!(images.channels == 1, "{} channels; grey images expected", images.channels);
            if let Some(n) = self.args.images {
                images.n = images.n.min(n);
                images.pixels.truncate(images.n * images.height * images.width);
            }
            Ok(images)
        };
        Ok(DataSet { name, train: read("train")?, test: read("t10k")? })
    }

    /// RVB under the reading's normalisation.
    fn redundancy(&self, factor: usize) -> Bottleneck {
        Bottleneck::Redundancy { factor, normalisation: self.reading.redundancy }
    }

    fn mnist(&self) -> Result<DataSet> {
        self.data("mnist", &self.args.mnist)
    }

    fn fashion(&self) -> Result<DataSet> {
        let folder = self.args.fashion.as_ref().context("--fashion FOLDER is wanted")?;
        self.data("fashion", folder)
    }
}

/// Runs an experiment and writes its report.
///
/// # Errors
/// Those of the data, the training and the files.
pub fn run(args: &ExperimentArgs) -> Result<()> {
    let mut reading = Reading::named(&args.reading)?;
    if args.preset == Preset::Cpu {
        reading.hidden = CPU_WIDTH;
    }
    if let Some(rate) = args.rate {
        reading.rate = rate;
    }
    std::fs::create_dir_all(&args.out)?;
    let setting = Setting { args: args.clone(), reading, out: args.out.clone() };
    let all = [Name::NvbVsRvb, Name::Datasets, Name::Variance, Name::Factors, Name::Vae];
    let chosen = if args.name == Name::All { &all[..] } else { &[args.name] };
    for name in chosen {
        match name {
            Name::NvbVsRvb => nvb_vs_rvb::run(&setting)?,
            Name::Datasets => datasets::run(&setting)?,
            Name::Variance => variance::run(&setting)?,
            Name::Factors => factors::run(&setting)?,
            Name::Vae => vae::run(&setting)?,
            Name::All => {}
        }
    }
    Ok(())
}
