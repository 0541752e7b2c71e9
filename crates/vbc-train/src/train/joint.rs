//! The joint stage: what it starts from, its settings, and what the pixel stage takes over.

use anyhow::{Context, Result};
use candle_core::Tensor;
use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};
use vbc::training::Transform;

use super::{PROXY_UNITS, TrainArgs};
use crate::data::Images;
use crate::export::{Exported, export_transform};
use crate::models::{LogisticPrior, Nice, PixelNet};
use crate::optim::Params;
use crate::rng::Rng;
use crate::stages::{BatchMaker, Dataset, Joint, Late, Run, Stage, centres, train_joint};

/// Settings of the joint stage.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct JointArgs {
    /// Steps of the joint stage, which trains transform and pixel network together on their bits; 0
    /// for none.
    #[arg(long, default_value_t = 6000)]
    pub joint_steps: u64,
    /// Images a step of the joint stage.
    #[arg(long, default_value_t = 64)]
    joint_batch: usize,
    /// Weight of the squared error in the joint stage.
    #[arg(long, default_value_t = 2.0)]
    joint_lambda: f64,
    /// Learning rate of the transform in the joint stage as a share of the pixel network's.
    #[arg(long, default_value_t = 0.1)]
    joint_flow_rate: f64,
}

impl JointArgs {
    /// What a checkpoint of this and the later stages must agree with.
    pub fn config(&self) -> Value {
        json!({
            "steps": self.joint_steps, "batch": self.joint_batch, "lambda": self.joint_lambda,
            "flow_rate": self.joint_flow_rate,
        })
    }
}

/// The stage's result.
pub(super) struct Trained {
    /// Of the flow, the smooth prior and the pixel network.
    pub params: Params,
    /// What the pixel network had the latents less of.
    centres: Vec<i32>,
}

/// Latents of that many images make the centres.
const CENTRE_IMAGES: usize = 5000;

/// Trains from the transform stage's `start`; the pixel network starts anew.
pub(super) fn stage(
    args: &TrainArgs,
    run: &Run,
    start: &Params,
    chunks: &[Vec<usize>],
    data: &Dataset,
    maker: &BatchMaker,
) -> Result<Trained> {
    let images = &data.images;
    // A stream of its own, so that the later stages draw the same numbers with this one or without.
    let mut rng = Rng::new(args.seed, 2);
    let m = chunks[0].len();
    let mut params = Params::on(start.device());
    let flow = Nice::new(&mut params, chunks, args.flow_width, &mut rng)?;
    let proxy = LogisticPrior::new(&mut params, m, PROXY_UNITS, &mut rng)?;
    params.copy_from(start)?;
    let (sizes, gates) = (args.sizes(), maker.gates());
    let net = PixelNet::new(&mut params, &maker.contexts, m, sizes, gates, &mut rng)?;
    // Of the start, not of the present state: a run that goes on finds the same.
    let centres = start_centres(start, chunks, images)?;
    let stage = Stage {
        name: "joint",
        steps: args.joint.joint_steps,
        rate: args.pixel_rate,
        batch: args.joint.joint_batch,
        columns: &["bits_per_dimension", "latent_bits", "pixel_bits", "psnr", "redundancy"],
        late: Some(Late {
            prefixes: &["flow.", "latent.", "proxy."],
            from: args.joint.joint_steps / 5,
            rise: args.joint.joint_steps / 5,
            rate: args.joint.joint_flow_rate,
        }),
    };
    let joint = Joint {
        flow: &flow,
        proxy: &proxy,
        net: &net,
        maker,
        centres: &centres,
        grids: &data.grids,
        keep: args.keep,
        lambda: args.joint.joint_lambda,
        beta: args.beta,
    };
    train_joint(run, &stage, &mut params, &joint, images)?;
    Ok(Trained { params, centres })
}

/// Centres of the latents that the integer transform gives for the first training images.
fn start_centres(start: &Params, chunks: &[Vec<usize>], images: &Images) -> Result<Vec<i32>> {
    let mut exported = Exported::new(images.height, images.width, "start");
    export_transform(&mut exported, start, chunks)?;
    let transform = Transform::from_bytes(&exported.file()?)?;
    let len = images.image_len();
    let some = &images.pixels[..images.n.min(CENTRE_IMAGES) * len];
    Ok(centres(&transform.latents(some, len), chunks[0].len()))
}

impl Trained {
    /// Sets a new pixel network's parameters to the stage's, for latents less `centres` now.
    pub fn start(&self, params: &mut Params, centres: &[i32]) -> Result<()> {
        params.copy_from(&self.params)?;
        // W(z − old) + b = W(z − new) + (b + W(new − old)).
        let moved: Vec<f32> =
            centres.iter().zip(&self.centres).map(|(new, old)| (new - old) as f32).collect();
        let weight = self.params.get("image.weight").context("no parameter image.weight")?;
        let bias = self.params.get("image.bias").context("no parameter image.bias")?;
        let moved = Tensor::from_vec(moved, (1, centres.len()), weight.device())?;
        let bias = (bias.as_tensor() + moved.matmul(weight)?.squeeze(0)?)?;
        let mut shifted = Params::on(weight.device());
        shifted.add("image.bias", &bias.detach())?;
        params.copy_from(&shifted)?;
        Ok(())
    }
}
