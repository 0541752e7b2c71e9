//! `vbc-train sample`: pictures drawn from what was trained.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use vbc::{Limits, Model};

use super::{Part, SavedFlow, drawn};
use crate::device::DeviceChoice;
use crate::paper::write_grid;
use crate::rng::Rng;

/// What to draw.
#[derive(Args, Clone, Debug)]
pub struct SampleArgs {
    /// A model file, or the folder of an experiment's flow, `models/NAME-HASH` in the experiment's
    /// `--out`.
    from: PathBuf,
    /// The picture, a PNG file.
    #[arg(short, long, value_name = "FILE.png")]
    out: PathBuf,
    /// How many pictures.
    #[arg(long, default_value_t = 64, value_parser = positive)]
    count: usize,
    /// How many pictures in a row of the grid.
    #[arg(long, default_value_t = 8, value_parser = positive)]
    columns: usize,
    /// Show the previews that the drawn latents give in place of the images, which are the same; of a
    /// model file only.
    #[arg(long)]
    previews: bool,
    /// Temperature of a flow: how far from its middle a latent is drawn, as a multiple of the prior's
    /// spread. A model file has its own probabilities, which is 1.
    #[arg(long, default_value_t = 1.0)]
    temperature: f64,
    /// Seed of what is drawn; the same seed gives the same pictures.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where a flow is to run; a model file's integers run on the CPU.
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

/// Draws pictures and writes a grid of them.
///
/// # Errors
/// Where there is neither a model nor a flow, the picture cannot be written, or what is asked for is
/// not to be had of it.
pub fn run(args: &SampleArgs) -> Result<()> {
    let is_file = args.from.is_file() || args.from.extension().is_some_and(|e| e == "safetensors");
    let (pictures, size) = if is_file { of_model(args)? } else { of_flow(args)? };
    write_grid(&args.out, &pictures, size, args.columns.min(args.count))
        .with_context(|| args.out.display().to_string())?;
    println!("{}", args.out.display());
    Ok(())
}

/// Pictures, each value in 0..=1, and their rows and columns.
type Pictures = (Vec<Vec<f32>>, (usize, usize));

fn of_model(args: &SampleArgs) -> Result<Pictures> {
    let path = args.from.display();
    ensure!(
        args.temperature == 1.0,
        "{path}: a model file is drawn from by decoding random bits, with the probabilities that it \
         codes with; it has no other --temperature than 1"
    );
    let bytes = std::fs::read(&args.from).with_context(|| path.to_string())?;
    let model = Model::from_bytes(&bytes, &Limits::default()).with_context(|| path.to_string())?;
    let part = if args.previews { Part::Preview } else { Part::Image };
    let pictures = drawn(&model, args.count, part, &mut Rng::new(args.seed, 9))?;
    let unit = |values: Vec<u8>| values.into_iter().map(|v| f32::from(v) / 255.0).collect();
    let size = (model.shape().height as usize, model.shape().width as usize);
    Ok((pictures.into_iter().map(unit).collect(), size))
}

fn of_flow(args: &SampleArgs) -> Result<Pictures> {
    ensure!(!args.previews, "--previews are drawn from a model file; a flow's pictures have none");
    let saved = SavedFlow::open(&args.from, &args.device.open()?)?;
    let size = match saved.size {
        Some(size) => size,
        None => {
            let side = saved.dimensions.isqrt();
            ensure!(
                side * side == saved.dimensions,
                "{}: an old checkpoint, which does not say how {} pixels make a picture",
                args.from.display(),
                saved.dimensions
            );
            (side, side)
        }
    };
    // The stream of an experiment's own samples.
    let mut rng = Rng::new(args.seed, 8);
    Ok((saved.pictures(args.count, args.temperature, &mut rng)?, size))
}
