//! `vbc-train tell`: makes a model's latents tell the sides of their images' grids (SPEC.md section 6.8.5).

mod args;
mod network;
mod numbers;

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use vbc::training::grid::Grid;
use vbc::training::{Transform, measure};
use vbc::{Bits, Limits, Model};

pub use self::args::TellArgs;
use self::network::PlaceNet;
use crate::cells::{grid_tables, grids_of};
use crate::checkpoint::write_atomically;
use crate::data::Images;
use crate::export::{Exported, export_prior, export_told};
use crate::models::LatentPrior;
use crate::optim::Params;
use crate::rng::Rng;
use crate::stages::{Run, Stage, centre, centres, grid_numbers, symbols, train_prior};

/// Images of a step.
const BATCH: usize = 512;

/// Trains, exports and measures.
///
/// # Errors
/// Those of the device, the data, the training and the files.
pub fn run(args: &TellArgs) -> Result<()> {
    let started = Instant::now();
    let images = args.added.images()?;
    let base = std::fs::read(&args.base).with_context(|| args.base.display().to_string())?;
    let before = Model::from_bytes(&base, &Limits::default())?;
    ensure!(before.latent_len() > 0, "{}: a model with a latent is wanted", args.base.display());
    std::fs::create_dir_all(&args.out)?;
    let config = args.config(&images.blake3(), &blake3::hash(&base).to_hex());
    let (train, held_out) = images.split_validation(args.added.validation);
    let telling = Telling::new(args, &base, before.latent_len(), train)?;
    let (params, centres) = telling.train(args, &config)?;
    let bytes = telling.file(&args.added.name, &config, &params, &centres)?;
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

impl<'a> Telling<'a> {
    /// `m` integers a latent.
    fn new(args: &TellArgs, base: &'a [u8], m: usize, images: Images) -> Result<Self> {
        let grids = grids_of(&grid_tables(base)?, &images);
        ensure!(grids.iter().any(Option::is_some), "no image has a grid");
        let mut rng = Rng::new(args.added.seed, 2);
        let sides = numbers::sides(&grids, args.bits, &mut rng);
        ensure!(m >= args.bits as usize, "{} bits of {m} integers", args.bits);
        let columns = numbers::columns(m, args.bits, &mut rng);
        Ok(Telling { base, images, grids, columns, sides })
    }

    /// Latents of images that tell their grids, picked by the prior of a model file that has what is told.
    fn latents(&self, file: &[u8]) -> Result<Vec<i32>> {
        let transform = Transform::from_bytes(file)?;
        Ok(transform.picked(&self.images.pixels, self.images.image_len(), &self.grids))
    }

    /// Trains the prior on latents picked with the base's prior, then the network of places on those picked with the
    /// new one. Returns both and the prior's centres.
    fn train(&self, args: &TellArgs, config: &Value) -> Result<(Params, Vec<i32>)> {
        let device = args.added.device.open()?;
        let (dir, seed) = (args.out.clone(), args.added.seed);
        let run = Run { dir, config: config.clone(), seed, as_it_is: false };
        let mut rng = Rng::new(args.added.seed, 0);
        let m = self.columns.len();
        let mut places = Params::on(&device);
        let place = PlaceNet::new(&mut places, m, args.units, &mut rng)?;
        let mut z = self.latents(&self.exported("places", &Value::Null, &places)?.file()?)?;
        let centres = centres(&z, m);
        centre(&mut z, &centres);
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
        z = self.latents(&exported.file()?)?;
        centre(&mut z, &centres);
        let of_places = stage("places", args.place_steps, &["place_bits"]);
        let placed: Vec<usize> = (0..self.images.n).filter(|&i| self.grids[i].is_some()).collect();
        run.train(&of_places, &mut places, placed.len(), |_, items, step| {
            let items: Vec<usize> = items.iter().map(|&i| placed[i as usize]).collect();
            let batch: Vec<i32> =
                items.iter().flat_map(|&i| &z[i * m..(i + 1) * m]).copied().collect();
            let (inputs, _) = symbols(&batch, &vec![0; m], &device)?;
            let places: Vec<u8> = items
                .iter()
                .flat_map(|&i| grid_numbers(self.grids[i]).map(|number| number as u8)[1..].to_vec())
                .collect();
            let quantise = step * 5 >= of_places.steps * 4;
            let bits = (place.bits(&inputs, &places, quantise)? / items.len() as f64)?;
            let number = f64::from(bits.to_scalar::<f32>()?);
            Ok((bits, vec![number]))
        })?;
        for (name, var) in places.iter() {
            params.add(name, var.as_tensor())?;
        }
        Ok((params, centres))
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
    let grids = grids_of(&grid_tables(telling.base)?, images);
    let len = images.image_len();
    let places = Transform::from_bytes(file)?.place_bits(&images.pixels, len, &grids);
    let [before, after] = [of(before)?, of(after)?];
    Ok(json!({
        "bits_per_dimension_before": (before[0] + before[1]) / len as f64,
        "bits_per_dimension": (after[0] + after[1]) / len as f64,
        "latent_bits_before": before[0],
        "latent_bits": after[0],
        "residual_bits_before": before[1],
        "residual_bits": after[1],
        "side_bits_told": numbers::bits(&telling.sides, &grids),
        "place_bits": places.map(real),
    }))
}

#[cfg(test)]
mod tests;
