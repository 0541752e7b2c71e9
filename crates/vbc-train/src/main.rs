//! The trainer of vbc's models.

use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use vbc_train::cells::{self, CellArgs};
use vbc_train::config::{self, ConfigError, Configured};
use vbc_train::datasets::{self, DataArgs};
use vbc_train::experiment::{self, ExperimentArgs};
use vbc_train::interrupt::{self, Interrupted};
use vbc_train::scans::{self, ScanArgs};
use vbc_train::train::{self, TellArgs, TrainArgs};
use vbc_train::trained::eval::{self, EvalArgs};
use vbc_train::trained::sample::{self, SampleArgs};

/// glibc gives every large tensor back to the kernel when it is dropped; this allocator keeps
/// the pages, which makes a training step up to three times faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Trains the models of the Virtual Bottleneck Codec.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    /// Threads to train with; all cores if not given. The results do not depend on it.
    #[arg(long, global = true)]
    threads: Option<usize>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Finds or gets MNIST and Fashion-MNIST, checks their SHA-256, and puts them into a folder.
    ///
    /// Files are looked for in the folders of --from, in the folder of Debian's package if it is
    /// installed, then where --apt and --url say. They are written decompressed; those that are
    /// already right are left alone. The folders `mnist` and `fashion` made are what `experiment` and
    /// `eval` want.
    Data(DataArgs),
    /// Trains a model and writes it as an integer model file.
    ///
    /// A run that was stopped goes on from its last checkpoint when it is started again with the
    /// same settings; one that is done is left alone. Its folder has its settings as `config.toml`.
    Train(Configured<TrainArgs>),
    /// Finds the black-and-white scans behind digits made like MNIST's, trains the network that codes
    /// them, and adds it to a model.
    ///
    /// The scans found are kept in a file, so that they are searched for once; a run that was stopped
    /// goes on.
    Scan(Configured<ScanArgs>),
    /// Trains the network that codes the cells of images made like MNIST's, and adds it to a model with
    /// grids, which becomes many times as fast.
    ///
    /// A run that was stopped goes on.
    Cells(Configured<CellArgs>),
    /// Makes the latents of a model with grids tell the sides of these, which are then not coded, and trains what knows
    /// a grid's place from the latent, and the prior anew.
    ///
    /// The model's pixel network still is that of other latents: `train --transform` makes one for these. A run that
    /// was stopped goes on.
    Tell(Configured<TellArgs>),
    /// Goes on with a run of `train`, with the settings in its folder.
    Resume {
        /// The run's folder.
        dir: PathBuf,
    },
    /// Writes the integer model of a run of `train` as far as it is, without training.
    ///
    /// Every stage must have a checkpoint; the last one need not be at its end. The training images
    /// are read again, unless the run is done.
    Export {
        /// The run's folder.
        dir: PathBuf,
        /// The model file.
        #[arg(short, long)]
        out: PathBuf,
    },
    /// Runs an experiment of the paper and writes its report, with its settings as `config.toml`.
    Experiment(Configured<ExperimentArgs>),
    /// Writes the reports in an experiment's folder again, without training.
    Report {
        /// The folder of one experiment, or of several.
        dir: PathBuf,
    },
    /// Measures a model file on MNIST or Fashion-MNIST, from real archives and files, or a flow of an
    /// experiment on the test images.
    #[command(visible_alias = "measure")]
    Eval(EvalArgs),
    /// Draws pictures from a model file, or from a flow of an experiment.
    Sample(SampleArgs),
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) if e.is::<Interrupted>() => {
            eprintln!("{e:#}");
            ExitCode::from(130)
        }
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let cli = match config::parse::<Cli>(std::env::args_os()) {
        Err(ConfigError::Usage(error)) => error.exit(),
        other => other?,
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    vbc_train::setup::init(cli.threads.unwrap_or(cores))?;
    // What does not train ends at once.
    if matches!(
        cli.command,
        Command::Train(_)
            | Command::Scan(_)
            | Command::Cells(_)
            | Command::Tell(_)
            | Command::Resume { .. }
            | Command::Experiment(_)
    ) {
        interrupt::listen()?;
    }
    match cli.command {
        Command::Data(args) => Ok(datasets::run(&args)?),
        Command::Train(settings) => train::run(&settings.args),
        Command::Scan(settings) => scans::run(&settings.args),
        Command::Cells(settings) => cells::run(&settings.args),
        Command::Tell(settings) => train::tell(&settings.args),
        Command::Resume { dir } => train::resume(&dir),
        Command::Export { dir, out } => train::export(&dir, &out),
        Command::Experiment(settings) => experiment::run(&settings.args),
        Command::Report { dir } => experiment::redraw(&dir),
        Command::Eval(args) => eval::run(&args),
        Command::Sample(args) => sample::run(&args),
    }
}
