//! How redundant the chunks of a trained flow are (paper section 2).

use serde_json::{Value, json};
use vbc::training::{STATE_ONE, Transform};

use crate::data::Images;

/// Images that are looked at, from the first.
const IMAGES: usize = 1000;

/// The peak signal-to-noise ratio of two images of as many pixels, in dB.
pub(super) fn psnr(a: &[u8], b: &[u8]) -> f64 {
    let error: f64 = a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
    10.0 * (255.0f64.powi(2) * a.len() as f64 / error.max(1e-9)).log10()
}

/// How far the c chunks of y are from their mean, and what decoding from one of them alone gives:
///
/// - `spread`: the standard deviation of a value among the c chunks of its image, the root of the mean
///   over images and dimensions, in grey values;
/// - `variation`: the same of the chunks' mean among images, to compare it with;
/// - `from_mean_psnr`: f⁻¹ of the mean, unrounded and copied c times, against the image;
/// - `from_one_psnr`: the same of each chunk alone, the mean over chunks;
/// - `one_to_mean_psnr`: the latter's picture against the former's.
///
/// `null` for a bottleneck that is no mean of chunks.
pub(super) fn chunk_figures(transform: &Transform, images: &Images) -> Value {
    let (len, n) = (images.image_len(), images.n.min(IMAGES));
    let m = transform.latents(images.image(0), len).len();
    let (mut within, mut squares, mut sums) = (0.0, 0.0, vec![0.0; m]);
    let (mut mean_psnr, mut one_psnr, mut apart) = (0.0, 0.0, 0.0);
    let mut c = 1;
    for i in 0..n {
        let image = images.image(i);
        let chunks = transform.chunks(image);
        c = chunks.len() / m;
        if c < 2 {
            return Value::Null;
        }
        let mean: Vec<f64> = (0..m)
            .map(|j| {
                chunks.iter().skip(j).step_by(m).map(|&v| f64::from(v)).sum::<f64>() / c as f64
            })
            .collect();
        for chunk in chunks.chunks_exact(m) {
            within +=
                chunk.iter().zip(&mean).map(|(&v, a)| (f64::from(v) - a).powi(2)).sum::<f64>();
        }
        for (sum, a) in sums.iter_mut().zip(&mean) {
            *sum += a;
            squares += a * a;
        }
        let whole: Vec<i32> = mean.iter().map(|a| a.round() as i32).collect();
        let from_mean = transform.expanded(&whole, len);
        mean_psnr += psnr(&from_mean, image);
        for chunk in chunks.chunks_exact(m) {
            let from_one = transform.expanded(chunk, len);
            one_psnr += psnr(&from_one, image) / c as f64;
            apart += psnr(&from_one, &from_mean) / c as f64;
        }
    }
    let images = n as f64;
    let between = squares / images - sums.iter().map(|s| (s / images).powi(2)).sum::<f64>();
    let grey = 256.0 / f64::from(STATE_ONE);
    json!({
        "c": c,
        "images": n,
        "spread": (within / (images * (m * c) as f64)).sqrt() * grey,
        "variation": (between / m as f64).sqrt() * grey,
        "from_mean_psnr": mean_psnr / images,
        "from_one_psnr": one_psnr / images,
        "one_to_mean_psnr": apart / images,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{Exported, export_transform};
    use crate::models::{Nice, block_chunks};
    use crate::optim::Params;
    use crate::rng::Rng;
    use anyhow::Result;

    const SIDE: usize = 8;

    /// The figures of a flow that changes nothing, whose chunks are the pixels of a block.
    fn of(pixel: impl Fn(usize, usize) -> u8) -> Result<Value> {
        let (mut params, chunks) = (Params::new(), block_chunks(SIDE, SIDE, 8).unwrap());
        let flow = Nice::new(&mut params, &chunks, 4, &mut Rng::new(1, 0))?;
        for k in 0..4 {
            let last = params.get(&format!("flow.{k}.1.weight")).unwrap();
            last.set(&last.zeros_like()?)?;
        }
        drop(flow);
        let mut exported = Exported::new(SIDE, SIDE, "identity");
        export_transform(&mut exported, &params, &chunks)?;
        let transform = Transform::from_bytes(&exported.file()?)?;
        let pixels = (0..2 * SIDE * SIDE).map(|i| pixel(i / SIDE, i % SIDE)).collect();
        let images = Images { n: 2, height: SIDE, width: SIDE, channels: 1, pixels };
        Ok(chunk_figures(&transform, &images))
    }

    #[test]
    fn equal_chunks_decode_alike() -> Result<()> {
        let equal = of(|y, x| (50 * (y / 4) + 30 * (x / 2)) as u8)?;
        assert_eq!((&equal["c"], &equal["spread"]), (&json!(8), &json!(0.0)));
        assert!(equal["variation"].as_f64() > Some(10.0), "{equal}");
        assert!(equal["from_one_psnr"].as_f64() > Some(100.0), "{equal}");
        Ok(())
    }

    #[test]
    fn chunks_of_two_values_are_their_half_distance_apart() -> Result<()> {
        let stripes = of(|y, _| if y % 2 == 0 { 100 } else { 140 })?;
        let near = |key: &str, value: f64| (stripes[key].as_f64().unwrap() - value).abs() < 0.01;
        assert!(near("spread", 20.0) && near("variation", 0.0), "{stripes}");
        // From the mean every pixel is 20 off; from one chunk half of them are 40 off.
        let psnr = |mean_square: f64| 10.0 * (65025.0 / mean_square).log10();
        assert!(near("from_mean_psnr", psnr(400.0)), "{stripes}");
        assert!(near("from_one_psnr", psnr(800.0)), "{stripes}");
        assert!(near("one_to_mean_psnr", psnr(400.0)), "{stripes}");
        Ok(())
    }

    #[test]
    fn psnr_is_that_of_the_definition() {
        assert!((psnr(&[0, 10], &[0, 0]) - 10.0 * (65025.0f64 / 50.0).log10()).abs() < 1e-9);
        assert!(psnr(&[7, 8], &[7, 8]) > 100.0);
    }
}
