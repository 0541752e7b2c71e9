//! Arguments, resolved: what the commands work with.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use vbc::{DecodeOptions, EncodeOptions, Error, Limits, ModelChoice, ModelId, Registry};

use crate::args::{Coding, Global, Latent, Level};
use crate::failure::{About, Outcome};

/// The options of every command.
pub struct Settings {
    /// Print nothing but errors and what was asked for.
    pub quiet: bool,
    /// Print results as JSON.
    pub json: bool,
    /// Threads, at least 1.
    pub threads: usize,
    /// What inputs may ask for.
    pub limits: Limits,
}

impl Settings {
    /// Resolves the global arguments.
    pub fn new(global: &Global) -> Self {
        let mut limits = Limits::default();
        limits.pixels = global.limit_pixels.unwrap_or(limits.pixels);
        limits.memory = global.limit_memory.unwrap_or(limits.memory);
        let threads = match global.threads {
            0 => std::thread::available_parallelism().map_or(1, NonZero::get),
            n => n,
        };
        Settings { quiet: global.quiet, json: global.json, threads, limits }
    }

    /// How to decode, with the models of these files at hand.
    pub fn decode_options(&self, models: &[PathBuf]) -> Outcome<DecodeOptions> {
        let mut options = DecodeOptions::default();
        options.limits = self.limits.clone();
        options.threads = self.threads;
        for path in models {
            self.add_model(&mut options.registry, path)?;
        }
        Ok(options)
    }

    /// How to encode.
    pub fn encode_options(&self, coding: &Coding) -> Outcome<EncodeOptions> {
        let mut options = EncodeOptions::default();
        options.limits = self.limits.clone();
        options.threads = self.threads;
        options.embed_model = coding.embed_model;
        options.level = match coding.level {
            Level::Fast => vbc::Level::Fast,
            Level::Default => vbc::Level::Default,
            Level::Best => vbc::Level::Best,
        };
        options.latent = match coding.latent {
            Latent::Keep => vbc::Latent::Keep,
            Latent::None => vbc::Latent::None,
        };
        options.scan_tries = coding.scan_tries;
        options.latent_tries = coding.latent_tries;
        options.model = match coding.model.as_str() {
            "auto" => ModelChoice::Auto,
            "none" => ModelChoice::None,
            text => ModelChoice::Fixed(self.model_of(&mut options.registry, text)?),
        };
        Ok(options)
    }

    /// A file, the name of an embedded model, or the beginning of an id, in that order: a file can
    /// always be told from the others by `./`.
    fn model_of(&self, registry: &mut Registry, text: &str) -> Outcome<ModelId> {
        if Path::new(text).is_file() {
            return self.add_model(registry, Path::new(text));
        }
        let fits = |id: &ModelId| text.len() >= 4 && id.to_string().starts_with(text);
        let found: Vec<ModelId> =
            registry.iter().filter(|m| m.name() == text || fits(&m.id())).map(|m| m.id()).collect();
        match found[..] {
            [id] => Ok(id),
            [] => Err(Error::Unsupported(
                "no file and no embedded model of that name or id; see `vbc models`".into(),
            )),
            _ => Err(Error::Input("more than one embedded model has that name or id".into())),
        }
        .about_name(&format!("--model {text}"))
    }

    fn add_model(&self, registry: &mut Registry, path: &Path) -> Outcome<ModelId> {
        let file = crate::inputs::read_file(path, self.limits.model_bytes)?;
        registry.add_file(&file, &self.limits).about(path)
    }
}
