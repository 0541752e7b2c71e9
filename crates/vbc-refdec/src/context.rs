//! What is known of an image part-way: window, counts, candidates (SPEC.md sections 6.2.1 to 6.2.4).

use std::collections::BTreeSet;

use crate::grid::Grid;

/// An image part-way: section 6.2.
pub(crate) struct Context<'a> {
    pub(crate) width: i64,
    pub(crate) height: i64,
    /// D and B of section 6.2.1.
    pub(crate) reach: (i64, i64),
    pub(crate) preview: &'a [u8],
    pub(crate) pixels: Vec<u8>,
    pub(crate) after: [Vec<u8>; 4],
    pub(crate) modes: [u8; 2],
    /// Of section 6.8.
    pub(crate) grid: Option<Grid>,
}

impl<'a> Context<'a> {
    pub(crate) fn new((width, height): (i64, i64), reach: (i64, i64), preview: &'a [u8]) -> Self {
        let after = [256, 256, 1024, 1024].map(|n| vec![0; n]);
        let (pixels, modes, grid) = (Vec::new(), [0; 2], None);
        Context { width, height, reach, preview, pixels, after, modes, grid }
    }

    pub(crate) fn place(&self, n: usize) -> (i64, i64) {
        (n as i64 % self.width, n as i64 / self.width)
    }

    /// Column and row of the pixel to be coded.
    pub(crate) fn here(&self) -> (i64, i64) {
        self.place(self.pixels.len())
    }

    fn look(&self, plane: &[u8], dy: i64, dx: i64) -> u8 {
        let (x, y) = self.place(self.pixels.len());
        let (x, y) = (x + dx, y + dy);
        let inside = (0..self.width).contains(&x) && (0..self.height).contains(&y);
        if inside { plane[(y * self.width + x) as usize] } else { 0 }
    }

    pub(crate) fn v(&self, (dy, dx): (i64, i64)) -> u8 {
        self.look(&self.pixels, dy, dx)
    }

    pub(crate) fn p(&self, (dy, dx): (i64, i64)) -> u8 {
        self.look(self.preview, dy, dx)
    }

    // 6.2.1
    pub(crate) fn above(&self, k: usize) -> u8 {
        self.v((-1 - k as i64 / 13, k as i64 % 13 - 6))
    }

    pub(crate) fn has_context(&self) -> bool {
        let (rows, columns) = self.reach;
        let beside = |i: i64| (-columns..=columns).any(|j| self.v((-i, j)) > 0);
        (1..=columns).any(|k| self.v((0, -k)) > 0) || (1..=rows).any(beside)
    }

    // 6.8.3
    /// Whether anything is coded of the pixel.
    pub(crate) fn is_coded(&self) -> bool {
        let (x, y) = self.here();
        self.grid.is_none_or(|grid| grid.has_cell(x, y))
    }

    // 6.2.2: pixels above 0 in the image (0), the column (1) or the row (2).
    pub(crate) fn coded(&self, which: usize) -> impl Iterator<Item = u8> {
        let (x, y) = self.place(self.pixels.len());
        let inside = move |&(n, &q): &(usize, &u8)| {
            let (px, py) = self.place(n);
            q > 0 && [true, px == x, py == y][which]
        };
        self.pixels.iter().enumerate().filter(inside).map(|(_, &q)| q)
    }

    pub(crate) fn count(&self, which: usize, value: u8) -> usize {
        self.coded(which).filter(|&q| q == value).count().min(255)
    }

    pub(crate) fn count_high(&self, which: usize, high: u8) -> usize {
        self.coded(which).filter(|&q| q >> 4 == high).count().min(255)
    }

    pub(crate) fn distinct(&self, high: u8) -> usize {
        self.coded(0).filter(|&q| q >> 4 == high).collect::<BTreeSet<u8>>().len()
    }

    // 6.2.3: of the column and of the row.
    pub(crate) fn saturated(&self) -> [u8; 2] {
        let (x, y) = self.place(self.pixels.len());
        let column = (1..=y).map(|d| self.v((-d, 0))).find(|&q| q >= 240);
        let row = (1..=x).map(|d| self.v((0, -d))).find(|&q| q >= 240);
        [column.unwrap_or(0), row.unwrap_or(0)]
    }

    // 6.2.4: whether and where in each of the four tables.
    fn corner(&self) -> [(bool, usize); 4] {
        let [west, north, east] = [(0, -1), (-1, 0), (-1, 1)].map(|o| usize::from(self.v(o)));
        let hash = |a: usize, b: usize| (67 * a + 7 * b) % 1024;
        [
            (west > 0, west),
            (north > 0, north),
            (west > 0 || north > 0, hash(west, north)),
            (north > 0 || east > 0, hash(north, east)),
        ]
    }

    pub(crate) fn candidates(&self) -> Vec<u8> {
        let after = self.after.iter().zip(self.corner()).map(|(table, (_, at))| table[at]);
        let modes = self.modes.iter().map(|&q| if self.count(0, q) > 1 { q } else { 0 });
        after.chain(modes).collect()
    }

    pub(crate) fn push(&mut self, q: u8) {
        if q == 0 {
            self.pixels.push(q);
            return;
        }
        for (table, (learns, at)) in self.corner().into_iter().enumerate() {
            if learns {
                self.after[table][at] = q;
            }
        }
        self.pixels.push(q);
        let [first, second] = self.modes;
        if q != first {
            if self.count(0, q) > self.count(0, first) {
                self.modes = [q, first];
            } else if q != second && self.count(0, q) > self.count(0, second) {
                self.modes[1] = q;
            }
        }
    }
}
