//! Integer layers and the safetensors file that holds them.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::ops::weight_frac;

/// Fractional bits of a layer's inputs and outputs.
#[derive(Clone, Copy, Debug)]
pub struct Formats {
    /// Of the inputs.
    pub input: i32,
    /// Of the outputs.
    pub output: i32,
}

/// The tensors of a model file, by name.
#[derive(Debug, Default)]
pub struct Tensors(BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>);

macro_rules! put {
    ($name:ident, $type:ty, $dtype:ident) => {
        /// Adds a tensor, row-major.
        pub fn $name(&mut self, name: &str, shape: &[usize], values: &[$type]) {
            let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            self.0.insert(name.to_owned(), (Dtype::$dtype, shape.to_vec(), bytes));
        }
    };
}

impl Tensors {
    put!(u8s, u8, U8);
    put!(i8s, i8, I8);
    put!(i16s, i16, I16);
    put!(i32s, i32, I32);
    put!(u32s, u32, U32);

    /// Adds a tensor as another file has it.
    pub fn copy(&mut self, name: &str, tensor: &TensorView) {
        let value = (tensor.dtype(), tensor.shape().to_vec(), tensor.data().to_vec());
        self.0.insert(name.to_owned(), value);
    }

    /// Takes out the tensors whose names begin so.
    pub fn remove(&mut self, parts: &[&str]) {
        self.0.retain(|name, _| !parts.iter().any(|part| name.starts_with(part)));
    }

    /// Adds `name.weight`, `.bias` and `.shift` of a layer whose float weights are (i, o), or (k, i,
    /// o) for k layers as one.
    ///
    /// # Errors
    /// Where a weight is too large for the number formats.
    pub fn layer(&mut self, name: &str, w: &Tensor, b: &Tensor, formats: Formats) -> Result<()> {
        let dims = w.dims().to_vec();
        let (i, o) = (dims[dims.len() - 2], dims[dims.len() - 1]);
        let k = dims[..dims.len() - 2].iter().product::<usize>();
        let (w, b) = (w.flatten_all()?.to_vec1::<f32>()?, b.flatten_all()?.to_vec1::<f32>()?);
        let (mut weights, mut biases, mut shifts) = (Vec::new(), Vec::new(), Vec::new());
        for g in 0..k {
            for column in 0..o {
                let values: Vec<f32> = (0..i).map(|r| w[(g * i + r) * o + column]).collect();
                let max = values.iter().fold(0f32, |m, v| m.max(v.abs()));
                let frac = weight_frac(max);
                let unit = 2f32.powi(frac);
                weights
                    .extend(values.iter().map(|v| (v * unit).round().clamp(-127.0, 127.0) as i8));
                let bias = f64::from(b[g * o + column]) * 2f64.powi(frac + formats.input);
                ensure!(bias.abs() < 2f64.powi(31), "{name}: bias {bias} of output {column}");
                biases.push(bias.round() as i32);
                let shift = frac + formats.input - formats.output;
                shifts.push(u8::try_from(shift).with_context(|| {
                    format!("{name}: weight {max} of output {column} leaves a shift of {shift}")
                })?);
            }
        }
        let lead = &dims[..dims.len() - 2];
        self.i8s(&format!("{name}.weight"), &[lead, &[o, i]].concat(), &weights);
        self.i32s(&format!("{name}.bias"), &[lead, &[o]].concat(), &biases);
        self.u8s(&format!("{name}.shift"), &[lead, &[o]].concat(), &shifts);
        Ok(())
    }

    /// The safetensors file.
    ///
    /// # Errors
    /// Where a shape does not fit its data.
    pub fn file(&self, metadata: &BTreeMap<String, String>) -> Result<Vec<u8>> {
        let views: Vec<(&String, TensorView)> = self
            .0
            .iter()
            .map(|(name, (dtype, shape, bytes))| {
                Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?))
            })
            .collect::<Result<_, safetensors::SafeTensorError>>()?;
        let metadata: HashMap<String, String> = metadata.clone().into_iter().collect();
        Ok(safetensors::serialize(views, Some(metadata))?)
    }
}

/// Weights (i, o) and bias (o) of the layer `name` of a model file as floats, or (k, i, o) and (k, o) of
/// k layers as one: the other way round than [`Tensors::layer`], but for what rounding took.
///
/// # Errors
/// Where the file has no such layer.
pub fn float_layer(
    file: &SafeTensors,
    name: &str,
    formats: Formats,
    device: &Device,
) -> Result<(Tensor, Tensor)> {
    let tensor = |part: &str| {
        let name = format!("{name}.{part}");
        file.tensor(&name).with_context(|| format!("no tensor {name}"))
    };
    let (weight, bias, shift) = (tensor("weight")?, tensor("bias")?, tensor("shift")?);
    let (lead, &[o, i]) = weight.shape().split_last_chunk().context("a matrix expected")?;
    let outputs = lead.iter().product::<usize>() * o;
    // A shift takes an output from the fractional bits of weight and input to its own.
    let Formats { input, output } = formats;
    let frac: Vec<i32> = shift.data().iter().map(|&s| i32::from(s) + output - input).collect();
    ensure!(i > 0 && o > 0, "{name}: no inputs or no outputs");
    ensure!(
        frac.len() == outputs && bias.data().len() == 4 * outputs,
        "{name}: {outputs} outputs expected"
    );
    let mut weights = vec![0f32; i * outputs];
    for (k, row) in weight.data().chunks_exact(i).enumerate() {
        let layer = &mut weights[k / o * i * o..];
        for (j, &w) in row.iter().enumerate() {
            layer[j * o + k % o] = f32::from(w as i8) * 2f32.powi(-frac[k]);
        }
    }
    let unit = |(b, frac): (&[u8; 4], &i32)| {
        (f64::from(i32::from_le_bytes(*b)) * 2f64.powi(-frac - input)) as f32
    };
    let bias: Vec<f32> = bias.data().as_chunks().0.iter().zip(&frac).map(unit).collect();
    let shape = |last: &[usize]| [lead, last].concat();
    Ok((
        Tensor::from_vec(weights, shape(&[i, o]), device)?,
        Tensor::from_vec(bias, shape(&[o]), device)?,
    ))
}
