//! Which tensors a model file holds, and what becomes of each parameter.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use candle_core::Tensor;
use safetensors::SafeTensors;
use serde_json::{Value, json};
use vbc::training::cells::{CELL_LEVELS, CELLS};
use vbc::training::grid::{GRID_SIDES, GridTensors, grid_lines};
use vbc::training::{BYTE_ONE, LOGIT_ONE, STATE_ONE};

use super::layer::{Formats, Tensors};
use crate::models::{INPUT_SCALE, even_odd};
use crate::optim::Params;
use crate::stages::{BlankTables, Tables};

/// Fractional bits of a flow state, an input or activation, a latent symbol as input.
const STATE: i32 = 12;
const ACTIVATION: i32 = 10;
const LATENT: i32 = 6;
/// Fractional bits of an activation of the pixel network.
const BYTE: i32 = 5;

/// A coupling's two layers.
pub const FLOW: [Formats; 2] =
    [Formats { input: STATE, output: ACTIVATION }, Formats { input: ACTIVATION, output: STATE }];
const _: () = assert!(1 << BYTE == BYTE_ONE);

/// The pixel network's image vector.
pub const IMAGE: Formats = Formats { input: LATENT, output: BYTE };
/// An inner layer of the pixel network or that of scans.
pub const BYTE_INNER: Formats = Formats { input: BYTE, output: BYTE };
/// A layer of logits.
pub const BYTE_LAST: Formats = Formats { input: BYTE, output: ACTIVATION };

/// The parts of a model file so far.
#[derive(Debug, Default)]
pub struct Exported {
    /// Tensors.
    pub tensors: Tensors,
    /// Metadata; see SPEC.md section 9.
    pub metadata: BTreeMap<String, String>,
}

impl Exported {
    /// A file of `height` × `width` grey images without a latent.
    pub fn new(height: usize, width: usize, name: &str) -> Self {
        let entries = [
            ("format", "vbc-model-3".to_owned()),
            ("shape", format!("{height}x{width}x1")),
            ("name", name.to_owned()),
            ("c", "0".to_owned()),
            ("bottleneck", "none".to_owned()),
            ("null", "0".to_owned()),
            ("slope", crate::models::SLOPE_SHIFT.to_string()),
        ];
        Exported {
            tensors: Tensors::default(),
            metadata: entries.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
        }
    }

    /// What a model file holds.
    ///
    /// # Errors
    /// Where it is no such file.
    pub fn as_it_is(file: &[u8]) -> Result<Self> {
        let (_, header) = SafeTensors::read_metadata(file)?;
        let mut out = Exported::default();
        out.metadata.extend(header.metadata().clone().unwrap_or_default());
        for (name, tensor) in SafeTensors::deserialize(file)?.tensors() {
            out.tensors.copy(&name, &tensor);
        }
        Ok(out)
    }

    /// What a model file holds, under another name, but for the tensors whose names begin so; its provenance is
    /// these settings, and its own.
    ///
    /// # Errors
    /// Where it is no such file.
    pub fn of(base: &[u8], without: &[&str], name: &str, settings: &Value) -> Result<Self> {
        let mut out = Exported::as_it_is(base)?;
        out.tensors.remove(without);
        let theirs = out.metadata.get("provenance").and_then(|p| serde_json::from_str(p).ok());
        let provenance = json!({
            "trainer": env!("CARGO_PKG_VERSION"), "settings": settings,
            "base": theirs.unwrap_or(Value::Null),
        });
        out.metadata.insert("name".into(), name.to_owned());
        out.metadata.insert("provenance".into(), provenance.to_string());
        Ok(out)
    }

    /// The model file.
    ///
    /// # Errors
    /// Where a tensor's shape does not fit its data.
    pub fn file(&self) -> Result<Vec<u8>> {
        self.tensors.file(&self.metadata)
    }
}

fn parameter(params: &Params, name: &str) -> Result<Tensor> {
    Ok(params.get(name).with_context(|| format!("no parameter {name}"))?.as_tensor().clone())
}

fn layer(out: &mut Exported, params: &Params, name: &str, formats: Formats) -> Result<()> {
    let (w, b) = (
        parameter(params, &format!("{name}.weight"))?,
        parameter(params, &format!("{name}.bias"))?,
    );
    out.tensors.layer(name, &w, &b, formats)
}

/// Adds flow, chunks and steps of a redundancy bottleneck.
///
/// # Errors
/// Where a parameter is missing or out of range.
pub fn export_transform(out: &mut Exported, params: &Params, chunks: &[Vec<usize>]) -> Result<()> {
    let d = chunks.len() * chunks[0].len();
    let [even, _] = even_odd(d);
    let mut k = 0;
    while params.get(&format!("flow.{k}.0.weight")).is_some() {
        // Coupling k keeps one half and changes the other; 1 marks what changes.
        let mut split = vec![u8::from(k % 2 == 0); d];
        even.iter().for_each(|&p| split[p] = u8::from(k % 2 == 1));
        out.tensors.u8s(&format!("flow.{k}.split"), &[d], &split);
        layer(out, params, &format!("flow.{k}.0"), FLOW[0])?;
        layer(out, params, &format!("flow.{k}.1"), FLOW[1])?;
        k += 1;
    }
    let positions: Vec<u32> = chunks.concat().into_iter().map(|p| p as u32).collect();
    out.tensors.u32s("latent.chunks", &[chunks.len(), chunks[0].len()], &positions);
    let steps: Vec<i32> = parameter(params, "latent.log_step")?
        .to_vec1::<f32>()?
        .into_iter()
        .map(|s| (s.exp() * STATE_ONE as f32).round().clamp(1.0, (1 << 20) as f32) as i32)
        .collect();
    out.tensors.i32s("latent.step", &[steps.len()], &steps);
    out.metadata.insert("bottleneck".into(), "rvb".into());
    out.metadata.insert("c".into(), chunks.len().to_string());
    Ok(())
}

/// Adds the prior with its centres.
///
/// # Errors
/// Where a parameter is missing or out of range.
pub fn export_prior(out: &mut Exported, prior: &Params, centres: &[i32]) -> Result<()> {
    out.tensors.i32s("prior.centre", &[centres.len()], centres);
    layer(out, prior, "prior.hidden", Formats { input: LATENT, output: ACTIVATION })?;
    layer(out, prior, "prior.logits", Formats { input: ACTIVATION, output: ACTIVATION })
}

/// Adds what latents tell of grids: the bits of each integer, what each exclusive or of some stands for, and the
/// network of places.
///
/// # Errors
/// Where a parameter is missing or out of range.
pub fn export_told(
    out: &mut Exported,
    params: &Params,
    columns: &[u32],
    sides: &[u8],
) -> Result<()> {
    out.tensors.u32s("told.columns", &[columns.len()], columns);
    out.tensors.u8s("told.sides", &[sides.len()], sides);
    layer(out, params, "told.hidden", Formats { input: LATENT, output: ACTIVATION })?;
    layer(out, params, "told.place", Formats { input: ACTIVATION, output: ACTIVATION })
}

/// Adds the tables of grids, and the symbols of grids where latents tell none.
pub fn export_grids(out: &mut Exported, grids: &GridTensors, are_told: bool) {
    let t = &mut out.tensors;
    t.u8s("grid.lines", &[GRID_SIDES, 20], &grid_lines());
    t.u8s("grid.counts", &[grids.counts.len()], &grids.counts);
    t.u8s("grid.greys", &[grids.greys.len()], &grids.greys);
    t.u8s("grid.weights", &[grids.weights.len()], &grids.weights);
    if are_told {
        return;
    }
    t.i16s("grid.side.high", &[16], &grids.side_high);
    t.i16s("grid.side.low", &[16, 16], &grids.side_low);
    t.i16s("grid.top", &[16], &grids.top);
    t.i16s("grid.left", &[16, 16], &grids.left);
}

/// Adds the network of scans.
///
/// # Errors
/// Where a parameter is missing or out of range.
pub fn export_scans(out: &mut Exported, params: &Params) -> Result<()> {
    let weight = (parameter(params, "scan.inputs.weight")? / INPUT_SCALE)?;
    let bias = parameter(params, "scan.inputs.bias")?;
    out.tensors.layer("scan.inputs", &weight, &bias, BYTE_INNER)?;
    layer(out, params, "scan.hidden", BYTE_INNER)?;
    layer(out, params, "scan.ink", BYTE_LAST)
}

/// Adds the networks of cells.
///
/// # Errors
/// Where a parameter is missing or out of range.
pub fn export_cells(out: &mut Exported, params: &Params) -> Result<()> {
    let has = |name: &str| params.get(&format!("{name}.weight")).is_some();
    if has("cells.image") {
        layer(out, params, "cells.image", IMAGE)?;
    }
    table_rows(out, params, "cells.inputs")?;
    layer(out, params, "cells.ink", BYTE_LAST)?;
    let mut tables: Vec<(&str, &[usize])> =
        vec![("cells.plain", &[CELLS, 2]), ("cells.plain.preview", &[CELL_LEVELS])];
    if has("cells.value.inputs") {
        table_rows(out, params, "cells.value.inputs")?;
        layer(out, params, "cells.value.hidden", BYTE_INNER)?;
        layer(out, params, "cells.value.high", BYTE_LAST)?;
        layer(out, params, "cells.value.low", BYTE_LAST)?;
    } else {
        layer(out, params, "cells.head", BYTE_LAST)?;
        tables.push(("cells.low", &[16, 16]));
    }
    for (name, shape) in tables {
        let logits = parameter(params, name)?.flatten_all()?.to_vec1::<f32>()?;
        let logit = |l: &f32| (l * LOGIT_ONE as f32).round().clamp(-32_000.0, 32_000.0) as i16;
        out.tensors.i16s(name, shape, &logits.iter().map(logit).collect::<Vec<_>>());
    }
    Ok(())
}

/// Adds a layer of table rows, and of the image vector behind them.
fn table_rows(out: &mut Exported, params: &Params, name: &str) -> Result<()> {
    let mut weights = vec![(parameter(params, &format!("{name}.weight"))? / INPUT_SCALE)?];
    weights.extend(params.get(&format!("{name}.image")).map(|image| image.as_tensor().clone()));
    let bias = parameter(params, &format!("{name}.bias"))?;
    out.tensors.layer(name, &Tensor::cat(&weights, 0)?, &bias, BYTE_INNER)
}

/// Adds the pixel network and its tables; `context` is the reach of its contexts.
///
/// # Errors
/// Where a parameter is missing or out of range.
pub fn export_pixels(
    out: &mut Exported,
    params: &Params,
    context: String,
    tables: &Tables,
    blank: &BlankTables,
) -> Result<()> {
    out.metadata.insert("context".into(), context);
    if params.get("image.weight").is_some() {
        layer(out, params, "image", IMAGE)?;
    }
    let inputs = |name: &str| -> Result<Tensor> { Ok((parameter(params, name)? / INPUT_SCALE)?) };
    let mut row = vec![inputs("row.weight")?];
    row.extend(params.get("row.image").map(|image| image.as_tensor().clone()));
    let pixel = [parameter(params, "pixel.weight")?, inputs("pixel.inputs")?];
    for (name, weights) in [("row", &row[..]), ("pixel", &pixel)] {
        let bias = parameter(params, &format!("{name}.bias"))?;
        out.tensors.layer(name, &Tensor::cat(weights, 0)?, &bias, BYTE_INNER)?;
    }
    layer(out, params, "ink", BYTE_LAST)?;
    layer(out, params, "hidden", BYTE_INNER)?;
    layer(out, params, "head.high", BYTE_LAST)?;
    layer(out, params, "head.low", BYTE_LAST)?;
    let t = &mut out.tensors;
    t.i16s("head.high.image", &[tables.high_image.len() / (64 * 17), 64, 17], &tables.high_image);
    t.i16s("head.high.column", &[tables.high_column.len() / 32, 32], &tables.high_column);
    t.i16s("head.high.row", &[tables.high_row.len() / 32, 32], &tables.high_row);
    t.i16s("head.low.image", &[tables.low_image.len() / 64, 64], &tables.low_image);
    t.i16s("head.low.column", &[tables.low_column.len() / 32, 32], &tables.low_column);
    t.i16s("head.low.row", &[tables.low_row.len() / 32, 32], &tables.low_row);
    t.i16s("blank.position", &[blank.position.len() / 2, 2], &blank.position);
    t.i16s("blank.preview", &[blank.preview.len()], &blank.preview);
    t.i16s("blank.high", &[16], &blank.high);
    t.i16s("blank.low", &[16, 16], &blank.low);
    Ok(())
}
