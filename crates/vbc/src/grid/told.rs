//! Sides of grids that latents tell, and what latents know of a grid's place (SPEC.md section 6.8.5).

use super::{BEFORE, Grid, SIDES};
use crate::entropy::Distribution;
use crate::error::Error;
use crate::latent::Parities;
use crate::nn::{Act, Linear, Pair};
use crate::pixel::Coder;

/// Distributions of the first row and the first column of the cells.
pub(crate) type Place = [Distribution<16>; 2];

/// What is told, and the network of places.
#[derive(Debug)]
pub(crate) struct Told {
    parities: Parities,
    /// `[syndrome]`: m less 19, or 0 for an image without a grid.
    sides: Vec<u8>,
    hidden: Linear,
    place: Linear,
}

impl Told {
    /// `columns` are as many as a latent of `latent_len` integers has.
    ///
    /// # Errors
    /// [`Error::Model`] where `sides` or `columns` are not as section 6.8.5 wants them, or the layers do not
    /// fit the latent.
    pub fn new(
        latent_len: usize,
        columns: &[u32],
        sides: Vec<u8>,
        [hidden, place]: [Linear; 2],
    ) -> Result<Self, Error> {
        let wrong = |name: &str, what: String| Err(Error::model(name, what));
        if columns.len() != latent_len {
            return wrong("told.columns", format!("{}, {latent_len} expected", columns.len()));
        }
        if let Some(side) = sides.iter().find(|&&side| usize::from(side) > SIDES) {
            return wrong("told.sides", format!("{side} is no side"));
        }
        if !sides.contains(&0) {
            return wrong("told.sides", "none stands for no grid".into());
        }
        if hidden.inputs() != latent_len
            || place.inputs() != hidden.outputs()
            || place.outputs() != 32
        {
            return wrong("told.place", "the layers' widths do not fit the latent".into());
        }
        let parities = Parities::new(columns, sides.len())
            .map_err(|what| Error::model("told.columns", what))?;
        Ok(Told { parities, sides, hidden, place })
    }

    /// Integers of a latent.
    pub fn latent_len(&self) -> usize {
        self.hidden.inputs()
    }

    /// Bytes of what an image takes while the grids of all images of a block are coded.
    pub fn bytes_per_image(&self) -> usize {
        let sums = self.hidden.weights().padded() + self.place.weights().padded();
        4 * sums + 2 * self.hidden.outputs().next_multiple_of(2) + size_of::<Place>()
    }

    pub fn parities(&self) -> &Parities {
        &self.parities
    }

    /// Whether a latent of syndrome `syndrome` tells the side of a grid, or that there is none.
    pub fn is_told_by(&self, syndrome: usize, grid: Option<Grid>) -> bool {
        self.sides.get(syndrome).copied() == Some(number(grid))
    }

    /// Whether there is a latent that tells the side of this grid.
    pub fn can_tell(&self, grid: Grid) -> bool {
        self.sides.contains(&number(Some(grid)))
    }

    /// What latents say of the places of their images' grids; `inputs` are the latents as the prior's inputs.
    pub fn places(&self, inputs: &[Pair]) -> Vec<Place> {
        let (mut acc, mut units) = (Vec::new(), Vec::new());
        self.hidden.forward(Act::Relu, inputs, &mut acc, &mut units);
        self.place.sums(units.as_chunks().0, &mut acc);
        let logits = |acc: &[i32], first: usize| {
            Distribution::new(&std::array::from_fn(|t| self.place.output(acc, first + t)))
        };
        let rows = acc.chunks_exact(self.place.weights().padded().max(1));
        rows.map(|acc| [logits(acc, 0), logits(acc, 16)]).collect()
    }

    /// Codes the grid of an image with this latent; a decoder's `known` means nothing.
    pub fn code<C: Coder>(
        &self,
        z: &[i32],
        place: &Place,
        coder: &mut C,
        known: Option<Grid>,
    ) -> Option<Grid> {
        let number = self.sides[self.parities.of(z) % self.sides.len()];
        let side = number.checked_sub(1)?;
        let known = known.map_or([0; 2], |g| [g.top, g.left]);
        let [top, left] = [0, 1].map(|i| {
            let at = ((i32::from(known[i]) + BEFORE) & 15) as usize;
            (coder.symbol(&place[i], at) as i32 - BEFORE) as i8
        });
        Some(Grid { side, top, left })
    }
}

/// What stands for a side in a model.
fn number(grid: Option<Grid>) -> u8 {
    grid.map_or(0, |grid| grid.side + 1)
}
