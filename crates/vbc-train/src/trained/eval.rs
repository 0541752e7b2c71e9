//! `vbc-train eval`: the figures of a model file, or of an experiment's flow.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::{Measure, SavedFlow, measure_file, test_figures};
use crate::data::{idx_file, read_idx};
use crate::device::DeviceChoice;

/// What to measure, on what.
#[derive(Args, Debug)]
pub struct EvalArgs {
    /// A folder with the four IDX files of MNIST or Fashion-MNIST, plain or .gz
    /// (`train-images-idx3-ubyte`, …), as `vbc-train data` makes it.
    #[arg(long)]
    data: PathBuf,
    /// The model file; the archive figures are for `auto` over all embedded models and this one.
    #[arg(long, required_unless_present = "run", conflicts_with = "run")]
    model: Option<PathBuf>,
    /// The folder of an experiment's flow, `models/NAME-HASH` in the experiment's `--out`: its
    /// log-likelihood in nats an image, bits per dimension, bottleneck loss and variance on the test
    /// images.
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Single-image files made of the test images.
    #[arg(long, default_value_t = 1000, conflicts_with = "run")]
    singles: usize,
    /// Training images, from the first, that neighbours are looked for among.
    #[arg(long, default_value_t = 55_000, conflicts_with = "run")]
    references: usize,
    /// Measures on the last N training images, with the others to look for neighbours among, instead of
    /// the test images: for choosing between models.
    #[arg(long, value_name = "N", conflicts_with = "run")]
    validation: Option<usize>,
    /// How many integers of each latent the encoder changes to see what makes the image smaller; the latent's
    /// figures are then of what it chose, and the training images are not coded.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "run")]
    latent_tries: u32,
    /// Where the flow is to run.
    #[arg(long, value_enum, default_value_t, conflicts_with = "model")]
    device: DeviceChoice,
}

/// Measures and prints a JSON object.
///
/// # Errors
/// Those of the data and the codec; any image that does not come back as it was; a folder that is not
/// a flow's.
pub fn run(args: &EvalArgs) -> Result<()> {
    let report = match (&args.model, &args.run) {
        (Some(model), _) => measure_file(&Measure {
            data: &args.data,
            model,
            singles: args.singles,
            references: args.references,
            validation: args.validation,
            latent_tries: args.latent_tries,
        })?,
        (None, run) => flow(args, run.as_ref().context("--model or --run is wanted")?)?,
    };
    println!("{report:#}");
    Ok(())
}

fn flow(args: &EvalArgs, dir: &PathBuf) -> Result<Value> {
    let saved = SavedFlow::open(dir, &args.device.open()?)?;
    let path = idx_file(&args.data, "t10k-images-idx3-ubyte");
    let test = read_idx(&path).with_context(|| path.display().to_string())?;
    ensure!(
        test.image_len() == saved.dimensions && test.channels == 1,
        "{}: images of {} values; the flow has {} dimensions",
        path.display(),
        test.image_len(),
        saved.dimensions,
    );
    let [likelihood, bottleneck, variance] =
        test_figures(&saved.model, &test, &saved.reading, saved.seed)?;
    Ok(json!({
        "run": dir,
        "bottleneck": saved.bottleneck.label(),
        "steps": saved.step,
        "images": test.n,
        "log_likelihood_nats": likelihood,
        "bits_per_dimension": saved.model.flow.bits_per_dimension(likelihood),
        "bottleneck_loss": bottleneck,
        "variance": variance,
    }))
}
