//! MNIST from its source: every digit is a black-and-white scan put through a fixed float32 recipe.
//! Here that is done in integers, bit for bit, and undone by search.

mod anneal;
mod candidates;
mod chance;
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
pub use prior::learn as learn_costs;
#[cfg(any(test, feature = "training"))]
pub use probe::may_be_scan;
#[cfg(feature = "training")]
pub use record::Record;
pub use solve::{Effort, Solved, solve};

/// Rows and columns of an image.
pub const IMAGE: usize = 28;
/// Pixels of an image.
pub const PIXELS: usize = IMAGE * IMAGE;
/// Rows and columns of the box of cells that a scan is scaled to.
const BOX: usize = 20;
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

    /// The image of 28 × 28 greys that the recipe makes of it.
    pub fn render(&self) -> [u8; PIXELS] {
        place::place(&render::greys(&render::ink(self.side(), &self.rows)))
    }
}
