//! Plain pixels and their contexts (SPEC.md section 6.7.1).

use crate::scan::bitmap::Bitmap;

/// Rows and columns of the 34 pixels: dy, the first dx, the last dx.
const AROUND: [(i64, i64, i64); 5] =
    [(0, -4, -1), (-1, -4, 4), (-2, -4, 4), (-3, -3, 3), (-4, -2, 2)];

impl Bitmap {
    /// The colour v where the pixel is plain.
    pub(crate) fn plain(&self) -> Option<u8> {
        let around = AROUND.iter().flat_map(|&(dy, from, to)| (from..=to).map(move |dx| (dy, dx)));
        let v = self.b(0, -1);
        around.into_iter().all(|(dy, dx)| self.b(dy, dx) == v).then_some(v)
    }

    /// k, the place in `scan.plain`.
    pub(crate) fn plain_place(&self, v: u8) -> usize {
        let ((x, y), m) = (self.place(), self.side);
        let any = i64::from(self.pixels.contains(&1));
        let h = if y < 3 { y } else { 3 + 8 * y / m };
        let w = if x >= m - 2 { 8 } else { 8 * x / m };
        let s = ((m - 20) / 12).min(3);
        let n = if v == 1 { i64::from(x > m / 2) } else { self.near() + 2 * self.row() };
        let k = ((((2 * i64::from(v) + any) * 11 + h) * 9 + w) * 4 + s) * 4 + n;
        k as usize
    }

    fn near(&self) -> i64 {
        let above = |dy: i64| (-14..=14).any(|j| self.b(dy, j) == 1);
        let near = [-1, -3, -6].into_iter().any(above) || (-15..=-1).any(|j| self.b(0, j) == 1);
        i64::from(near)
    }

    fn row(&self) -> i64 {
        let (x, _) = self.place();
        i64::from((1..=x).any(|d| self.b(0, -d) == 1))
    }
}
