//! `vbc-train train`: all stages, the export, and the parity check.

mod args;
mod export;
mod figures;
mod folder;
mod joint;
mod resume;
mod start;
mod telling;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use serde_json::{Value, json};
use vbc::training::scan::Solved;
use vbc::training::{Contexts, Transform};
use vbc::{Limits, Model};

pub use self::args::TrainArgs;
pub use self::export::export;
use self::figures::figures;
pub use self::resume::resume;
use self::start::{Start, StartPixels};
pub use self::telling::{TellArgs, run as tell};
use crate::checkpoint::write_atomically;
use crate::data::{Images, read_images};
use crate::export::{Exported, export_grids, export_pixels, export_prior, export_transform};
use crate::models::{LatentPrior, LogisticPrior, Nice, PixelNet, block_chunks};
use crate::optim::Params;
use crate::rng::Rng;
use crate::scans;
use crate::stages::{
    BatchMaker, BlankTables, Dataset, GridCounts, Run, Stage, Tables, blank_tables, centre,
    centres, train_pixels, train_prior, train_transform,
};

/// Hidden units of the smooth prior.
const PROXY_UNITS: usize = 256;

/// Trains, exports and checks a model. A run that is done is left as it is.
///
/// # Errors
/// Those of the device, the data, the stages and the files; a parity above 0.5 %; [`Interrupted`] after a
/// checkpoint.
///
/// [`Interrupted`]: crate::interrupt::Interrupted
pub fn run(args: &TrainArgs) -> Result<()> {
    let started = Instant::now();
    let data = Data::read(args)?;
    let config = args.config(&data);
    if folder::is_done(args, &config)? {
        folder::say_done(&args.out);
        return Ok(());
    }
    let device = args.device.open()?;
    folder::begin(args, &config)?;
    let made = make(args, data, &device, false)?;
    write_atomically(&args.out.join("model.safetensors"), &made.bytes)?;
    let figures = made.figures()?;
    let report = json!({
        "id": made.model.id().to_string(),
        "bytes": made.bytes.len(),
        "seconds": started.elapsed().as_secs(),
        "validation": figures,
    });
    write_json(&args.out.join("figures.json"), &report)?;
    println!("{report:#}");
    let parity = figures["parity"].as_f64().context("no parity")?;
    ensure!(parity.abs() <= 0.005, "the integer model's code length differs by {parity:+.4}");
    folder::end(args, &config)
}

/// What a run is made of: images, and what it takes over of another model.
struct Data {
    all: Images,
    hash: String,
    /// Taken as it is.
    taken: Option<Start>,
    /// Trained further.
    start: Option<Start>,
    /// Trained further.
    pixels: Option<StartPixels>,
}

impl Data {
    fn read(args: &TrainArgs) -> Result<Self> {
        let all = read_images(&args.data, args.array.as_deref())
            .with_context(|| format!("the training images {}", args.data.display()))?;
        ensure!(all.channels == 1, "{} channels; grey images expected", all.channels);
        ensure!(
            args.validation < all.n,
            "{} images, of which {} are for validation only (--validation): none is left to train on",
            all.n,
            args.validation
        );
        let hash = all.blake3();
        let read = |path: &PathBuf| {
            Start::read(path, all.height, all.width, args.factor)
                .with_context(|| format!("the transform of {}", path.display()))
        };
        let taken = args.transform.as_ref().map(read).transpose()?;
        let start = args.start_flow.as_ref().map(read).transpose()?;
        let pixels = args.start_pixels.as_ref().map(|path| StartPixels::read(path)).transpose()?;
        ensure!(
            pixels.is_none() || taken.is_some() || args.factor == 0,
            "--start-pixels is of a transform that is not trained: with --transform, or --factor 0"
        );
        Ok(Data { all, hash, taken, start, pixels })
    }
}

/// A model, and what it was made with.
struct Made {
    bytes: Vec<u8>,
    model: Model,
    valid_set: Dataset,
    prior: Option<Fitted>,
    taken: Option<Start>,
    net: PixelNet,
    maker: BatchMaker,
    blank: BlankTables,
}

impl Made {
    fn figures(&self) -> Result<Value> {
        let (prior, net) = (self.prior.as_ref(), &self.net);
        let data = (&self.valid_set, self.taken.as_ref().map(|taken| &taken.transform));
        figures(&self.model, data, prior, net, &self.maker, &self.blank)
    }
}

/// Trains all stages on a device, or takes them as their checkpoints have them, and makes the integer
/// model.
fn make(args: &TrainArgs, data: Data, device: &Device, as_it_is: bool) -> Result<Made> {
    let mut config = args.config(&data);
    let (dir, seed) = (args.out.clone(), args.seed);
    let mut run = Run { dir, config: config.clone(), seed, as_it_is };
    let (training, validation) = data.all.clone().split_validation(args.validation);
    let (height, width) = (training.height, training.width);
    let mut rng = Rng::new(args.seed, 0);
    let mut exported = Exported::new(height, width, &args.name);

    let mut train_set = without_latent(training);
    let mut valid_set = without_latent(validation);
    let contexts =
        Contexts::new(width, height, [args.context[0], args.context[1]]).with_context(|| {
            format!("a context of {:?}: at most 4 rows and 6 columns", args.context)
        })?;
    let tables = Tables::default();
    let mut maker = BatchMaker { contexts, tables, grids: None, device: device.clone() };
    if let Some(path) = &args.grids {
        let counts = grids(path, &data.all, &mut train_set, &mut valid_set)?;
        maker.contexts = maker.contexts.with_grids(counts.tables.clone());
        let is_told = data.taken.as_ref().is_some_and(|taken| taken.transform.tells());
        export_grids(&mut exported, counts.tensors(), is_told);
        maker.grids = Some(counts);
    }
    let (mut prior, mut joint) = (None, None);
    if let Some(taken) = &data.taken {
        taken.export(&mut exported, maker.grids.is_some())?;
        for data in [&mut train_set, &mut valid_set] {
            add_latents(data, &taken.transform);
            centre(&mut data.latents, &taken.centres);
        }
    } else if args.factor > 0 {
        let (images, start) = (&train_set.images, data.start.as_ref());
        let (flow, chunks) = transform_stage(args, &run, device, images, start, &mut rng)?;
        if args.has_joint() {
            config["joint"] = args.joint.config();
            run.config = config.clone();
            joint = Some(joint::stage(args, &run, &flow, &chunks, &train_set, &maker)?);
        }
        export_transform(&mut exported, joint.as_ref().map_or(&flow, |j| &j.params), &chunks)?;
        let transform = Transform::from_bytes(&exported.file()?)?;
        add_latents(&mut train_set, &transform);
        add_latents(&mut valid_set, &transform);
        let fitted = prior_stage(args, &run, device, &mut train_set, &mut valid_set, &mut rng)?;
        export_prior(&mut exported, &fitted.params, &fitted.centres)?;
        prior = Some(fitted);
    }

    let blank = blank_tables(&maker.contexts, &train_set);
    let mut params = Params::on(device);
    let gates = maker.gates();
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
    if let Some(start) = &data.pixels {
        start.start(&mut params, &maker.contexts)?;
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

    export_pixels(&mut exported, &params, maker.contexts.reach(), &maker.tables, &blank)?;
    let mut provenance = json!({ "trainer": env!("CARGO_PKG_VERSION"), "settings": config });
    if params.step() < stage.steps {
        provenance["pixel_steps_done"] = params.step().into();
    }
    exported.metadata.insert("provenance".into(), provenance.to_string());
    let bytes = exported.file()?;
    let model = Model::from_bytes(&bytes, &Limits::default())?;
    Ok(Made { bytes, model, valid_set, prior, taken: data.taken, net, maker, blank })
}

fn without_latent(images: Images) -> Dataset {
    Dataset {
        latents: Vec::new(),
        previews: vec![0; images.pixels.len()],
        images,
        grids: Vec::new(),
        is_counted: false,
    }
}

/// Finds the grids: on the training images by their scans, which are searched for once and kept in the
/// file at `path`; on the others as the codec will.
fn grids(
    path: &Path,
    all: &Images,
    train_set: &mut Dataset,
    valid_set: &mut Dataset,
) -> Result<GridCounts> {
    let solved = scans::solved(path, all)?;
    let of = |s: &Option<Solved>| s.as_ref().and_then(|s| s.scan.grid());
    let holds = |(i, s)| of(s).filter(|grid| grid.holds(train_set.images.image(i)));
    train_set.grids = solved.iter().take(train_set.images.n).enumerate().map(holds).collect();
    train_set.is_counted = true;
    let counts = GridCounts::new(&train_set.images, &train_set.grids)?;
    let len = valid_set.images.image_len();
    let images = valid_set.images.pixels.chunks_exact(len);
    valid_set.grids = images.map(|pixels| counts.tables.find(pixels)).collect();
    let by_scan = solved.iter().skip(train_set.images.n).map(of);
    let same = by_scan.zip(&valid_set.grids).filter(|(a, b)| a == *b).count();
    eprintln!("grids: {same} of {} validation images have that of their scan", valid_set.images.n);
    Ok(counts)
}

/// Adds latents, those that tell where there are grids to be told, and x̂.
fn add_latents(data: &mut Dataset, transform: &Transform) {
    let (pixels, len) = (&data.images.pixels, data.images.image_len());
    data.latents = match &data.grids[..] {
        [] => transform.latents(pixels, len),
        grids => transform.picked(pixels, len, grids),
    };
    data.previews = transform.previews(&data.latents, len);
}

fn transform_stage(
    args: &TrainArgs,
    run: &Run,
    device: &Device,
    images: &Images,
    start: Option<&Start>,
    rng: &mut Rng,
) -> Result<(Params, Vec<Vec<usize>>)> {
    let chunks = block_chunks(images.height, images.width, args.factor)
        .with_context(|| format!("no block of {} pixels tiles the images", args.factor))?;
    let mut params = Params::on(device);
    let flow = Nice::new(&mut params, &chunks, args.flow_width, rng)?;
    let proxy = LogisticPrior::new(&mut params, chunks[0].len(), PROXY_UNITS, rng)?;
    if let Some(start) = start {
        params.copy_from(&start.flow(device)?).context("the flow of --start-flow")?;
    }
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
    device: &Device,
    train_set: &mut Dataset,
    valid_set: &mut Dataset,
    rng: &mut Rng,
) -> Result<Fitted> {
    let m = train_set.latent_len();
    let centres = centres(&train_set.latents, m);
    centre(&mut train_set.latents, &centres);
    centre(&mut valid_set.latents, &centres);
    let mut params = Params::on(device);
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
mod tests;

#[cfg(test)]
mod resume_tests;
