//! The trainer of vbc's models.

use anyhow::Result;
use clap::{Parser, Subcommand};
use vbc_train::datasets::{self, DataArgs};
use vbc_train::experiment::{self, ExperimentArgs};
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
    /// Measures a model file on MNIST or Fashion-MNIST, from real archives and files.
    Measure(MeasureArgs),
}

fn main() -> Result<()> {
    vbc_train::setup::init(1)?;
    match Cli::parse().command {
        Command::Data(args) => Ok(datasets::run(&args)?),
        Command::Train(args) => train::run(&args),
        Command::Experiment(args) => experiment::run(&args),
        Command::Measure(args) => measure::run(&args),
    }
}
