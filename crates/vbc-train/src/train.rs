//! `vbc-train train`: all stages, the export, and the parity check.

mod figures;
mod joint;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Value, json};
use vbc::training::{Contexts, Transform};
use vbc::{Limits, Model};

use self::figures::figures;
use self::joint::JointArgs;
use crate::checkpoint::write_atomically;
use crate::data::{Images, read_images};
use crate::export::{Exported, export_model, export_transform};
use crate::models::{LatentPrior, LogisticPrior, Nice, PixelNet, PixelSizes, block_chunks};
use crate::optim::Params;
use crate::rng::Rng;
use crate::stages::{
    BatchMaker, Dataset, Run, Stage, Tables, blank_tables, centres, train_pixels, train_prior,
    train_transform,
};

/// Hidden units of the smooth prior.
const PROXY_UNITS: usize = 256;

/// Settings of a run. All of them enter the model's provenance.
#[derive(Args, Debug, Clone)]
pub struct TrainArgs {
    /// Training images, all of one size, grey: an IDX file (plain or .gz), a folder of pictures, or a
    /// NumPy file (.npy, .npz) of unsigned bytes.
    ///
    /// A NumPy array has the shape (images, rows, columns) or (images, rows, columns, 1) and the type
    /// uint8, in C or Fortran order; of a .npz the one array like that is taken, or that of --array.
    #[arg(long)]
    data: PathBuf,
    /// The array to train on, where a .npz file has several of images.
    #[arg(long, value_name = "NAME")]
    array: Option<String>,
    /// Folder of the run: checkpoints, logs, curves, `model.safetensors`, `figures.json`.
    #[arg(long)]
    out: PathBuf,
    /// The model's name.
    #[arg(long)]
    name: String,
    /// Seed of everything drawn at random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Images at the end of the training images that are for validation only.
    #[arg(long, default_value_t = 5000)]
    validation: usize,
    /// Compression factor c; 0 trains a model without a latent.
    #[arg(long, default_value_t = 8)]
    factor: usize,
    /// Hidden width of each coupling.
    #[arg(long, default_value_t = 256)]
    flow_width: usize,
    /// Hidden units of the prior for each latent dimension.
    #[arg(long, default_value_t = 2)]
    prior_units: usize,
    /// Widths of the pixel network: image vector, row vector, first and last hidden layer.
    #[arg(long, value_delimiter = ',', num_args = 4, default_values_t = [48, 96, 64, 48])]
    widths: Vec<usize>,
    /// Weight of an image's squared error Σ(x̂ − x)², pixels in 0..1, against a bit.
    #[arg(long, default_value_t = 8.0)]
    lambda: f64,
    /// Weight of the redundancy loss.
    #[arg(long, default_value_t = 1.0)]
    beta: f64,
    /// Steps of the transform's stage, of 256 images each.
    #[arg(long, default_value_t = 10_000)]
    flow_steps: u64,
    #[command(flatten)]
    joint: JointArgs,
    /// Steps of the prior's stage, of 512 images each.
    #[arg(long, default_value_t = 8_000)]
    prior_steps: u64,
    /// Steps of the pixel network's stage.
    #[arg(long, default_value_t = 20_000)]
    pixel_steps: u64,
    /// Images a step of the pixel network's stage.
    #[arg(long, default_value_t = 64)]
    pixel_batch: usize,
    /// Share of an image's active pixels that a step looks at.
    #[arg(long, default_value_t = 0.5)]
    keep: f64,
    /// Largest learning rate of the pixel network.
    #[arg(long, default_value_t = 3e-3)]
    pixel_rate: f64,
}

impl TrainArgs {
    /// What a checkpoint must agree with. The folder and the name may change; so may the joint
    /// stage's settings while there is only the transform, which comes before it.
    fn config(&self, data_hash: &str) -> Value {
        json!({
            "data_blake3": data_hash, "seed": self.seed, "validation": self.validation,
            "factor": self.factor, "flow_width": self.flow_width, "prior_units": self.prior_units,
            "widths": self.widths, "lambda": self.lambda, "beta": self.beta,
            "flow_steps": self.flow_steps, "prior_steps": self.prior_steps,
            "pixel_steps": self.pixel_steps, "pixel_batch": self.pixel_batch,
            "keep": self.keep, "pixel_rate": self.pixel_rate,
        })
    }

    fn sizes(&self) -> PixelSizes {
        let w = &self.widths;
        PixelSizes { image: w[0], row: w[1], pixel: w[2], hidden: w[3] }
    }

    fn has_joint(&self) -> bool {
        self.factor > 0 && self.joint.joint_steps > 0
    }
}

/// Trains, exports and checks a model.
///
/// # Errors
/// Those of the data, the stages and the files; a parity above 0.5 %.
pub fn run(args: &TrainArgs) -> Result<()> {
    let started = Instant::now();
    std::fs::create_dir_all(&args.out)?;
    let all = read_images(&args.data, args.array.as_deref())?;
    ensure!(all.channels == 1, "{} channels; grey images expected", all.channels);
    ensure!(
        args.validation < all.n,
        "{} images, of which {} are for validation only (--validation): none is left to train on",
        all.n,
        args.validation
    );
    let hash = all.blake3();
    let mut config = args.config(&hash);
    let mut run = Run { dir: args.out.clone(), config: config.clone(), seed: args.seed };
    let (training, validation) = all.split_validation(args.validation);
    let (height, width) = (training.height, training.width);
    let mut rng = Rng::new(args.seed, 0);
    let mut exported = Exported::new(height, width, &args.name);

    let mut train_set = without_latent(training);
    let mut valid_set = without_latent(validation);
    let maker = BatchMaker { contexts: Contexts::new(width, height), tables: Tables::default() };
    let (mut prior, mut joint) = (None, None);
    if args.factor > 0 {
        let (flow, chunks) = transform_stage(args, &run, &train_set.images, &mut rng)?;
        if args.has_joint() {
            config["joint"] = args.joint.config();
            run.config = config.clone();
            joint = Some(joint::stage(args, &run, &flow, &chunks, &train_set.images, &maker)?);
        }
        export_transform(&mut exported, joint.as_ref().map_or(&flow, |j| &j.params), &chunks)?;
        let transform = Transform::from_bytes(&exported.file()?)?;
        add_latents(&mut train_set, &transform);
        add_latents(&mut valid_set, &transform);
        prior = Some(prior_stage(args, &run, &mut train_set, &mut valid_set, &mut rng)?);
    }

    let blank = blank_tables(&maker.contexts, &train_set);
    let mut params = Params::new();
    let gates = maker.tables.gates();
    let net = PixelNet::new(
        &mut params,
        &maker.contexts,
        train_set.latent_len(),
        args.sizes(),
        gates,
        &mut rng,
    )?;
    if let (Some(joint), Some(prior)) = (&joint, &prior) {
        joint.start(&mut params, &prior.centres)?;
    }
    let stage = Stage {
        name: "pixel",
        steps: args.pixel_steps,
        rate: args.pixel_rate,
        batch: args.pixel_batch,
        columns: &["bits_per_pixel"],
        late: None,
    };
    train_pixels(&run, &stage, &mut params, &net, &maker, &train_set, args.keep)?;

    let fitted = prior.as_ref().map(|p| (&p.params, &p.centres[..]));
    export_model(&mut exported, &params, fitted, &maker.tables, &blank)?;
    let provenance = json!({ "trainer": env!("CARGO_PKG_VERSION"), "settings": config });
    exported.metadata.insert("provenance".into(), provenance.to_string());
    let bytes = exported.file()?;
    let model = Model::from_bytes(&bytes, &Limits::default())?;
    write_atomically(&args.out.join("model.safetensors"), &bytes)?;
    let figures = figures(&model, &valid_set, prior.as_ref(), &net, &maker, &blank)?;
    let report = json!({
        "id": model.id().to_string(),
        "bytes": bytes.len(),
        "seconds": started.elapsed().as_secs(),
        "validation": figures,
    });
    write_json(&args.out.join("figures.json"), &report)?;
    println!("{report:#}");
    let parity = figures["parity"].as_f64().context("no parity")?;
    ensure!(parity.abs() <= 0.005, "the integer model's code length differs by {parity:+.4}");
    Ok(())
}

fn without_latent(images: Images) -> Dataset {
    Dataset { latents: Vec::new(), previews: vec![0; images.pixels.len()], images }
}

fn add_latents(data: &mut Dataset, transform: &Transform) {
    let len = data.images.image_len();
    data.latents = transform.latents(&data.images.pixels, len);
    data.previews = transform.previews(&data.latents, len);
}

fn transform_stage(
    args: &TrainArgs,
    run: &Run,
    images: &Images,
    rng: &mut Rng,
) -> Result<(Params, Vec<Vec<usize>>)> {
    let chunks = block_chunks(images.height, images.width, args.factor)
        .with_context(|| format!("no block of {} pixels tiles the images", args.factor))?;
    let mut params = Params::new();
    let flow = Nice::new(&mut params, &chunks, args.flow_width, rng)?;
    let proxy = LogisticPrior::new(&mut params, chunks[0].len(), PROXY_UNITS, rng)?;
    let stage = Stage {
        name: "transform",
        steps: args.flow_steps,
        rate: 1.5e-3,
        batch: 256,
        columns: &["loss", "latent_bits", "psnr", "redundancy"],
        late: None,
    };
    train_transform(run, &stage, &mut params, &flow, &proxy, images, args.lambda, args.beta)?;
    Ok((params, chunks))
}

/// The fitted prior and what it is centred on.
struct Fitted {
    params: Params,
    net: LatentPrior,
    centres: Vec<i32>,
}

fn prior_stage(
    args: &TrainArgs,
    run: &Run,
    train_set: &mut Dataset,
    valid_set: &mut Dataset,
    rng: &mut Rng,
) -> Result<Fitted> {
    let m = train_set.latent_len();
    let centres = centres(&train_set.latents, m);
    for data in [&mut *train_set, valid_set] {
        for (i, z) in data.latents.iter_mut().enumerate() {
            *z -= centres[i % m];
        }
    }
    let mut params = Params::new();
    let net = LatentPrior::new(&mut params, m, args.prior_units, rng)?;
    let stage = Stage {
        name: "prior",
        steps: args.prior_steps,
        rate: 2e-3,
        batch: 512,
        columns: &["latent_bits"],
        late: None,
    };
    train_prior(run, &stage, &mut params, &net, &train_set.latents, &vec![0; m])?;
    Ok(Fitted { params, net, centres })
}

fn write_json(path: &Path, value: &Value) -> Result<()> {
    Ok(write_atomically(path, format!("{value:#}\n").as_bytes())?)
}

#[cfg(test)]
#[path = "train/tests.rs"]
mod tests;
