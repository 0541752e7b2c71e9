//! Latents that tell the sides of their images' grids (SPEC.md section 6.8.5), as an encoder picks them.
//!
//! Rounding an integer to the other side costs what the prior says and what the pixels then take more. For the
//! latter the distance stands: little where f's value lies in the middle of two integers.

use super::Transform;
use crate::grid::{Grid, Told};
use crate::latent::{Prior, Second};

/// In 1/64 bit: what the pixels take more with the next nearest integer, where it is as near as the nearest, and
/// how much more where it is a whole step away.
const RESIDUAL: [i64; 2] = [64, 1200];

/// What latents are made of that tell.
#[derive(Debug)]
pub(crate) struct Telling<'a> {
    pub transform: &'a Transform,
    pub prior: &'a Prior,
    pub told: &'a Told,
}

/// The nearest integers of latents, the next nearest, and what these cost more.
#[derive(Debug)]
pub(crate) struct Doubts {
    pub nearest: Vec<i32>,
    pub second: Vec<Second>,
    /// In 1/64 bit.
    pub costs: Vec<i32>,
}

impl Telling<'_> {
    /// What can be changed in the latents of images.
    pub fn doubts(&self, pixels: &[u8], image_len: usize) -> Doubts {
        let (nearest, second) = self.transform.latents_and_second(pixels, image_len);
        let differences = self.prior.differences(&nearest, |at| second[at].value);
        let cost = |(bits, second): (i32, &Second)| {
            let near = (RESIDUAL[1] * i64::from(second.nearness)) >> 28;
            let cost = i64::from(bits >> 4) + RESIDUAL[0] + RESIDUAL[1] - near;
            cost.clamp(i32::MIN.into(), i32::MAX.into()) as i32
        };
        let costs = differences.into_iter().zip(&second).map(cost).collect();
        Doubts { nearest, second, costs }
    }

    /// Changes the nearest latents so that that of image i tells `grid(i)`; where that is `None`, it need not
    /// tell anything. A grid that no latent tells is told as none.
    pub fn choose(
        &self,
        doubts: &Doubts,
        grid: impl Fn(usize) -> Option<Option<Grid>>,
    ) -> Vec<i32> {
        let (mut z, m) = (doubts.nearest.clone(), self.transform.len());
        let each = z.chunks_exact_mut(m).zip(doubts.costs.chunks_exact(m));
        let each = each.zip(doubts.second.chunks_exact(m)).enumerate();
        for (i, ((z, costs), second)) in each {
            let Some(grid) = grid(i) else { continue };
            let grid = grid.filter(|grid| self.told.can_tell(*grid));
            let (parities, is_wanted) = (self.told.parities(), |s| self.told.is_told_by(s, grid));
            for j in parities.changes(parities.of(z), costs, is_wanted) {
                z[j] = second[j].value;
            }
        }
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
            let doubts = telling.doubts(&pixels, 784);
            let grid = |i: usize| match i {
                0 => Some(None),
                102 => None,
                i => Some(Some(Grid { side: i as u8 - 1, top: 3, left: 4 })),
            };
            let z = telling.choose(&doubts, grid);
            let m = model.latent_len();
            for (i, z) in z.chunks_exact(m).enumerate() {
                let nearest = &doubts.nearest[i * m..(i + 1) * m];
                let syndrome = telling.told.parities().of(z);
                match grid(i) {
                    Some(grid) => {
                        let grid = grid.filter(|grid| telling.told.can_tell(*grid));
                        assert!(telling.told.is_told_by(syndrome, grid), "{grid:?}");
                    }
                    None => assert_eq!(z, nearest),
                }
                let changed = z.iter().zip(nearest).filter(|(a, b)| a != b).count();
                assert!(changed < 30, "{changed} integers of image {i}");
            }
        }
        let wanted = usize::from(cfg!(feature = "model-mnist"));
        assert!(seen >= wanted, "{seen} embedded models with told sides");
    }
}
