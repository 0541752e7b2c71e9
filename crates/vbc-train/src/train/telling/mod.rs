//! `vbc-train tell`: makes a model's latents tell the sides of their images' grids (SPEC.md section 6.8.5).

mod args;
mod network;
mod numbers;

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use serde_json::{Value, json};
use vbc::training::grid::Grid;
use vbc::training::{Teller, Transform, measure};
use vbc::{Bits, Limits, Model};

pub use self::args::TellArgs;
use self::network::PlaceNet;
use crate::cells::grid_tables;
use crate::checkpoint::write_atomically;
use crate::data::{Images, read_images};
use crate::export::{Exported, export_prior, export_told};
use crate::models::LatentPrior;
use crate::optim::Params;
use crate::rng::Rng;
use crate::stages::{Run, Stage, centres, symbols, train_prior};

/// Images of a step.
const BATCH: usize = 512;

/// Trains, exports and measures.
///
/// # Errors
/// Those of the device, the data, the training and the files.
pub fn run(args: &TellArgs) -> Result<()> {
    let started = Instant::now();
    let images = read_images(&args.data, None)
        .with_context(|| format!("the training images {}", args.data.display()))?;
    ensure!(args.validation < images.n, "no image is left to train on");
    let base = std::fs::read(&args.base).with_context(|| args.base.display().to_string())?;
    let before = Model::from_bytes(&base, &Limits::default())?;
    ensure!(before.latent_len() > 0, "{}: a model with a latent is wanted", args.base.display());
    std::fs::create_dir_all(&args.out)?;
    let config = args.config(&images.blake3(), &blake3::hash(&base).to_hex());
    let (train, held_out) = images.split_validation(args.validation);
    let telling = Telling::new(args, &base, train)?;
    let (params, centres) = telling.train(args, &config)?;
    let bytes = telling.file(&args.name, &config, &params, &centres)?;
    write_atomically(&args.out.join("model.safetensors"), &bytes)?;
    let model = Model::from_bytes(&bytes, &Limits::default())?;
    let report = json!({
        "id": model.id().to_string(), "bytes": bytes.len(),
        "seconds": started.elapsed().as_secs(),
        "validation": figures(&before, &model, &telling, &bytes, &held_out)?,
    });
    let text = format!("{report:#}\n");
    write_atomically(&args.out.join("figures.json"), text.as_bytes())?;
    print!("{text}");
    Ok(())
}

/// A model on its way.
struct Telling<'a> {
    base: &'a [u8],
    images: Images,
    grids: Vec<Option<Grid>>,
    columns: Vec<u32>,
    sides: Vec<u8>,
}

/// Grids as the codec finds them.
fn grids(base: &[u8], images: &Images) -> Result<Vec<Option<Grid>>> {
    let tables = grid_tables(base)?;
    let each = images.pixels.chunks_exact(images.image_len());
    Ok(each.map(|pixels| tables.find(pixels)).collect())
}

impl<'a> Telling<'a> {
    fn new(args: &TellArgs, base: &'a [u8], images: Images) -> Result<Self> {
        let grids = grids(base, &images)?;
        ensure!(grids.iter().any(Option::is_some), "no image has a grid");
        let mut rng = Rng::new(args.seed, 2);
        let sides = numbers::sides(&grids, args.bits, &mut rng);
        let m = Transform::from_bytes(base)?.latents(images.image(0), images.image_len()).len();
        ensure!(m >= args.bits as usize, "{} bits of {m} integers", args.bits);
        let columns = numbers::columns(m, args.bits, &mut rng);
        Ok(Telling { base, images, grids, columns, sides })
    }

    /// Latents of images that tell their grids, picked by the prior of a model file that has what is told.
    fn latents(&self, file: &[u8]) -> Result<Vec<i32>> {
        let teller = Teller::from_bytes(file)?.context("latents that tell")?;
        Ok(teller.latents(&self.images.pixels, self.images.image_len(), &self.grids))
    }

    /// Trains the prior on latents picked with the base's prior, then the network of places on those picked with the
    /// new one. Returns both and the prior's centres.
    fn train(&self, args: &TellArgs, config: &Value) -> Result<(Params, Vec<i32>)> {
        let device = args.device.open()?;
        let (dir, seed) = (args.out.clone(), args.seed);
        let run = Run { dir, config: config.clone(), seed, as_it_is: false };
        let mut rng = Rng::new(args.seed, 0);
        let m = self.columns.len();
        let mut places = Params::on(&device);
        let place = PlaceNet::new(&mut places, m, args.units, &mut rng)?;
        let z = self.latents(&self.untrained(&places)?)?;

        let centres = centres(&z, m);
        let z: Vec<i32> = less(&z, &centres);
        let mut params = Params::on(&device);
        let net = LatentPrior::new(&mut params, m, args.prior_units, &mut rng)?;
        let stage = |name: &'static str, steps: u64, columns| Stage {
            name,
            steps,
            rate: 2e-3,
            batch: BATCH,
            columns,
            late: None,
        };
        let of_prior = stage("prior", args.prior_steps, &["latent_bits"]);
        train_prior(&run, &of_prior, &mut params, &net, &z, &vec![0; m])?;

        let mut exported = self.exported("places", &Value::Null, &places)?;
        export_prior(&mut exported, &params, &centres)?;
        let z = less(&self.latents(&exported.file()?)?, &centres);
        let of_places = stage("places", args.place_steps, &["place_bits"]);
        let whole: Vec<u32> =
            (0..self.images.n as u32).filter(|&i| self.grids[i as usize].is_some()).collect();
        run.train(&of_places, &mut places, whole.len(), |_, items, step| {
            let items: Vec<usize> = items.iter().map(|&i| whole[i as usize] as usize).collect();
            let batch: Vec<i32> =
                items.iter().flat_map(|&i| &z[i * m..(i + 1) * m]).copied().collect();
            let (inputs, _) = symbols(&batch, &vec![0; m], &device)?;
            let targets: Vec<u8> = items.iter().flat_map(|&i| place_of(self.grids[i])).collect();
            let quantise = step * 5 >= of_places.steps * 4;
            let bits = bits(&place, &inputs, &targets, &device, quantise)?;
            let bits = (bits / items.len() as f64)?;
            let number = f64::from(bits.to_scalar::<f32>()?);
            Ok((bits, vec![number]))
        })?;
        for (name, var) in places.iter() {
            params.add(name, var.as_tensor())?;
        }
        Ok((params, centres))
    }

    /// The base's file with what is told, and a network of places that knows nothing yet.
    fn untrained(&self, places: &Params) -> Result<Vec<u8>> {
        self.exported("untrained", &Value::Null, places)?.file()
    }

    fn exported(&self, name: &str, settings: &Value, places: &Params) -> Result<Exported> {
        let replaced = ["told.", "grid.side.", "grid.top", "grid.left"];
        let mut out = Exported::of(self.base, &replaced, name, settings)?;
        export_told(&mut out, places, &self.columns, &self.sides)?;
        Ok(out)
    }

    /// The model file.
    fn file(
        &self,
        name: &str,
        config: &Value,
        params: &Params,
        centres: &[i32],
    ) -> Result<Vec<u8>> {
        let mut out = self.exported(name, config, params)?;
        export_prior(&mut out, params, centres)?;
        out.file()
    }
}

fn bits(
    net: &PlaceNet,
    inputs: &Tensor,
    targets: &[u8],
    device: &Device,
    quantise: bool,
) -> Result<Tensor> {
    let ones = Tensor::ones(targets.len(), candle_core::DType::F32, device)?;
    Ok(net.bits(inputs, targets, &ones, quantise)?)
}

/// The numbers of a grid's row and column.
fn place_of(grid: Option<Grid>) -> [u8; 2] {
    grid.map_or([0; 2], |grid| [grid.top, grid.left].map(|at| (at + 3) as u8))
}

/// Latents less the centres of their dimensions.
fn less(latents: &[i32], centres: &[i32]) -> Vec<i32> {
    let each = latents.chunks_exact(centres.len());
    each.flat_map(|z| z.iter().zip(centres).map(|(z, c)| z.wrapping_sub(*c))).collect()
}

/// What the validation images take before and after, and what there is of the sides and places in it.
fn figures(
    before: &Model,
    after: &Model,
    telling: &Telling,
    file: &[u8],
    images: &Images,
) -> Result<Value> {
    let real = |b: Bits| b.units() as f64 / Bits::ONE as f64 / images.n as f64;
    let of = |model: &Model| Ok::<_, anyhow::Error>(measure(model, &images.pixels, 64)?.map(real));
    let grids = grids(telling.base, images)?;
    let teller = Teller::from_bytes(file)?.context("latents that tell")?;
    let latents = teller.latents(&images.pixels, images.image_len(), &grids);
    let [before, after] = [of(before)?, of(after)?];
    Ok(json!({
        "bits_per_dimension_before": (before[0] + before[1]) / images.image_len() as f64,
        "bits_per_dimension": (after[0] + after[1]) / images.image_len() as f64,
        "latent_bits_before": before[0],
        "latent_bits": after[0],
        "residual_bits_before": before[1],
        "residual_bits": after[1],
        "side_bits_told": numbers::bits(&telling.sides, &grids),
        "place_bits": real(teller.place_bits(&latents, &grids)),
    }))
}

#[cfg(test)]
mod tests;
