//! `vbc info`

use std::fmt::Write;
use std::fs::File;

use serde_json::{Value, json};
use vbc::archive::{FileKind, MethodUsed};
use vbc::{Archive, DecodeOptions, Shape};

use super::add::samples;
use super::{bits_per_dimension, counted, print, print_json, shape_text};
use crate::args::Read;
use crate::failure::{About, Outcome};
use crate::opened::{Kind, Opened};
use crate::settings::Settings;

/// Says what a file holds and what its parts cost. Of an archive no pixels are decoded.
pub fn run(args: &Read, settings: &Settings) -> Outcome {
    let opened = Opened::open(args, settings)?;
    let report = match opened.kind {
        Kind::Single(file) => single(&file, &opened.options),
        Kind::Archive(mut file) => archive(&mut file, &opened.options),
    }
    .about_name(&opened.subject)?;
    if settings.json { print_json(&report) } else { print(text(&report).trim_end()) }
}

fn shape_json(shape: &Shape) -> Value {
    json!({
        "width": shape.width,
        "height": shape.height,
        "format": format!("{:?}", shape.format),
        "text": shape_text(shape),
    })
}

/// A part of the file, in bytes and spread over the samples.
fn part(bytes: u64, samples: u64) -> Value {
    json!({
        "bytes": bytes,
        "bits_per_dimension": bits_per_dimension(8.0 * bytes as f64, samples),
    })
}

fn single(file: &[u8], options: &DecodeOptions) -> Outcome<Value> {
    let info = vbc::single::inspect(file, options)?;
    // A stream that does not decode has no such parts; to say that it does not is for `verify`.
    let costs = vbc::single::costs(file, options).ok().flatten();
    let bits = |part: vbc::Bits| part.units() as f64 / vbc::Bits::ONE as f64;
    let samples = samples(&info.shape);
    let method = match (&info.model, info.raw) {
        (Some(id), _) => id.to_string(),
        (None, true) => "raw".into(),
        (None, false) => "generic".into(),
    };
    Ok(json!({
        "kind": "image",
        "shape": shape_json(&info.shape),
        "name": info.name,
        "method": method,
        "model": info.model.map(|id| id.to_string()),
        "checksum": "CRC-32C of header, pixels and coded stream",
        "dimensions": samples,
        "latent_bits": costs.map(|c| bits(c.latent_bits)),
        "residual_bits": costs.map(|c| bits(c.residual_bits)),
        "parts": {
            "header": part(info.header_bytes, samples),
            "stream": part(info.stream_bytes, samples),
            "total": part(file.len() as u64, samples),
        },
    }))
}

fn archive(archive: &mut Archive<File>, options: &DecodeOptions) -> Outcome<Value> {
    let info = archive.info()?;
    let costs = archive.costs()?;
    let files = archive.files()?;
    // Without the model that knows their shape, the samples cannot be counted.
    let samples = match costs.unknown_shapes {
        0 => costs.shapes.iter().map(|(shape, n)| samples(shape).saturating_mul(*n)).sum(),
        _ => 0,
    };
    let total = info.bytes + info.torn;
    let overhead = total.saturating_sub(costs.latent_bytes).saturating_sub(costs.residual_bytes);
    let count = |wanted: fn(&FileKind) -> bool| files.iter().filter(|f| wanted(&f.kind)).count();
    let listed: Vec<Value> = files
        .iter()
        .filter(|f| !matches!(f.kind, FileKind::Image))
        .map(|f| {
            json!({
                "name": f.name,
                "kind": if matches!(f.kind, FileKind::Opaque) { "opaque" } else { "idx" },
                "first_image": f.first_image,
                "images": f.images,
            })
        })
        .collect();
    let methods: Vec<Value> = costs
        .methods
        .iter()
        .map(|(method, cost)| {
            let id = match method {
                MethodUsed::Model(id) => Some(id.to_string()),
                _ => None,
            };
            json!({
                "method": match method {
                    MethodUsed::Model(id) => id.to_string(),
                    MethodUsed::Raw => "raw".into(),
                    _ => "generic".into(),
                },
                "model": id,
                "blocks": cost.blocks,
                "images": cost.images,
                "bytes": cost.bytes,
            })
        })
        .collect();
    let models: Vec<Value> = info
        .methods
        .iter()
        .map(|m| {
            let known = options.registry.find(&m.id).ok();
            json!({
                "id": m.id.to_string(),
                "name": known.map(|k| k.name()),
                "embedded_in_file": m.embedded,
                "at_hand": m.embedded || known.is_some(),
            })
        })
        .collect();
    Ok(json!({
        "kind": "archive",
        "version": info.version,
        "images": info.images,
        "blocks": info.blocks,
        "block_images": info.block_images,
        "lanes": info.lanes,
        "torn_bytes": info.torn,
        "shapes": costs.shapes.iter().map(|(shape, images)| {
            json!({ "shape": shape_json(shape), "images": images })
        }).collect::<Vec<_>>(),
        "images_of_unknown_shape": costs.unknown_shapes,
        "pictures": count(|k| matches!(k, FileKind::Image)),
        "files": listed,
        "methods": methods,
        "models": models,
        "checksum": "CRC-32C of every section, latent, residual and the pixels of every block",
        "dimensions": samples,
        "parts": {
            "latent": part(costs.latent_bytes, samples),
            "residual": part(costs.residual_bytes, samples),
            "overhead": part(overhead, samples),
            "names": part(costs.name_bytes, samples),
            "total": part(total, samples),
        },
    }))
}

/// The report for people.
fn text(report: &Value) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_text(&mut out, report);
    out
}

fn write_text(out: &mut String, report: &Value) -> std::fmt::Result {
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let word = |value: &Value| value.as_str().unwrap_or("").to_owned();
    if report["kind"] == "image" {
        writeln!(out, "single image, {}", word(&report["shape"]["text"]))?;
        if let Some(name) = report["name"].as_str() {
            writeln!(out, "name      {name:?}")?;
        }
        writeln!(out, "method    {}", word(&report["method"]))?;
    } else {
        let images = counted(number(&report["images"]), "image");
        let blocks = counted(number(&report["blocks"]), "block");
        let most = number(&report["block_images"]);
        writeln!(out, "archive, {images} in {blocks} of at most {most}")?;
        for entry in report["shapes"].as_array().into_iter().flatten() {
            let images = counted(number(&entry["images"]), "image");
            writeln!(out, "shape     {}: {images}", word(&entry["shape"]["text"]))?;
        }
        match number(&report["images_of_unknown_shape"]) {
            0 => {}
            n => writeln!(out, "shape     that of a model not at hand: {}", counted(n, "image"))?,
        }
        for file in report["files"].as_array().into_iter().flatten() {
            let images = counted(number(&file["images"]), "image");
            let kind = if file["kind"] == "idx" { images } else { "opaque".into() };
            writeln!(out, "file      {:?}: {kind}", word(&file["name"]))?;
        }
        for method in report["methods"].as_array().into_iter().flatten() {
            let blocks = counted(number(&method["blocks"]), "block");
            let bytes = number(&method["bytes"]);
            writeln!(out, "method    {}: {blocks}, {bytes} bytes", word(&method["method"]))?;
        }
        for model in report["models"].as_array().into_iter().flatten() {
            let place = match (model["embedded_in_file"].as_bool(), model["at_hand"].as_bool()) {
                (Some(true), _) => "in this file",
                (_, Some(true)) => "at hand",
                _ => "not at hand: give its file with --model",
            };
            let name = word(&model["name"]);
            writeln!(out, "model     {} {name} ({place})", word(&model["id"]))?;
        }
        match number(&report["torn_bytes"]) {
            0 => {}
            n => writeln!(out, "torn      {n} bytes that an unfinished append left behind")?,
        }
    }
    writeln!(out, "checksum  {}", word(&report["checksum"]))?;
    let parts = &report["parts"];
    for name in ["header", "stream", "latent", "residual", "overhead", "names", "total"] {
        let part = &parts[name];
        if part.is_null() {
            continue;
        }
        // Names are a part of the overhead, so they stand a little further in.
        let name = if name == "names" { " of it names" } else { name };
        let bytes = number(&part["bytes"]);
        match part["bits_per_dimension"].as_f64() {
            Some(bits) => writeln!(out, "{name:<12} {bytes:>10} bytes  {bits:.4} bits/dimension")?,
            None => writeln!(out, "{name:<12} {bytes:>10} bytes")?,
        }
    }
    for part in ["latent", "residual"] {
        if let Some(bits) = report[format!("{part}_bits")].as_f64() {
            writeln!(out, "{part:<12} {bits:>10.1} bits of the stream")?;
        }
    }
    Ok(())
}
