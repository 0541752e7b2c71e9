//! What is known of a scan while it is coded.

use super::places::{Place, places};
use super::preview::{POINTS, Preview};
use super::runs::LONGEST;
use super::window::{Above, NEAR_LEFT};
use crate::scan::{MAX_SIDE, PIXELS, Scan};

/// Columns of white that every row has to its left here.
pub(super) const LEFT: u32 = 8;
const _: () = assert!(MAX_SIDE + LEFT as usize == 128);

/// The rows so far, and what follows from them.
#[derive(Clone, Debug)]
pub(crate) struct History {
    side: usize,
    places: &'static [Place],
    /// The current row.
    y: usize,
    /// The rows, the current one last, each [`LEFT`] bits to the left, behind [`ABOVE`] white ones.
    rows: Vec<u128>,
    /// For each column, above the current row: the length of the run of one colour that ends there,
    /// and that of the one before.
    up: Vec<[u8; 2]>,
    /// Black pixels above the current row.
    black: u32,
    /// Black pixels above the current row with a white one to the left, and those with one above.
    edges: u32,
    /// What the rows above have near each column.
    above: Above,
    /// What x̂ shows, for images with a latent.
    preview: Option<Preview>,
}

/// White rows that lie above the scan.
const ABOVE: usize = 8;

impl History {
    /// Of a scan of `side` × `side` pixels of which none is known, of an image that may have an x̂.
    pub fn new(side: usize, x_hat: Option<&[u8; PIXELS]>) -> Self {
        History {
            side,
            places: places(side),
            y: 0,
            rows: vec![0; ABOVE + 1],
            up: vec![[LONGEST as u8, 0]; side],
            black: 0,
            edges: 0,
            above: Above::default(),
            preview: x_hat.map(|x_hat| Preview::new(x_hat, side)),
        }
    }

    /// Bytes that a scan takes at most.
    pub fn bytes() -> usize {
        Preview::bytes()
            + size_of::<Self>()
            + (ABOVE + MAX_SIDE) * size_of::<u128>()
            + MAX_SIDE * size_of::<[u8; 2]>()
    }

    pub fn side(&self) -> usize {
        self.side
    }

    /// The current row's place, and column `x`'s.
    #[inline(always)]
    pub(super) fn places(&self, x: usize) -> [Place; 2] {
        [self.places[self.y], self.places[x]]
    }

    pub fn y(&self) -> usize {
        self.y
    }

    /// Black pixels above the current row, and how often black follows white there, to the right and
    /// downwards.
    pub fn totals(&self) -> [u32; 2] {
        [self.black, self.edges]
    }

    /// The row `up` ≤ 8 rows above the current one; bit c + [`LEFT`] is column c.
    #[inline(always)]
    pub fn row(&self, up: usize) -> u128 {
        self.rows[self.rows.len() - 1 - up]
    }

    /// The one colour of all pixels near column `x`, if there is one.
    #[inline(always)]
    pub fn near(&self, x: usize) -> Option<bool> {
        let left = self.row(0) >> (x + LEFT as usize - NEAR_LEFT) & ((1 << NEAR_LEFT) - 1);
        let above = |bits: u128| bits >> (x + LEFT as usize) & 1 == 1;
        if left == 0 && !above(self.above.any) {
            Some(false)
        } else if left == (1 << NEAR_LEFT) - 1 && above(self.above.all) {
            Some(true)
        } else {
            None
        }
    }

    /// Whether three of the rows above have black within 14 columns of column `x`.
    #[inline(always)]
    pub fn has_black_above(&self, x: usize) -> bool {
        self.above.wide >> (x + LEFT as usize) & 1 == 1
    }

    /// The runs upwards from the pixel above column `x`.
    #[inline(always)]
    pub fn up(&self, x: usize) -> [u32; 2] {
        self.up[x].map(u32::from)
    }

    /// What x̂ shows of the points of column `x`, each behind those before it.
    #[inline(always)]
    pub fn points(&self, x: usize) -> Option<[u32; POINTS]> {
        self.preview.as_ref().map(|preview| preview.points(self.y, x))
    }

    /// The grey that x̂ has at column `x`; 0 without one.
    #[inline(always)]
    pub fn grey(&self, x: usize) -> usize {
        self.preview.as_ref().map_or(0, |preview| preview.grey(self.y, x))
    }

    /// Whether any pixel so far is black.
    pub fn has_black(&self) -> bool {
        self.black > 0 || self.row(0) != 0
    }

    /// Takes in the pixel of column `x` of the current row, if it is black.
    #[inline(always)]
    pub fn add(&mut self, x: usize) {
        if let Some(row) = self.rows.last_mut() {
            *row |= 1 << (x + LEFT as usize);
        }
    }

    /// Goes on to the next row.
    pub fn end_row(&mut self) {
        let (row, above) = (self.row(0), self.row(1));
        self.black += row.count_ones();
        self.edges += (row & !(row << 1)).count_ones() + (row & !above).count_ones();
        for (x, up) in self.up.iter_mut().enumerate() {
            let bit = |row: u128| (row >> (x + LEFT as usize) & 1) as u8;
            *up = if bit(row) == bit(above) {
                [(up[0] + 1).min(LONGEST as u8), up[1]]
            } else {
                [1, up[0]]
            };
        }
        self.rows.push(0);
        self.y += 1;
        self.above = Above::new(|up| self.row(up));
    }

    /// The scan, once all its rows are known.
    pub fn scan(&self) -> Option<Scan> {
        let rows = self.rows.get(ABOVE..ABOVE + self.side)?;
        Scan::new(rows.iter().map(|row| row >> LEFT).collect())
    }
}
