//! How the grid of an image is coded, before its pixels (SPEC.md section 6.8.3).

use super::{BEFORE, Grid, SIDES};
use crate::entropy::Distribution;
use crate::error::Error;
use crate::pixel::Coder;

/// Logits of the symbols.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logits {
    /// `[16]` and `[16][16]`: nibbles of m less 19, or of 0 for an image without a grid.
    pub side_high: Vec<i16>,
    pub side_low: Vec<i16>,
    /// `[16]`: the first row.
    pub top: Vec<i16>,
    /// `[16][16]`: the first column after the first row.
    pub left: Vec<i16>,
}

/// The symbols' distributions.
#[derive(Debug)]
pub(crate) struct Symbols {
    side_high: Distribution<16>,
    side_low: Vec<Distribution<16>>,
    top: Distribution<16>,
    left: Vec<Distribution<16>>,
}

impl Symbols {
    /// # Errors
    /// [`Error::Model`] where there are not as many logits as there should be.
    pub fn new(logits: &Logits) -> Result<Self, Error> {
        let some = |name: &str, logits: &[i16], rows: usize| {
            if logits.len() != 16 * rows {
                let what = format!("{} logits, {} expected", logits.len(), 16 * rows);
                return Err(Error::model(name, what));
            }
            let rows = logits.as_chunks::<16>().0.iter();
            Ok(rows.map(|row| Distribution::new(&row.map(i32::from))).collect::<Vec<_>>())
        };
        let one = |name: &str, logits: &[i16]| {
            let mut rows = some(name, logits, 1)?;
            rows.pop().ok_or_else(|| Error::model(name, "no logits"))
        };
        Ok(Symbols {
            side_high: one("grid.side.high", &logits.side_high)?,
            side_low: some("grid.side.low", &logits.side_low, 16)?,
            top: one("grid.top", &logits.top)?,
            left: some("grid.left", &logits.left, 16)?,
        })
    }

    /// Codes the grid of an image; a decoder's `known` means nothing.
    pub fn code<C: Coder>(&self, coder: &mut C, known: Option<Grid>) -> Option<Grid> {
        let side = known.map_or(0, |g| usize::from(g.side) + 1);
        let high = coder.symbol(&self.side_high, side >> 4);
        let low = coder.symbol(&self.side_low[high % 16], side & 15);
        let side = high << 4 | low;
        if side > SIDES {
            coder.refuse();
        }
        let side = side.checked_sub(1)?.min(SIDES - 1) as u8;
        let place = |first: i8| ((i32::from(first) + BEFORE) & 15) as usize;
        let top = coder.symbol(&self.top, known.map_or(0, |g| place(g.top)));
        let left = coder.symbol(&self.left[top % 16], known.map_or(0, |g| place(g.left)));
        let [top, left] = [top, left].map(|at| (at as i32 - BEFORE) as i8);
        Some(Grid { side, top, left })
    }
}
