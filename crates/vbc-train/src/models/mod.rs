//! The trained networks as floats: what the integer codec will compute, in real numbers.

mod flow;
mod latent_prior;
mod logistic_prior;
mod pixel;

pub use flow::{COUPLINGS, Nice, SLOPE_SHIFT};
pub use latent_prior::LatentPrior;
pub use logistic_prior::LogisticPrior;
pub use pixel::{INPUT_SCALE, PixelBatch, PixelNet, PixelSizes};

use candle_core::Tensor;
use vbc::training::BYTE_ONE;

use crate::ops::with_gradient_of;

/// Largest activation that the integer network holds: 32 767 / 2¹⁰.
pub const ACTIVATION_MAX: f32 = 32_767.0 / 1_024.0;

/// The positions of x_a and x_b, the two halves of an even/odd split in raster order.
pub fn even_odd(d: usize) -> [Vec<usize>; 2] {
    [(0..d).step_by(2).collect(), (1..d).step_by(2).collect()]
}

/// The c chunks of a picture of `height` × `width` pixels: `chunks[k][j]` is the raster position of
/// dimension j of chunk k. Dimension j stands for one small block of pixels, so that an untrained
/// flow's chunk mean is the picture at a lower resolution. The
/// blocks are as square as can be. `None` where no block of c pixels tiles the picture.
pub fn block_chunks(height: usize, width: usize, c: usize) -> Option<Vec<Vec<usize>>> {
    let shape = (1..=c.min(width))
        .filter(|w| c.is_multiple_of(*w))
        .map(|w| (w, c / w))
        .filter(|&(w, h)| width.is_multiple_of(w) && height.is_multiple_of(h))
        .min_by_key(|&(w, h)| h.abs_diff(w))?;
    let (w, h) = shape;
    Some(
        (0..c)
            .map(|k| {
                let (dy, dx) = (k / w, k % w);
                let blocks = (0..height / h).flat_map(|y| (0..width / w).map(move |x| (y, x)));
                blocks.map(|(y, x)| (y * h + dy) * width + x * w + dx).collect()
            })
            .collect(),
    )
}

/// The weights to compute with: as they are, or rounded as the integer model has them.
pub(crate) fn weights(w: &Tensor, quantise: bool) -> candle_core::Result<Tensor> {
    if quantise { crate::ops::fake_quant(w) } else { Ok(w.clone()) }
}

/// Activations of the pixel and the bitmap network: as they are, or rounded to the bytes that the
/// integer networks have.
pub(crate) fn byte(x: Tensor, quantise: bool) -> candle_core::Result<Tensor> {
    if !quantise {
        return Ok(x);
    }
    let unit = f64::from(BYTE_ONE);
    with_gradient_of(&((x.detach() * unit)?.round()? / unit)?, &x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_a_permutation_of_blocks() {
        let chunks = block_chunks(28, 28, 8).unwrap();
        let mut all: Vec<usize> = chunks.concat();
        all.sort_unstable();
        assert_eq!(all, (0..784).collect::<Vec<_>>());
        let first: Vec<usize> = chunks.iter().map(|c| c[0]).collect();
        assert_eq!(first, [0, 1, 28, 29, 56, 57, 84, 85]);
        assert_eq!(block_chunks(28, 28, 16).unwrap()[15][0], 3 * 28 + 3);
        assert_eq!(block_chunks(28, 28, 392).unwrap()[391], [13 + 27 * 28, 27 + 27 * 28]);
        assert!(block_chunks(28, 28, 3).is_none());
    }
}
