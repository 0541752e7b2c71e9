//! Flow, steps and prior of another model, taken as they are, or as what training starts from; and its
//! pixel network as that.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use vbc::training::{Contexts, STATE_ONE, Transform};

use crate::export::{Exported, FLOW, float_layer, import_pixels};
use crate::models::COUPLINGS;
use crate::optim::Params;

/// Beginnings of the names of what is taken.
const TAKEN: [&str; 3] = ["flow.", "latent.", "prior."];

/// What a model file has of them.
#[derive(Debug)]
pub(super) struct Start {
    bytes: Vec<u8>,
    /// BLAKE3 of the file.
    pub hash: String,
    /// What the prior is centred on.
    pub centres: Vec<i32>,
    /// Its flow, bottleneck and steps, and what picks latents that tell.
    pub transform: Transform,
}

impl Start {
    /// Reads a model file of images of `height` × `width` with a latent of the compression factor
    /// `factor`.
    pub fn read(path: &Path, height: usize, width: usize, factor: usize) -> Result<Self> {
        let bytes = std::fs::read(path)?;
        let centres = {
            let (_, header) = SafeTensors::read_metadata(&bytes)?;
            let metadata = header.metadata().clone().unwrap_or_default();
            let shape = metadata.get("shape").context("no shape in its metadata")?;
            let wanted = format!("{height}x{width}x1");
            ensure!(*shape == wanted, "it is for images of {shape}; the data are {wanted}");
            let c = metadata.get("c").context("no c in its metadata")?;
            ensure!(
                *c == factor.to_string(),
                "its compression factor is {c}, and --factor {factor}"
            );
            let file = SafeTensors::deserialize(&bytes)?;
            let centre = file.tensor("prior.centre").context("it has no latent")?;
            centre.data().as_chunks().0.iter().map(|&b| i32::from_le_bytes(b)).collect()
        };
        let transform = Transform::from_bytes(&bytes)?;
        Ok(Start { transform, hash: blake3::hash(&bytes).to_hex().to_string(), bytes, centres })
    }

    /// Adds what is taken to a model; what latents tell of grids, if they do, only to one with grids.
    pub fn export(&self, out: &mut Exported, has_grids: bool) -> Result<()> {
        let (_, header) = SafeTensors::read_metadata(&self.bytes)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        for key in ["c", "bottleneck", "null", "slope"] {
            let value = metadata.get(key).with_context(|| format!("no {key} in its metadata"))?;
            out.metadata.insert(key.into(), value.clone());
        }
        for (name, tensor) in SafeTensors::deserialize(&self.bytes)?.tensors() {
            let is_taken = TAKEN.iter().any(|first| name.starts_with(first))
                || has_grids && name.starts_with("told.");
            if is_taken {
                out.tensors.copy(&name, &tensor);
            }
        }
        Ok(())
    }

    /// Flow and steps as parameters of [`Nice`](crate::models::Nice).
    pub fn flow(&self, device: &Device) -> Result<Params> {
        let file = SafeTensors::deserialize(&self.bytes)?;
        let mut params = Params::on(device);
        for k in 0..COUPLINGS {
            for (i, formats) in FLOW.into_iter().enumerate() {
                let name = format!("flow.{k}.{i}");
                let (weight, bias) = float_layer(&file, &name, formats, device)?;
                params.add(&format!("{name}.weight"), &weight)?;
                params.add(&format!("{name}.bias"), &bias)?;
            }
        }
        let steps = file.tensor("latent.step").context("it has no steps")?;
        let steps: Vec<f32> = steps.data().as_chunks().0.iter().map(log_step).collect();
        let len = steps.len();
        params.add("latent.log_step", &Tensor::from_vec(steps, len, device)?)?;
        Ok(params)
    }
}

fn log_step(bytes: &[u8; 4]) -> f32 {
    (i32::from_le_bytes(*bytes) as f32 / STATE_ONE as f32).ln()
}

/// The pixel network of a model file.
#[derive(Debug)]
pub(super) struct StartPixels {
    path: PathBuf,
    bytes: Vec<u8>,
    /// BLAKE3 of the file.
    pub hash: String,
}

impl StartPixels {
    /// Reads a model file.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("{}", path.display()))?;
        let hash = blake3::hash(&bytes).to_hex().to_string();
        Ok(StartPixels { path: path.to_owned(), bytes, hash })
    }

    /// Sets all parameters of a new network to the file's. One without a latent leaves out what the file's
    /// makes of it.
    pub fn start(&self, params: &mut Params, contexts: &Contexts) -> Result<()> {
        let context = || format!("the pixel network of {}", self.path.display());
        self.copy(params, contexts).with_context(context)
    }

    fn copy(&self, params: &mut Params, contexts: &Contexts) -> Result<()> {
        let (_, header) = SafeTensors::read_metadata(&self.bytes)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let (reach, wanted) = (metadata.get("context"), contexts.reach());
        ensure!(reach == Some(&wanted), "its context is {reach:?}, and --context {wanted}");
        let file = SafeTensors::deserialize(&self.bytes)?;
        let all = params.iter().count();
        let copied = params.copy_from(&import_pixels(&file, params.device())?)?;
        ensure!(copied == all, "it has {copied} of {all} parameters");
        Ok(())
    }
}
