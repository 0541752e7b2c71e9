//! Pictures drawn from a model file, by decoding random bits.

use anyhow::{Context, Result, ensure};
use vbc::Model;
use vbc::training::{Drawn, draw, draw_len};

use crate::rng::Rng;

/// What is shown of an image that was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its pixels.
    Image,
    /// x̂: what its latent says of it.
    Preview,
}

/// Draws that may be in vain for an image; one of a thousand is.
const TRIES: usize = 100;

/// `n` pictures of one part of images drawn from `model`, each value in 0..=255. The images are the
/// same for each part.
///
/// # Errors
/// Where previews of a model without a latent are asked for, or the model draws no image.
pub fn drawn(model: &Model, n: usize, part: Part, rng: &mut Rng) -> Result<Vec<Vec<u8>>> {
    ensure!(
        part == Part::Image || model.latent_len() > 0,
        "the model {} has no latent, of which there could be previews",
        model.name()
    );
    let show = |image: Drawn| match part {
        Part::Image => image.pixels,
        Part::Preview => image.preview,
    };
    (0..n).map(|_| one(model, rng).map(show)).collect()
}

fn one(model: &Model, rng: &mut Rng) -> Result<Drawn> {
    let mut random = vec![0; draw_len(model)];
    let mut next = || {
        random.chunks_mut(8).for_each(|to| {
            let word = rng.next_u64().to_le_bytes();
            to.copy_from_slice(&word[..to.len()]);
        });
        draw(model, &random)
    };
    let image = (0..TRIES).find_map(|_| next());
    image.with_context(|| format!("the model {} draws no image in {TRIES} tries", model.name()))
}

#[cfg(test)]
#[path = "drawn_tests.rs"]
mod tests;
