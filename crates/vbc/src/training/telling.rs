//! Latents as an encoder picks them (SPEC.md section 6.8.5).

use super::grid::Grid;
use crate::entropy::{Bits, Encoder};
use crate::error::Error;
use crate::grid::Told;
use crate::model::{Latent, Model, Telling, TensorFile, build};
use crate::scan;

/// The largest number that `told.sides` can hold: m less 19.
pub const TOLD_SIDE_MAX: u8 = crate::grid::SIDES as u8;

/// Transform, prior and what latents tell, of a model file that need not be whole yet.
#[derive(Debug)]
pub struct Teller {
    latent: Latent,
    told: Told,
}

impl Teller {
    /// Reads the tensors of a model file; `None` where its latents tell nothing.
    ///
    /// # Errors
    /// [`Error::Model`] as [`Model::from_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Option<Self>, Error> {
        let file = TensorFile::parse(bytes)?;
        if !file.has("told.sides") {
            return Ok(None);
        }
        let (width, height) = build::shape(file.metadata("shape")?)?;
        let latent = build::latent(&file, width * height)?
            .ok_or_else(|| Error::model("bottleneck", "no latent"))?;
        let told = build::told(&file, latent.transform.len())?;
        Ok(Some(Teller { latent, told }))
    }

    /// Latents of images of `image_len` pixels each that tell these grids, one behind the other.
    pub fn latents(&self, pixels: &[u8], image_len: usize, grids: &[Option<Grid>]) -> Vec<i32> {
        let Latent { transform, prior } = &self.latent;
        let telling = Telling { transform, prior, told: &self.told };
        let each = pixels.chunks(TOGETHER * image_len).zip(grids.chunks(TOGETHER));
        each.flat_map(|(pixels, grids)| {
            telling.choose(&telling.doubts(pixels, image_len), |i| Some(grids[i]))
        })
        .collect()
    }

    /// What the places of these grids take in images with these latents.
    pub fn place_bits(&self, latents: &[i32], grids: &[Option<Grid>]) -> Bits {
        let mut encoder = Encoder::new();
        let m = self.latent.transform.len();
        for (z, grids) in latents.chunks(TOGETHER * m).zip(grids.chunks(TOGETHER)) {
            let mut inputs = Vec::new();
            z.chunks_exact(m).for_each(|z| self.latent.prior.inputs(z, &mut inputs));
            let places = self.told.places(&inputs);
            for ((z, place), grid) in z.chunks_exact(m).zip(&places).zip(grids) {
                self.told.code(z, place, &mut encoder, *grid);
            }
        }
        encoder.bits()
    }
}

/// Images that are looked at together.
const TOGETHER: usize = 64;

/// The latents that an encoder picks for images of a model, none of them by its scan.
pub fn chosen_latents(model: &Model, pixels: &[u8]) -> Vec<i32> {
    let each = pixels.chunks(TOGETHER * model.shape().bytes() as usize);
    each.flat_map(|pixels| model.picked_latents(pixels, &scan::Effort::new(0))).collect()
}
