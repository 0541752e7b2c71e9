//! A scan part-way: the bitmap and what is seen of it from a pixel (SPEC.md section 6.7).

pub(crate) struct Bitmap {
    pub(crate) side: i64,
    /// White is 0, black 1.
    pub(crate) pixels: Vec<u8>,
    /// B and E of section 6.7.2.
    pub(crate) counts: (i64, i64),
    /// The greys of section 6.7.3; empty in a model without a latent.
    pub(crate) grid: Vec<u8>,
}

impl Bitmap {
    pub(crate) fn new(side: i64, grid: Vec<u8>) -> Self {
        Bitmap { side, pixels: Vec::new(), counts: (0, 0), grid }
    }

    /// Column and row of the pixel to be coded.
    pub(crate) fn place(&self) -> (i64, i64) {
        let n = self.pixels.len() as i64;
        (n % self.side, n / self.side)
    }

    /// The element of a plane of the scan's size at row y + dy, column x + dx; 0 outside the scan.
    fn look(&self, plane: &[u8], dy: i64, dx: i64) -> u8 {
        let (x, y) = self.place();
        let (x, y) = (x + dx, y + dy);
        let inside = (0..self.side).contains(&x) && (0..self.side).contains(&y);
        if inside { plane[(y * self.side + x) as usize] } else { 0 }
    }

    pub(crate) fn b(&self, dy: i64, dx: i64) -> u8 {
        self.look(&self.pixels, dy, dx)
    }

    // 6.7.3
    pub(crate) fn g(&self, a: i64, b: i64) -> u8 {
        let d = (self.side + 10) / 20;
        self.look(&self.grid, a * d, b * d)
    }

    pub(crate) fn push(&mut self, pixel: u8) {
        self.pixels.push(pixel);
        let (x, y) = self.place();
        if x == 0 {
            self.counts = self.count(y);
        }
    }

    /// B and E of the rows above row y.
    fn count(&self, y: i64) -> (i64, i64) {
        let m = self.side;
        let black = |x: i64, y: i64| x >= 0 && y >= 0 && self.pixels[(y * m + x) as usize] == 1;
        let (mut count, mut edges) = (0, 0);
        for (x, y) in (0..y * m).map(|n| (n % m, n / m)).filter(|&(x, y)| black(x, y)) {
            count += 1;
            edges += i64::from(!black(x - 1, y)) + i64::from(!black(x, y - 1));
        }
        (count, edges)
    }
}
