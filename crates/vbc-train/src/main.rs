//! The trainer of vbc's models.

use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use vbc_train::datasets::{self, DataArgs};
use vbc_train::experiment::{self, ExperimentArgs};
use vbc_train::interrupt::{self, Interrupted};
use vbc_train::measure::{self, MeasureArgs};
use vbc_train::train::{self, TrainArgs};

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
    /// `measure` want.
    Data(DataArgs),
    /// Trains a model and writes it as an integer model file.
    ///
    /// A run that was stopped goes on from its last checkpoint when it is started again with the
    /// same settings.
    Train(TrainArgs),
    /// Runs an experiment of the paper and writes its report.
    Experiment(ExperimentArgs),
    /// Writes the reports in an experiment's folder again, without training.
    Report {
        /// The folder of one experiment, or of several.
        dir: PathBuf,
    },
    /// Measures a model file on MNIST or Fashion-MNIST, from real archives and files.
    Measure(MeasureArgs),
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
    let cli = Cli::parse();
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    vbc_train::setup::init(cli.threads.unwrap_or(cores))?;
    // What does not train ends at once.
    if matches!(cli.command, Command::Train(_) | Command::Experiment(_)) {
        interrupt::listen()?;
    }
    match cli.command {
        Command::Data(args) => Ok(datasets::run(&args)?),
        Command::Train(args) => train::run(&args),
        Command::Experiment(args) => experiment::run(&args),
        Command::Report { dir } => experiment::redraw(&dir),
        Command::Measure(args) => measure::run(&args),
    }
}
