//! `vbc-train sample`: pictures drawn from a trained flow.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::SavedFlow;
use crate::device::DeviceChoice;
use crate::paper::write_grid;
use crate::rng::Rng;

/// What to draw.
#[derive(Args, Clone, Debug)]
pub struct SampleArgs {
    /// The folder of an experiment's flow, `models/NAME-HASH` in the experiment's `--out`.
    dir: PathBuf,
    /// The picture, a PNG file.
    #[arg(short, long, value_name = "FILE.png")]
    out: PathBuf,
    /// How many pictures.
    #[arg(long, default_value_t = 64, value_parser = positive)]
    count: usize,
    /// How many pictures in a row of the grid.
    #[arg(long, default_value_t = 8, value_parser = positive)]
    columns: usize,
    /// Temperature: how far from its middle a latent is drawn, as a multiple of the prior's spread.
    #[arg(long, default_value_t = 1.0)]
    temperature: f64,
    /// Seed of the latents; the same seed gives the same pictures.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the flow is to run.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".to_owned()),
        Ok(n) => Ok(n),
        Err(e) => Err(e.to_string()),
    }
}

/// Draws latents, inverts the flow and writes a grid of the pictures.
///
/// # Errors
/// Where there is no flow in the folder, or the picture cannot be written.
pub fn run(args: &SampleArgs) -> Result<()> {
    ensure!(
        args.dir.extension().is_none_or(|e| e != "safetensors"),
        "{}: pictures are drawn from an experiment's flow only, a folder `models/NAME-HASH` with a \
         `fit.checkpoint`; the codec has no way to draw from the prior of a model file",
        args.dir.display()
    );
    let saved = SavedFlow::open(&args.dir, &args.device.open()?)?;
    let size = match saved.size {
        Some(size) => size,
        None => {
            let side = saved.dimensions.isqrt();
            ensure!(
                side * side == saved.dimensions,
                "{}: an old checkpoint, which does not say how {} pixels make a picture",
                args.dir.display(),
                saved.dimensions
            );
            (side, side)
        }
    };
    // The stream of an experiment's own samples.
    let mut rng = Rng::new(args.seed, 8);
    let pictures = saved.pictures(args.count, args.temperature, &mut rng)?;
    write_grid(&args.out, &pictures, size, args.columns.min(args.count))
        .with_context(|| args.out.display().to_string())?;
    println!("{}", args.out.display());
    Ok(())
}
