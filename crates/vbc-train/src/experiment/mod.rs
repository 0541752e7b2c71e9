//! `vbc-train experiment NAME`: the experiments of "Virtual Bottleneck Compression with Flow-Based
//! Generative Models", one file each. Each writes a folder with its report as Markdown and as one web
//! page, curves, sample grids, figures as JSON and CSV, and its configuration.

mod codec;
mod coding;
mod datasets;
mod document;
mod factors;
mod html;
mod model;
mod nvb_vs_rvb;
mod runs;
#[cfg(test)]
mod tests;
mod vae;
mod variance;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use clap::{Args, ValueEnum};
use serde::Serialize;

use self::document::Document;
use crate::checkpoint::write_atomically;
use crate::data::{Images, idx_file, read_idx};
use crate::device::DeviceChoice;
use crate::paper::{Bottleneck, Reading};

/// Settings of an experiment.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
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
    /// Folder of the results: one folder for each experiment, and `models`, which they share. A
    /// finished model is not trained again; an unfinished one goes on from its checkpoint.
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
    /// Steps of each stage of the codec's models in `coding`.
    #[arg(long, default_value_t = 1500)]
    codec_steps: u64,
    /// Temperature of the samples.
    #[arg(long, default_value_t = 1.0)]
    temperature: f64,
    /// Seed of everything drawn at random, below 2^63.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(..1 << 63))]
    seed: u64,
    /// Train each model under this many seeds, from `--seed` up, and give means and deviations.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Where to train.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
}

/// The experiments, by the paper's sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
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
    /// What a lossless code costs that starts from the latent: X2 to X392, down to the codec itself.
    Coding,
    /// All of them.
    All,
}

/// Sizes of the networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
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
    device: Device,
    /// The present experiment's folder.
    dir: PathBuf,
}

/// A data set by the paper's split.
#[derive(Debug)]
struct DataSet {
    name: &'static str,
    /// The file of the training images.
    file: PathBuf,
    train: Images,
    test: Images,
}

impl Setting {
    fn data(&self, name: &'static str, folder: &Path) -> Result<DataSet> {
        let path = |kind: &str| idx_file(folder, &format!("{kind}-images-idx3-ubyte"));
        let read = |kind: &str| -> Result<Images> {
            let path = path(kind);
            let mut images = read_idx(&path).with_context(|| format!("{}", path.display()))?;
            ensure!(images.channels == 1, "{} channels; grey images expected", images.channels);
            if let Some(n) = self.args.images {
                images.n = images.n.min(n);
                images.pixels.truncate(images.n * images.height * images.width);
            }
            Ok(images)
        };
        Ok(DataSet { name, file: path("train"), train: read("train")?, test: read("t10k")? })
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
    let device = args.device.open()?;
    let all =
        [Name::NvbVsRvb, Name::Datasets, Name::Variance, Name::Factors, Name::Vae, Name::Coding];
    let chosen = if args.name == Name::All { &all[..] } else { &[args.name] };
    for &name in chosen {
        let (experiment, folder): (fn(&Setting, &mut Document) -> Result<()>, _) = match name {
            Name::NvbVsRvb | Name::All => (nvb_vs_rvb::run, "nvb-vs-rvb"),
            Name::Datasets => (datasets::run, "datasets"),
            Name::Variance => (variance::run, "variance"),
            Name::Factors => (factors::run, "factors"),
            Name::Vae => (vae::run, "vae"),
            Name::Coding => (coding::run, "coding"),
        };
        let (device, dir) = (device.clone(), args.out.join(folder));
        std::fs::create_dir_all(&dir)?;
        let setting = Setting { args: args.clone(), reading: reading.clone(), device, dir };
        setting.write_config()?;
        let mut document = Document::new(&setting.title(name));
        document.say(&setting.describe());
        experiment(&setting, &mut document)?;
        document.write(&setting.dir)?;
        println!("{}", setting.dir.join("report.html").display());
    }
    Ok(())
}

/// `vbc-train report DIR`: writes the reports of an experiment, or of all in a folder, again from what
/// is kept of them, without data, models or training.
///
/// # Errors
/// Where there is no report, or a file cannot be read or written.
pub fn redraw(dir: &Path) -> Result<()> {
    let mut folders = vec![dir.to_owned()];
    for entry in std::fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        folders.push(entry?.path());
    }
    folders.retain(|folder| Document::is_in(folder));
    folders.sort();
    ensure!(!folders.is_empty(), "{}: no report.json in it or in its folders", dir.display());
    for folder in folders {
        Document::redraw(&folder)?;
        println!("{}", folder.join("report.html").display());
    }
    Ok(())
}

impl Setting {
    fn title(&self, name: Name) -> String {
        let title = match name {
            Name::NvbVsRvb => "Null against redundancy bottleneck, X8",
            Name::Datasets => "RVB X8 on two sets",
            Name::Variance => "RVB X8 with and without the variance term",
            Name::Factors => "Compression factors, MNIST",
            Name::Vae => "RVB X8 against a VAE with 98 latents",
            Name::Coding => "What no loss of information costs, MNIST",
            Name::All => "All",
        };
        format!("{title} ({})", self.args.reading)
    }

    fn describe(&self) -> String {
        let (args, reading) = (&self.args, &self.reading);
        let preset = if args.preset == Preset::Paper { "paper" } else { "cpu" };
        let seeds = match args.seeds {
            1 => format!("seed {}", args.seed),
            n => format!("{n} seeds from {}, means ± standard deviations", args.seed),
        };
        format!(
            "Reading `{}`, preset `{preset}` ({} couplings of {} layers, {} wide), {} epochs, \
             batches of {}, rate {:e}, {seeds}.",
            args.reading,
            reading.couplings,
            reading.layers,
            reading.hidden,
            args.epochs,
            reading.batch,
            reading.rate,
        )
    }

    /// Writes `config.toml`, the command's settings as `--config` takes them, and `reading.toml`, the
    /// reading with what they change of it.
    fn write_config(&self) -> Result<()> {
        let write =
            |file: &str, text: String| write_atomically(&self.dir.join(file), text.as_bytes());
        write("config.toml", toml::to_string(&self.args)?)?;
        Ok(write("reading.toml", toml::to_string(&self.reading)?)?)
    }
}
