//! Latents that tell the sides of their images' grids (SPEC.md section 6.8.5), as an encoder picks them.
//!
//! Rounding an integer to the other side costs what the prior says and what the pixels then take more. For the
//! latter the distance stands: little where f's value lies in the middle of two integers.

use super::Transform;
use super::transform::Doubts;
use crate::entropy::LOGIT_FRAC;
use crate::grid::{Grid, Told};
use crate::latent::{AS_NEAR, Prior, Second};

/// Fractional bits of a cost.
const COST_FRAC: u32 = 6;

/// What the pixels take more with the next nearest integer, where it is as near as the nearest, and how much more
/// for each step that it is farther away.
const RESIDUAL: [i64; 2] = [1 << COST_FRAC, 75 << COST_FRAC >> 2];

/// What latents are made of that tell.
#[derive(Debug)]
pub(crate) struct Telling<'a> {
    pub transform: &'a Transform,
    pub prior: &'a Prior,
    pub told: &'a Told,
}

impl Telling<'_> {
    /// Makes the costs of doubtful integers.
    pub fn weigh(&self, doubts: &mut Doubts) {
        let second = &doubts.second;
        let differences = self.prior.differences(&doubts.nearest, |at| second[at].value);
        let cost = |(bits, second): (i32, &Second)| {
            let nearer = RESIDUAL[1] * i64::from(second.nearness) / i64::from(AS_NEAR);
            let residual = RESIDUAL[0] + RESIDUAL[1] - nearer;
            let cost = i64::from(bits >> (LOGIT_FRAC - COST_FRAC)) + residual;
            cost.clamp(i32::MIN.into(), i32::MAX.into()) as i32
        };
        doubts.costs = differences.into_iter().zip(second).map(cost).collect();
    }

    /// Changes the latent of image i among the nearest ones so that it tells the side of its grid, as cheaply as can
    /// be. A grid that no latent tells is told as none.
    pub fn choose(&self, doubts: &Doubts, i: usize, grid: Option<Grid>, z: &mut [i32]) {
        let m = self.transform.len();
        let of_image = i * m..(i + 1) * m;
        let (z, second) = (&mut z[of_image.clone()], &doubts.second[of_image.clone()]);
        let grid = grid.filter(|grid| self.told.can_tell(*grid));
        let (parities, is_wanted) = (self.told.parities(), |s| self.told.is_told_by(s, grid));
        for j in parities.changes(parities.of(z), &doubts.costs[of_image], is_wanted) {
            z[j] = second[j].value;
        }
    }

    /// Latents of images that tell these grids.
    #[cfg(any(test, feature = "training"))]
    pub fn latents(&self, pixels: &[u8], image_len: usize, grids: &[Option<Grid>]) -> Vec<i32> {
        let mut doubts = self.transform.doubts(pixels, image_len);
        self.weigh(&mut doubts);
        let mut z = doubts.nearest.clone();
        grids.iter().enumerate().for_each(|(i, grid)| self.choose(&doubts, i, *grid, &mut z));
        z
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::model::Model;
    use crate::toy;

    #[test]
    fn latents_tell_any_side() {
        let mut seen = 0;
        for embedded in vbc_models::EMBEDDED {
            let model = Model::from_bytes(embedded.bytes, &Limits::default()).unwrap();
            let Some(telling) = model.telling() else { continue };
            seen += 1;
            let pixels = toy::picture(model.shape(), 3).repeat(103);
            let grid = |side: u8| Grid { side, top: 3, left: 4 };
            let grids: Vec<Option<Grid>> =
                (0..103).map(|i: u8| i.checked_sub(2).map(grid)).collect();
            let z = telling.latents(&pixels, 784, &grids);
            let (m, nearest) = (model.latent_len(), model.latents(&pixels));
            for ((z, nearest), grid) in z.chunks_exact(m).zip(nearest.chunks_exact(m)).zip(grids) {
                let told = grid.filter(|grid| telling.told.can_tell(*grid));
                let syndrome = telling.told.parities().of(z);
                assert!(telling.told.is_told_by(syndrome, told), "{grid:?}");
                let changed = z.iter().zip(nearest).filter(|(a, b)| a != b).count();
                assert!(changed < 30, "{changed} integers for {grid:?}");
            }
        }
        let wanted = usize::from(cfg!(feature = "model-mnist"));
        assert!(seen >= wanted, "{seen} embedded models with told sides");
    }
}
