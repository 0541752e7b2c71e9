//! Model files.

use super::{Answer, Bad, Kind, list, with};
use crate::synthetic;

/// A file of each kind of fault.
pub fn models() -> Vec<Bad> {
    use Answer::{Model, Unsupported};

    let whole = || synthetic::model(1);
    list(
        Kind::Model,
        vec![
            ("model-empty.safetensors", vec![], Model("model file"), "No bytes at all."),
            (
                "model-header-long.safetensors",
                with(whole(), |f| {
                    f.truncate(64);
                    f[..8].copy_from_slice(&[0xFF; 8]);
                }),
                Model("model file"),
                "A header of 2⁶⁴ − 1 bytes.",
            ),
            (
                "model-cut.safetensors",
                with(whole(), |f| f.truncate(f.len() - 1)),
                Model("model file"),
                "The last byte is missing.",
            ),
            (
                "model-longer.safetensors",
                with(whole(), |f| f.push(0)),
                Model("model file"),
                "A byte that no tensor accounts for.",
            ),
            (
                "model-version-1.safetensors",
                model_header("vbc-model-3", "vbc-model-1"),
                Unsupported,
                "A version of the past, which was never declared stable.",
            ),
            (
                "model-version-4.safetensors",
                model_header("vbc-model-3", "vbc-model-4"),
                Unsupported,
                "A version of the future.",
            ),
            (
                "model-other-format.safetensors",
                model_header("vbc-model-3", "abc-model-3"),
                Model("format"),
                "A safetensors file of something else.",
            ),
            (
                "model-shape.safetensors",
                model_header("4x6x1", "0x6x1"),
                Model("shape"),
                "An image without rows.",
            ),
            (
                "model-colour.safetensors",
                model_header("4x6x1", "4x2x3"),
                Unsupported,
                "A model of colour images.",
            ),
            (
                "model-c.safetensors",
                model_header("\"c\":\"2\"", "\"c\":\"5\""),
                Model("c"),
                "Chunks that do not divide the image.",
            ),
            (
                "model-bottleneck.safetensors",
                model_header("\"rvb\"", "\"xyz\""),
                Model("bottleneck"),
                "An unknown bottleneck.",
            ),
            (
                "model-slope.safetensors",
                model_header("\"slope\":\"3\"", "\"slope\":\"x\""),
                Model("slope"),
                "A slope that is no number.",
            ),
            (
                "model-context.safetensors",
                model_header("\"context\":\"2x3\"", "\"context\":\"2x7\""),
                Model("context"),
                "A context that reaches beyond the window.",
            ),
            (
                "model-missing.safetensors",
                model_header("\"hidden.bias\"", "\"hidden.bia_\""),
                Model("hidden.bias"),
                "A tensor has another name.",
            ),
            (
                "model-type.safetensors",
                model_header(
                    "\"latent.step\":{\"dtype\":\"I32",
                    "\"latent.step\":{\"dtype\":\"F32",
                ),
                Model("latent.step"),
                "A tensor of floats.",
            ),
            (
                "model-overflow.safetensors",
                model_data("hidden.bias", |d| d[..4].copy_from_slice(&i32::MAX.to_le_bytes())),
                Model("hidden"),
                "A bias with which an accumulator can overflow.",
            ),
            (
                "model-shift.safetensors",
                model_data("row.shift", |d| d[1] = 25),
                Model("row"),
                "A shift beyond the accumulator's use.",
            ),
            (
                "model-step.safetensors",
                model_data("latent.step", |d| d[..4].fill(0)),
                Model("latent.step"),
                "A quantiser's step of 0.",
            ),
            (
                "model-chunks.safetensors",
                model_data("latent.chunks", |d| d.fill(0)),
                Model("chunks"),
                "Chunks that are no permutation.",
            ),
            (
                "model-split.safetensors",
                model_data("flow.0.split", |d| d[3] = 2),
                Model("flow.0"),
                "A coupling that neither keeps nor changes a position.",
            ),
            (
                "model-mask.safetensors",
                model_data("prior.hidden.weight", |d| d[11] = 1),
                Model("prior.hidden.weight"),
                "A prior that reads a symbol before it is decoded.",
            ),
        ],
    )
    .collect()
}

/// The synthetic model with `from` in its header replaced by as many other bytes.
fn model_header(from: &str, to: &str) -> Vec<u8> {
    let file = synthetic::model(1);
    assert_eq!(from.len(), to.len(), "offsets must not move");
    let at = file.windows(from.len()).position(|w| w == from.as_bytes());
    let at = at.expect("the header holds it");
    with(file, |f| f[at..at + to.len()].copy_from_slice(to.as_bytes()))
}

/// The synthetic model with the data of tensor `name` changed.
fn model_data(name: &str, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut file = synthetic::model(1);
    let header = u64::from_le_bytes(file[..8].try_into().expect("8 bytes")) as usize;
    let text = String::from_utf8_lossy(&file[8..8 + header]).into_owned();
    let entry = &text[text.find(&format!("\"{name}\"")).expect("the tensor is there")..];
    let offsets = &entry[entry.find("offsets\":[").expect("every tensor has them") + 10..];
    let numbers: Vec<usize> = offsets[..offsets.find(']').expect("a list")]
        .split(',')
        .map(|n| n.parse().expect("a number"))
        .collect();
    let data = 8 + header;
    change(&mut file[data + numbers[0]..data + numbers[1]]);
    file
}
