//! What a finished model codes the validation images in.

use anyhow::Result;
use serde_json::{Value, json};
use vbc::training::{Transform, measure};
use vbc::{Bits, Model};

use super::Fitted;
use crate::models::PixelNet;
use crate::stages::{BatchMaker, BlankTables, Dataset, escape_bits, evaluate_pixels, symbols};

/// Figures on validation images: the integer codec's on all of them, float against integer on the
/// first thousand.
pub(super) fn figures(
    model: &Model,
    (data, taken): (&Dataset, Option<&Transform>),
    prior: Option<&Fitted>,
    net: &PixelNet,
    maker: &BatchMaker,
    blank: &BlankTables,
) -> Result<Value> {
    let some = data.first(1000);
    let per_image = |b: Bits, n: usize| b.units() as f64 / Bits::ONE as f64 / n as f64;
    let pixels = &some.images.pixels;
    // Of places that latents know there are only integers.
    let places =
        || taken.and_then(|taken| taken.place_bits(pixels, some.images.image_len(), &some.grids));
    let grids = maker.grids.as_ref().map_or(0.0, |grids| match places() {
        Some(bits) => per_image(bits, some.images.n),
        None => grids.symbol_bits(&some.grids),
    });
    let float_pixel =
        evaluate_pixels(net, maker, &some)? + blank.bits_of(&maker.contexts, &some) + grids;
    let integer = measure(model, &some.images.pixels, 64)?.map(|b| per_image(b, some.images.n));
    let float_latent = match prior {
        Some(p) => {
            let (z, s) = symbols(&some.latents, &vec![0; some.latent_len()], &maker.device)?;
            (p.net.measure(&z, &s, true)? + escape_bits(&some.latents)) / some.images.n as f64
        }
        // There is none, or there are only its integers.
        None => integer[0],
    };
    let float = float_latent + float_pixel;
    let all = measure(model, &data.images.pixels, 64)?.map(|b| per_image(b, data.images.n));
    let d = data.images.image_len() as f64;
    let psnr = data
        .images
        .pixels
        .chunks_exact(data.images.image_len())
        .zip(data.previews.chunks_exact(data.images.image_len()))
        .map(|(x, p)| {
            let error: f64 =
                x.iter().zip(p).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
            10.0 * (255.0f64.powi(2) * d / error.max(1e-9)).log10()
        })
        .sum::<f64>()
        / data.images.n as f64;
    Ok(json!({
        "bits_per_dimension": (all[0] + all[1]) / d,
        "latent_bits": all[0],
        "residual_bits": all[1],
        "preview_psnr": psnr,
        "float_bits_first_1000": float,
        "integer_bits_first_1000": integer[0] + integer[1],
        "parity": (integer[0] + integer[1]) / float - 1.0,
    }))
}
