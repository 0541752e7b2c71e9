//! The pixel network of a model file, as parameters to train further.

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use safetensors::SafeTensors;

use super::layer::{Formats, float_layer};
use super::model::{BYTE_INNER, BYTE_LAST, IMAGE};
use crate::models::INPUT_SCALE;
use crate::optim::Params;

/// Parameters of [`PixelNet`](crate::models::PixelNet): the other way round than
/// [`export_pixels`](super::export_pixels), but for what rounding took. Names and shapes are those of
/// [`PixelNet::new`](crate::models::PixelNet::new).
///
/// # Errors
/// Where the file has no such network.
pub fn import_pixels(file: &SafeTensors, device: &Device) -> Result<Params> {
    let mut params = Params::on(device);
    let layer = |name: &str, formats: Formats| {
        float_layer(file, name, formats, device).with_context(|| format!("layer {name}"))
    };
    let mut put = |name: &str, (weight, bias): &(Tensor, Tensor)| -> Result<()> {
        params.add(&format!("{name}.weight"), weight)?;
        params.add(&format!("{name}.bias"), bias)?;
        Ok(())
    };
    // Outputs of the image layer, which the row layer has behind its inputs.
    let mut images = 0;
    if file.tensor("image.weight").is_ok() {
        let image = layer("image", IMAGE)?;
        images = image.1.elem_count();
        put("image", &image)?;
    }
    put("hidden", &layer("hidden", BYTE_INNER)?)?;
    for name in ["ink", "head.high", "head.low"] {
        put(name, &layer(name, BYTE_LAST)?)?;
    }
    let (row, row_bias) = layer("row", BYTE_INNER)?;
    let (pixel, pixel_bias) = layer("pixel", BYTE_INNER)?;
    let (inputs, rows) = (row.dim(0)?.saturating_sub(images), row_bias.elem_count());
    ensure!(inputs > 0 && pixel.dim(0)? > rows, "layers row and pixel: inputs are missing");
    let part = |from: &Tensor, first: usize, len: usize| from.narrow(0, first, len)?.contiguous();
    put("row", &((part(&row, 0, inputs)? * INPUT_SCALE)?, row_bias))?;
    put("pixel", &(part(&pixel, 0, rows)?, pixel_bias))?;
    if images > 0 {
        params.add("row.image", &part(&row, inputs, images)?)?;
    }
    let inputs = part(&pixel, rows, pixel.dim(0)? - rows)?;
    params.add("pixel.inputs", &(inputs * INPUT_SCALE)?)?;
    Ok(params)
}
