//! The codec itself as a rung: a model trained for a factor, and the test images' archive.

use std::path::Path;

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::{Value, json};
use vbc::{DecodeOptions, EncodeOptions, Limits, ModelChoice};

use super::{DataSet, Setting};
use crate::train::{self, TrainArgs};
use crate::trained::archive;

/// What the test images cost.
pub struct CodecFigures {
    /// 8 · bytes of the archive / pixels.
    pub bits_per_dimension: f64,
    /// Bits an image of the latents.
    pub latent: f64,
}

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: TrainArgs,
}

/// All settings of a run that decide its result, those left at their defaults among them.
fn decisive(args: &TrainArgs, data: &DataSet) -> Result<Value> {
    let mut settings = serde_json::to_value(args)?;
    if let Some(settings) = settings.as_object_mut() {
        for place in ["out", "data", "name", "device"] {
            settings.remove(place);
        }
    }
    Ok(json!({ "settings": settings, "data_blake3": data.train.blake3() }))
}

impl Setting {
    /// Trains the codec for a factor, 0 for no latent, or takes the finished model, and packs the test
    /// images with it.
    pub fn codec(&self, data: &DataSet, factor: usize) -> Result<CodecFigures> {
        let steps = self.args.codec_steps.to_string();
        let settings = [
            ("factor", factor.to_string()),
            ("validation", (data.train.n / 12).to_string()),
            ("seed", self.args.seed.to_string()),
            ("flow-steps", steps.clone()),
            ("joint-steps", "0".to_owned()),
            ("prior-steps", steps.clone()),
            ("pixel-steps", steps),
            // As the recorded report has it: what a step is must not change with the trainer's default.
            ("pixel-batch", "64".to_owned()),
        ];
        let name = format!("{}-codec-x{factor}", data.name);
        let args = |out: &Path| {
            let mut words = vec!["train".to_owned(), "--name".into(), name.clone()];
            words.extend(["--out".into(), out.display().to_string()]);
            words.extend(["--data".into(), data.file.display().to_string()]);
            words.extend(
                settings.iter().flat_map(|(key, value)| [format!("--{key}"), value.clone()]),
            );
            anyhow::Ok(Command::try_parse_from(words)?.args)
        };
        let dir = self.folder(&name, &decisive(&args(Path::new("."))?, data)?);
        std::fs::create_dir_all(&dir)?;
        let file = dir.join("model.safetensors");
        if !file.exists() {
            println!("{}", dir.display());
            train::run(&args(&dir)?)?;
        }
        let bytes = std::fs::read(&file)?;
        let mut options = EncodeOptions::default();
        options.model = ModelChoice::Fixed(options.registry.add_file(&bytes, &Limits::default())?);
        let mut decoding = DecodeOptions::default();
        decoding.registry = options.registry.clone();
        let figures = archive(&data.test, &options, &decoding)?;
        let figure = |key: &str| figures[key].as_f64().with_context(|| format!("no {key}"));
        Ok(CodecFigures {
            bits_per_dimension: figure("bits_per_dimension")?,
            latent: figure("latent_bits_per_image")?,
        })
    }
}
