//! How the grids of images are coded, before their pixels.

use super::{Grid, Grids, Placed, Symbols, Told};
use crate::nn::Pair;
use crate::pixel::Coder;

/// What says which grid an image has.
#[derive(Debug)]
pub(crate) enum Naming {
    /// Symbols alone.
    Coded(Symbols),
    /// The latent has the side, and helps with the place.
    Told(Told),
}

impl Naming {
    /// Codes the grids of images, that of image i with coder `lanes[i]`. `z` are their latents, and `inputs` the
    /// same as the prior's inputs. A decoder's `known` means nothing.
    pub fn code<C: Coder>(
        &self,
        grids: &Grids,
        (z, inputs): (&[i32], &[Pair]),
        (lanes, coders): (&[usize], &mut [C]),
        known: impl Fn(usize) -> Option<Grid>,
    ) -> Vec<Option<Placed>> {
        let placed = |grid: Option<Grid>| grid.map(|grid| Placed::new(grids, grid));
        let lanes = lanes.iter().enumerate();
        match self {
            Naming::Coded(symbols) => {
                lanes.map(|(i, &lane)| placed(symbols.code(&mut coders[lane], known(i)))).collect()
            }
            Naming::Told(told) => {
                let places = told.places(inputs);
                let each = lanes.zip(z.chunks_exact(told.latent_len())).zip(&places);
                each.map(|(((i, &lane), z), place)| {
                    placed(told.code(z, place, &mut coders[lane], known(i)))
                })
                .collect()
            }
        }
    }

    /// What latents tell of grids, if they do.
    pub fn told(&self) -> Option<&Told> {
        match self {
            Naming::Told(told) => Some(told),
            Naming::Coded(_) => None,
        }
    }
}
