//! `vbc-train cells`: trains the network that codes the cells of images with a grid, and adds it to a model
//! with grids (SPEC.md section 6.9).

mod args;
mod data;
mod network;
mod rows;
mod values;

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use vbc::training::cells::{cell_inputs_len, value_inputs_len};
use vbc::training::grid::GridTables;
use vbc::training::measure;
use vbc::{Bits, Limits, Model};

pub use self::args::CellArgs;
use self::data::Data;
pub use self::data::{grid_tables, grids_of};
use self::network::{CellNet, CellSizes};
use crate::checkpoint::write_atomically;
use crate::data::Images;
use crate::export::{Exported, export_cells, export_grids};
use crate::optim::Params;
use crate::rng::Rng;
use crate::stages::{GridCounts, Run, Stage};

/// Trains, exports and measures.
///
/// # Errors
/// Those of the device, the data, the training and the files.
pub fn run(args: &CellArgs) -> Result<()> {
    let started = Instant::now();
    ensure!(
        (0.0..1.0).contains(&args.hide),
        "--hide {}: 0 or more and below 1 is wanted",
        args.hide
    );
    ensure!(!args.values.contains(&0), "--values: no width may be 0");
    let images = args.added.images()?;
    let mut base = std::fs::read(&args.base).with_context(|| args.base.display().to_string())?;
    let has = |name: &str| {
        Ok::<bool, anyhow::Error>(SafeTensors::deserialize(&base)?.tensor(name).is_ok())
    };
    ensure!(
        has("cells.plain")? || !has("grid.lines")?,
        "{}: a model whose pixel network was trained without grids is wanted",
        args.base.display()
    );
    Model::from_bytes(&base, &Limits::default())?;
    std::fs::create_dir_all(&args.out)?;
    let grids = std::fs::read(&args.grids).with_context(|| args.grids.display().to_string())?;
    let tables = grid_tables(&grids)?;
    let hashes = [&base, &grids].map(|file| blake3::hash(file).to_hex());
    let config = args.config(&images.blake3(), hashes.each_ref().map(|hash| &hash[..]));
    if let Some(told) = with_told(&base, &grids)? {
        base = told;
    }
    let (train, held_out) = images.split_validation(args.added.validation);
    let train = Data::new(train, &base, &tables)?;
    ensure!(!train.whole.is_empty(), "no image has a grid");
    let counts = train.counts()?;
    let (params, net) = train_network(args, &config, &train, &tables, &counts)?;
    let bytes = export(args, [&base, &grids], &config, &params, &counts)?;
    write_atomically(&args.out.join("model.safetensors"), &bytes)?;
    let model = Model::from_bytes(&bytes, &Limits::default())?;
    let figures = figures(&model, &net, (&base, &tables), &held_out, &params)?;
    let report = json!({
        "id": model.id().to_string(), "bytes": bytes.len(), "steps": args.steps,
        "seconds": started.elapsed().as_secs(), "validation": figures,
    });
    let text = format!("{report:#}\n");
    write_atomically(&args.out.join("figures.json"), text.as_bytes())?;
    print!("{text}");
    Ok(())
}

/// The base with what the latents of the other model tell of grids, if both have the same latents.
fn with_told(base: &[u8], grids: &[u8]) -> Result<Option<Vec<u8>>> {
    let [file, other] = [SafeTensors::deserialize(base)?, SafeTensors::deserialize(grids)?];
    let is_of_latents =
        |name: &str| ["flow.", "latent.", "prior."].iter().any(|part| name.starts_with(part));
    let latents = |file: &SafeTensors| -> BTreeMap<String, Vec<u8>> {
        let tensors = file.tensors().into_iter().filter(|(name, _)| is_of_latents(name));
        tensors.map(|(name, tensor)| (name, tensor.data().to_vec())).collect()
    };
    let tells = |file: &SafeTensors| file.tensor("told.sides").is_ok();
    if tells(&file) || !tells(&other) || latents(&file) != latents(&other) {
        return Ok(None);
    }
    let mut out = Exported::as_it_is(base)?;
    for (name, tensor) in other.tensors() {
        if name.starts_with("told.") {
            out.tensors.copy(&name, &tensor);
        }
    }
    Ok(Some(out.file()?))
}

fn train_network(
    args: &CellArgs,
    config: &Value,
    data: &Data,
    tables: &GridTables,
    counts: &GridCounts,
) -> Result<(Params, CellNet)> {
    let device = args.added.device.open()?;
    let mut params = Params::on(&device);
    let mut rng = Rng::new(args.added.seed, 0);
    let sizes = CellSizes {
        rows: cell_inputs_len(tables),
        width: args.width,
        value_rows: value_inputs_len(tables),
        values: args.values.first_chunk().copied(),
        latent: data.latent_len(),
        image: args.image,
    };
    let net = CellNet::new(&mut params, sizes, &mut rng)?;
    let (dir, seed) = (args.out.clone(), args.added.seed);
    let run = Run { dir, config: config.clone(), seed, as_it_is: false };
    let stage = Stage {
        name: "cells",
        steps: args.steps,
        rate: args.rate,
        batch: args.batch,
        columns: &["plain", "ink", "high", "low"],
        late: None,
    };
    let hide = if args.values.is_empty() { 0.0 } else { args.hide };
    run.train(&stage, &mut params, data.whole.len(), |rng, items, step| {
        let items: Vec<u32> = items.iter().map(|&i| data.whole[i as usize]).collect();
        let batch = data.batch(tables, Some(counts), &items, [args.keep, hide], rng, &device)?;
        let bits = net.bits(&batch, step * 5 >= stage.steps * 4)?;
        // Bits an image.
        let scale = 1.0 / (args.keep * items.len() as f64);
        let numbers = bits.each_ref().map(|b| Ok(f64::from(b.to_scalar::<f32>()?) * scale));
        let numbers: candle_core::Result<Vec<f64>> = numbers.into_iter().collect();
        let [plain, ink, high, low] = bits;
        let all = ((plain + ink)? + (high + low)?)?;
        Ok((all.affine(scale / 784.0, 0.0)?, numbers?))
    })?;
    Ok((params, net))
}

/// The base model's file with the network for cells in it.
fn export(
    args: &CellArgs,
    [base, grids]: [&[u8]; 2],
    config: &Value,
    params: &Params,
    counts: &GridCounts,
) -> Result<Vec<u8>> {
    let parts = ["cells.", "scan.", "grid."];
    let mut out = Exported::of(base, &parts, &args.added.name, config)?;
    let is_told = SafeTensors::deserialize(base)?.tensor("told.sides").is_ok();
    // The symbols of grids are the training images', where the latents do not tell.
    export_grids(&mut out, counts.tensors(), is_told);
    let tables = SafeTensors::deserialize(grids)?;
    for name in ["grid.lines", "grid.counts", "grid.greys", "grid.weights"] {
        out.tensors.copy(name, &tables.tensor(name)?);
    }
    export_cells(&mut out, params)?;
    out.file()
}

/// What the validation images take: the integer codec's figures, and the float network's on the first
/// thousand that have a grid.
fn figures(
    model: &Model,
    net: &CellNet,
    (base, tables): (&[u8], &GridTables),
    images: &Images,
    params: &Params,
) -> Result<Value> {
    let real = |b: Bits| b.units() as f64 / Bits::ONE as f64;
    let n = images.n as f64;
    let [latent, residual] = measure(model, &images.pixels, 64)?.map(real);
    let data = Data::new(images.clone(), base, tables)?;
    let some = &data.whole[..data.whole.len().min(1000)];
    let mut rng = Rng::new(0, 0);
    let mut float = [0.0; 4];
    for items in some.chunks(20) {
        let batch = data.batch(tables, None, items, [1.0, 0.0], &mut rng, params.device())?;
        for (sum, bits) in float.iter_mut().zip(net.bits(&batch, false)?) {
            *sum += f64::from(bits.to_scalar::<f32>()?) / some.len() as f64;
        }
    }
    Ok(json!({
        "bits_per_dimension": (latent + residual) / n / images.image_len() as f64,
        "latent_bits": latent / n,
        "residual_bits": residual / n,
        "images_without_cells": images.n - data.whole.len(),
        "float_network_plain_ink_high_low_bits_first_1000": float,
    }))
}

#[cfg(test)]
mod tests;
