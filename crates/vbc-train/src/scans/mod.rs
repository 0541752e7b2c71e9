//! `vbc-train scan`: finds the scans behind digits, trains the network that codes them, and adds it to
//! a model (SPEC.md section 6.7).

mod args;
mod cache;
mod data;
mod network;

use std::time::Instant;

use anyhow::{Context, Result};
use candle_core::Tensor;
use serde_json::{Value, json};
use vbc::training::scan::{Solved, measure_scans};
use vbc::training::{Transform, latent_bits, measure};
use vbc::{Bits, Limits, Model};

pub use self::args::ScanArgs;
pub use self::cache::solved;
use self::data::{Item, ScanTables, Solutions, batch, tables, worth};
use self::network::BitmapNet;
use crate::checkpoint::write_atomically;
use crate::data::Images;
use crate::export::{Exported, export_scans};
use crate::optim::Params;
use crate::rng::Rng;
use crate::stages::{Run, Stage};

/// Trains, exports and measures.
///
/// # Errors
/// Those of the device, the data, the training and the files.
pub fn run(args: &ScanArgs) -> Result<()> {
    let started = Instant::now();
    let images = args.added.images()?;
    let base = std::fs::read(&args.base).with_context(|| args.base.display().to_string())?;
    let has_latent = Model::from_bytes(&base, &Limits::default())?.latent_len() > 0;
    std::fs::create_dir_all(&args.out)?;
    let cache = args.solved.clone().unwrap_or_else(|| args.out.join("solved.scans"));
    let solved = cache::solved(&cache, &images)?;
    let previews = if has_latent { previews(&base, &images)? } else { Vec::new() };
    let all = Solutions { solved: &solved, previews: previews.as_chunks().0 };
    let (train, valid) = all.split(images.n - args.added.validation);
    let tables = tables(train);
    let mut config = args.config(&images.blake3());
    if has_latent {
        config["previews_blake3"] = blake3::hash(&previews).to_hex().to_string().into();
    }
    let (params, net) = train_network(args, &config, &train.scans(), has_latent)?;
    let bytes = export(args, &base, &config, &params, &tables)?;
    write_atomically(&args.out.join("model.safetensors"), &bytes)?;
    let model = Model::from_bytes(&bytes, &Limits::default())?;
    let (_, held_out) = images.split_validation(args.added.validation);
    let figures = figures(&model, &net, &held_out, valid)?;
    let report = json!({
        "id": model.id().to_string(), "bytes": bytes.len(), "steps": args.steps,
        "seconds": started.elapsed().as_secs(), "validation": figures,
    });
    let text = format!("{report:#}\n");
    write_atomically(&args.out.join("figures.json"), text.as_bytes())?;
    print!("{text}");
    Ok(())
}

/// x̂ of images.
fn previews(model: &[u8], images: &Images) -> Result<Vec<u8>> {
    let transform = Transform::from_bytes(model)?;
    let latents = transform.latents(&images.pixels, images.image_len());
    Ok(transform.previews(&latents, images.image_len()))
}

fn train_network(
    args: &ScanArgs,
    config: &Value,
    scans: &[Item],
    has_latent: bool,
) -> Result<(Params, BitmapNet)> {
    let device = args.added.device.open()?;
    let mut params = Params::on(&device);
    let mut rng = Rng::new(args.added.seed, 0);
    let widths = [args.widths[0], args.widths[1]];
    let net = BitmapNet::new(&mut params, widths, has_latent, &mut rng)?;
    let (dir, seed) = (args.out.clone(), args.added.seed);
    let run = Run { dir, config: config.clone(), seed, as_it_is: false };
    let stage = Stage {
        name: "scan",
        steps: args.steps,
        rate: args.rate,
        batch: args.batch,
        columns: &["bits"],
        late: None,
    };
    run.train(&stage, &mut params, scans.len(), |rng, items, step| {
        let batch = batch(items.iter().map(|&i| scans[i as usize]), args.keep, rng);
        // About as large as a mean over pixels, whatever the scan's size.
        let scale = 1.0 / (args.keep * items.len() as f64);
        let bits = (net.bits(&batch, step * 5 >= stage.steps * 4)? * scale)?;
        let number = f64::from(bits.to_scalar::<f32>()?);
        Ok((bits, vec![number]))
    })?;
    Ok((params, net))
}

/// The base model's file with the network for scans in it.
fn export(
    args: &ScanArgs,
    base: &[u8],
    config: &Value,
    params: &Params,
    tables: &ScanTables,
) -> Result<Vec<u8>> {
    let mut out = Exported::of(base, &["scan."], &args.added.name, config)?;
    export_scans(&mut out, params)?;
    let t = &mut out.tensors;
    t.i16s("scan.plain", &[tables.plain.len()], &tables.plain);
    if !tables.plain_preview.is_empty() {
        t.i16s("scan.plain.preview", &[tables.plain_preview.len()], &tables.plain_preview);
    }
    t.i16s("scan.size.high", &[16], &tables.size_high);
    t.i16s("scan.size.low", &[16, 16], &tables.size_low);
    t.i16s("scan.corrections", &[16], &tables.corrections);
    out.file()
}

/// What the validation images take: the integer codec's figures, and the float network's on the first
/// thousand scans.
fn figures(model: &Model, net: &BitmapNet, images: &Images, data: Solutions) -> Result<Value> {
    let real = |b: Bits| b.units() as f64 / Bits::ONE as f64;
    let kept: Vec<Option<Solved>> =
        data.solved.iter().map(|s| worth(s.as_ref()).cloned()).collect();
    let n = images.n as f64;
    let with_scan = real(measure_scans(model, data.previews, &kept, 64)?);
    let len = images.image_len();
    let rest: Vec<u8> = images
        .pixels
        .chunks_exact(len)
        .zip(&kept)
        .filter(|(_, solved)| solved.is_none())
        .flat_map(|(image, _)| image.to_vec())
        .collect();
    let [_, others] = measure(model, &rest, 64)?.map(real);
    // All images have latents, whatever codes their pixels.
    let latents = real(latent_bits(model, &images.pixels));
    let some = data.scans();
    let some = &some[..some.len().min(1000)];
    let mut rng = Rng::new(0, 0);
    let mut float = 0.0;
    for scans in some.chunks(20) {
        let bits: Tensor = net.bits(&batch(scans.iter().copied(), 1.0, &mut rng), false)?;
        float += f64::from(bits.to_scalar::<f32>()?);
    }
    Ok(json!({
        "bits_per_dimension": (latents + with_scan + others) / n / len as f64,
        "latent_bits": latents / n,
        "scan_bits": with_scan / n,
        "other_bits": others / n,
        "images_without_scan": rest.len() / len,
        "float_network_bits_a_scan_first_1000": float / some.len() as f64,
    }))
}

#[cfg(test)]
pub(crate) mod tests;
