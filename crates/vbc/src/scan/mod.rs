//! MNIST from its source: every digit is a black-and-white scan put through a fixed float32 recipe.
//! Here that is done in integers, bit for bit, and undone by search.

mod anneal;
mod candidates;
mod chance;
mod flips;
mod look;
mod penalty;
mod place;
mod prior;
mod probe;
mod puzzle;
mod random;
#[cfg(feature = "training")]
mod record;
mod render;
mod repair;
mod round;
mod solve;
mod spans;
mod window;

#[cfg(feature = "training")]
use crate::grid::{BEFORE, Grid};
#[cfg(feature = "training")]
pub use prior::learn as learn_costs;
#[cfg(feature = "training")]
pub use probe::may_be_scan;
#[cfg(feature = "training")]
pub use record::Record;
pub use solve::{Effort, Solved, solve};

/// Where the cells of a picture may begin: row and column of the image.
pub(crate) fn places(pixels: &[u8; PIXELS]) -> Vec<[i32; 2]> {
    probe::places(pixels, false)
}

/// The weights with which the rows of a scan of `side` × `side` fall on each line of cells, in order.
#[cfg(feature = "training")]
pub(crate) fn line_weights(side: usize) -> [Vec<u32>; BOX] {
    let mut lines = [const { Vec::new() }; BOX];
    for (line, weight) in spans::spans(side).iter().flat_map(|span| span.cells()) {
        lines[line].push(weight);
    }
    lines
}

/// Rows and columns of an image.
pub const IMAGE: usize = 28;
/// Pixels of an image.
pub const PIXELS: usize = IMAGE * IMAGE;
/// Rows and columns of the box of cells that a scan is scaled to.
pub(crate) const BOX: usize = 20;
/// Cells of that box.
const CELLS: usize = BOX * BOX;
/// The smallest scan: the recipe does something else below.
pub const MIN_SIDE: usize = 20;
/// The largest scan.
pub const MAX_SIDE: usize = 120;

/// A black-and-white bitmap of `side` × `side` pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    rows: Vec<u128>,
}

impl Scan {
    /// A scan of as many rows as columns; bit c of a row is the pixel of column c, 1 for ink. `None`
    /// unless there are [`MIN_SIDE`]..=[`MAX_SIDE`] rows without a bit beyond the last column.
    pub fn new(rows: Vec<u128>) -> Option<Self> {
        let side = rows.len();
        let fits = (MIN_SIDE..=MAX_SIDE).contains(&side) && rows.iter().all(|r| r >> side == 0);
        fits.then_some(Scan { rows })
    }

    /// Rows, and columns.
    pub fn side(&self) -> usize {
        self.rows.len()
    }

    /// The rows from the top; bit c is the pixel of column c.
    pub fn rows(&self) -> &[u128] {
        &self.rows
    }

    /// The grid of cells that the recipe lays on the image; `None` where it makes no ink, or the grid is
    /// not a place of [`Grid`].
    #[cfg(feature = "training")]
    pub fn grid(&self) -> Option<Grid> {
        let greys = render::greys(&render::ink(self.side(), &self.rows));
        let [top, left] = place::offset(&greys)?;
        let side = u8::try_from(self.side() - MIN_SIDE).ok()?;
        let fits = [top, left].iter().all(|at| (-BEFORE..16 - BEFORE).contains(at));
        fits.then_some(Grid { side, top: top as i8, left: left as i8 })
    }

    /// The image of 28 × 28 greys that the recipe makes of it.
    pub fn render(&self) -> [u8; PIXELS] {
        place::place(&render::greys(&render::ink(self.side(), &self.rows)))
    }
}
