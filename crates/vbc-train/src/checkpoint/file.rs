//! The layout of a checkpoint file.

use std::collections::HashMap;
use std::path::Path;

use candle_core::Tensor;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::Value;
use vbc_kernels::AdamState;

use super::{CheckpointError, RunState, config, expect_config};
use crate::optim::Params;

/// The metadata's `format`; another layout gets another name.
const FORMAT: &str = "vbc-train checkpoint 1";

/// The rows of a parameter's optimiser state, by name.
const STATE: [&str; 3] = ["m", "v", "ema"];

/// The file's bytes.
pub(super) fn encode(
    path: &Path,
    params: &Params,
    run: &RunState,
    config: &Value,
) -> Result<Vec<u8>, CheckpointError> {
    let mut parts = Vec::new();
    let names: Vec<&str> = params.iter().map(|(name, _)| name).collect();
    for entry in params.entries() {
        let shape = entry.var.dims().to_vec();
        let mut push = |kind: &str, values: Vec<f32>| {
            let name = format!("{kind}/{}", entry.name);
            parts.push((name, Dtype::F32, shape.clone(), bytes(&values)));
        };
        let values: Vec<f32> = entry.var.flatten_all()?.to_vec1()?;
        if values.iter().any(|v| !v.is_finite()) {
            let (path, parameter) = (path.to_owned(), entry.name.clone());
            return Err(CheckpointError::NotFinite { path, parameter });
        }
        push("value", values);
        for (kind, row) in STATE.into_iter().zip(entry.state.packed().to_vec2()?) {
            push(kind, row);
        }
        let updates = entry.state.updates().to_le_bytes().to_vec();
        parts.push((format!("updates/{}", entry.name), Dtype::U64, vec![], updates));
    }
    let info = HashMap::from([
        ("format".to_owned(), FORMAT.to_owned()),
        ("step".to_owned(), params.step().to_string()),
        ("names".to_owned(), serde_json::json!(names).to_string()),
        ("run".to_owned(), serde_json::json!(run).to_string()),
        ("config".to_owned(), config.to_string()),
    ]);
    let views = parts
        .iter()
        .map(|(name, dtype, shape, data)| {
            Ok((name.as_str(), TensorView::new(*dtype, shape.clone(), data)?))
        })
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>();
    views
        .and_then(|views| safetensors::serialize(views, Some(info)))
        .map_err(|e| candle_core::Error::from(e).into())
}

/// The metadata of a file.
pub(super) struct Header {
    pub config: Value,
    pub step: u64,
    pub run: RunState,
    /// The parameters' names in order.
    pub names: Value,
}

pub(super) fn header(path: &Path, file: &[u8]) -> Result<Header, CheckpointError> {
    let format = |why: String| CheckpointError::Format { path: path.to_owned(), why };
    let (_, header) = SafeTensors::read_metadata(file).map_err(|e| format(e.to_string()))?;
    let info = header.metadata().as_ref().cloned().unwrap_or_default();
    let text = |key: &str| {
        info.get(key).map(String::as_str).ok_or_else(|| format(format!("no {key} in it")))
    };
    if text("format")? != FORMAT {
        return Err(format(format!("its format is {:?}", text("format")?)));
    }
    let json = |key: &str| {
        serde_json::from_str::<Value>(text(key)?).map_err(|e| format(format!("metadata: {e}")))
    };
    Ok(Header {
        config: json("config")?,
        step: text("step")?.parse().map_err(|e| format(format!("step: {e}")))?,
        run: serde_json::from_value(json("run")?).map_err(|e| format(format!("run state: {e}")))?,
        names: json("names")?,
    })
}

/// Checks everything, and only then changes `params`.
pub(super) fn decode(
    path: &Path,
    file: &[u8],
    params: &mut Params,
    config: &Value,
) -> Result<RunState, CheckpointError> {
    let format = |why: String| CheckpointError::Format { path: path.to_owned(), why };
    let header = header(path, file)?;
    let tensors = SafeTensors::deserialize(file).map_err(|e| format(e.to_string()))?;
    expect_config(path, &header.config, config)?;
    let names = serde_json::json!(params.iter().map(|(name, _)| name).collect::<Vec<_>>());
    let differ = |why: String| CheckpointError::Params { path: path.to_owned(), why };
    if let Some((_, theirs, ours)) = config::difference(&header.names, &names) {
        return Err(differ(format!("{theirs} in the file, {ours} in the model")));
    }

    let mut loaded = Vec::new();
    for (name, var) in params.iter() {
        let read = |kind: &str, dtype: Dtype, shape: &[usize]| {
            let key = format!("{kind}/{name}");
            let view = tensors.tensor(&key).map_err(|e| format(format!("{key}: {e}")))?;
            if view.dtype() != dtype || view.shape() != shape {
                let found = format!("{:?} {:?}", view.dtype(), view.shape());
                return Err(differ(format!(
                    "{key} is {found} in the file, {shape:?} in the model"
                )));
            }
            Ok(view.data())
        };
        let floats = |kind| read(kind, Dtype::F32, var.dims()).map(floats);
        let (value, rows) = (floats("value")?, if params.averaged() { 3 } else { 2 });
        let state: Vec<Vec<f32>> =
            STATE[..rows].iter().map(|kind| floats(kind)).collect::<Result<_, _>>()?;
        let updates = read("updates", Dtype::U64, &[])?;
        let updates = u64::from_le_bytes(updates.try_into().map_err(|_| format(name.to_owned()))?);
        let value = Tensor::from_vec(value, var.shape(), var.device())?;
        let packed = Tensor::from_vec(state.concat(), (rows, var.elem_count()), var.device())?;
        loaded.push((value, packed, updates));
    }
    for (entry, (value, packed, updates)) in params.restore(header.step).iter_mut().zip(loaded) {
        entry.var.set(&value)?;
        let mask = entry.state.mask().cloned();
        entry.state = AdamState::restore(&entry.var, &packed, updates, mask.as_ref())?;
    }
    Ok(header.run)
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}
