//! Scans: images that are pictures of bitmaps (SPEC.md sections 6.7 and 9.2).

mod binary;
mod bitmap;
mod greys;
mod inputs;
mod plain;
mod preview;
mod stream;

use crate::layer::Layer;
use crate::refusal::{Kind, Result, demand};
use crate::tensors::Tensors;

/// Number of inputs, and of those more with a latent: section 6.7.2.
const INPUTS: [usize; 2] = [12_757, 208];

/// The tensors `scan.*` of a model.
pub(crate) struct Scans {
    inputs: Layer,
    hidden: Layer,
    ink: Layer,
    plain: Vec<i64>,
    /// Empty in a model without a latent.
    plain_preview: Vec<i64>,
    size_high: Vec<i64>,
    size_low: Vec<i64>,
    corrections: Vec<i64>,
}

impl Scans {
    // 9.2
    pub(crate) fn load(t: &mut Tensors<'_>, latent: bool) -> Result<Self> {
        let [always, more] = INPUTS;
        let inputs = t.layer("scan.inputs", always + if latent { more } else { 0 }, |_| 255)?;
        let hidden = t.layer("scan.hidden", inputs.outputs, |_| 255)?;
        let ink = t.layer("scan.ink", hidden.outputs, |_| 255)?;
        demand(inputs.outputs > 0, Kind::BadModel, "scan.inputs")?;
        demand(hidden.outputs > 0, Kind::BadModel, "scan.hidden")?;
        demand(ink.outputs == 1, Kind::BadModel, "scan.ink")?;
        Ok(Scans {
            inputs,
            hidden,
            ink,
            plain: t.flat("scan.plain", 2, 6_336)?,
            plain_preview: if latent { t.flat("scan.plain.preview", 2, 16)? } else { Vec::new() },
            size_high: t.flat("scan.size.high", 2, 16)?,
            size_low: t.flat("scan.size.low", 2, 256)?,
            corrections: t.flat("scan.corrections", 2, 16)?,
        })
    }
}
