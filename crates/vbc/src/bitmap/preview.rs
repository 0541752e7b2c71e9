//! x̂ on a scan's own grid, for images with a latent (SPEC.md section 6.7).

use crate::scan::{IMAGE, MAX_SIDE, PIXELS};

/// Degrees of grey.
pub(crate) const GREYS: u32 = 16;

/// Points of x̂ that a pixel is told.
pub(super) const POINTS: usize = 13;

/// How many values all of them together can take.
pub(super) const POINTS_LEN: u32 = POINTS as u32 * GREYS;

/// Rows down and columns to the right from the pixel to each point, in steps.
const OFFSETS: [[i32; 2]; POINTS] = [
    [0, 0],
    [-1, 0],
    [0, -1],
    [0, 1],
    [1, 0],
    [-1, -1],
    [-1, 1],
    [1, -1],
    [1, 1],
    [-2, 0],
    [0, -2],
    [0, 2],
    [2, 0],
];

/// x̂ is ink from here on, where its outline is looked for.
const INK: u8 = 64;

/// A step is the twentieth part of a side, the size of a pixel of the image.
const PARTS: usize = 20;

/// The farthest point.
const BEYOND: usize = 2 * ((MAX_SIDE + PARTS / 2) / PARTS);

/// Greys of x̂ at a scan's pixels, with a border of white.
#[derive(Clone, Debug)]
pub(super) struct Preview {
    /// `[row][column]`, each below [`GREYS`].
    greys: Vec<u8>,
    width: usize,
    /// From a pixel's own place in `greys` to those of its points, from the upper left corner on.
    places: [usize; POINTS],
}

/// First and last line of which `is_ink` says that it has ink, added up, and one: twice the middle. That
/// of the image where there is none.
fn middle(is_ink: impl Fn(usize) -> bool) -> i32 {
    let first = (0..IMAGE).find(|&k| is_ink(k));
    let last = (0..IMAGE).rfind(|&k| is_ink(k));
    first.zip(last).map_or(IMAGE, |(first, last)| first + last + 1) as i32
}

impl Preview {
    /// Bytes that one takes at most.
    pub fn bytes() -> usize {
        (MAX_SIDE + 2 * BEYOND).pow(2)
    }

    /// x̂ for a scan of `side` rows, its middle laid on that of x̂'s ink.
    pub fn new(x_hat: &[u8; PIXELS], side: usize) -> Self {
        let row_has = |y: usize| x_hat[y * IMAGE..][..IMAGE].iter().any(|&p| p >= INK);
        let column_has = |x: usize| x_hat[x..].iter().step_by(IMAGE).any(|&p| p >= INK);
        let at = |y: i32, x: i32| {
            let inside = |k: i32| usize::try_from(k).ok().filter(|&k| k < IMAGE);
            let place = inside(y).zip(inside(x)).map(|(y, x)| y * IMAGE + x);
            place.map_or(0, |p| i32::from(x_hat[p]))
        };
        // Where the centre of the scan's line k is, from the centre of the image's first, in 1/256.
        let line = |middle: i32, k: usize| {
            let along = (256 * PARTS * (2 * k + 1) / (2 * side)) as i32;
            let p = 128 * middle - 256 * PARTS as i32 / 2 - 128 + along;
            (p >> 8, p & 255)
        };
        let columns: Vec<(i32, i32)> = {
            let middle = middle(column_has);
            (0..side).map(|k| line(middle, k)).collect()
        };
        let width = side + 2 * BEYOND;
        let mut greys = vec![0; width * width];
        let middle = middle(row_has);
        for y in 0..side {
            let (row, fy) = line(middle, y);
            let to = &mut greys[(y + BEYOND) * width + BEYOND..][..side];
            for (to, &(column, fx)) in to.iter_mut().zip(&columns) {
                let across = |row: i32| (256 - fx) * at(row, column) + fx * at(row, column + 1);
                let grey = (256 - fy) * across(row) + fy * across(row + 1);
                *to = (grey >> 20) as u8;
            }
        }
        let step = ((side + PARTS / 2) / PARTS) as i32;
        let places = OFFSETS.map(|[dy, dx]| {
            let (y, x) = (BEYOND as i32 + dy * step, BEYOND as i32 + dx * step);
            y as usize * width + x as usize
        });
        Preview { greys, width, places }
    }

    /// The grey at a pixel.
    #[inline(always)]
    pub fn grey(&self, y: usize, x: usize) -> usize {
        usize::from(self.greys[y * self.width + x + self.places[0]])
    }

    /// The points of a pixel, each behind those before it.
    #[inline(always)]
    pub fn points(&self, y: usize, x: usize) -> [u32; POINTS] {
        let first = y * self.width + x;
        let mut base = 0;
        self.places.map(|place| {
            let number = base + u32::from(self.greys[first + place]);
            base += GREYS;
            number
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::MIN_SIDE;

    #[test]
    fn x_hat_is_laid_over_the_scan() {
        // A bar of 4 × 20 pixels, wherever it is, is in the middle of the scan.
        for [top, left] in [[4, 12], [0, 0], [8, 24]] {
            let x_hat: [u8; PIXELS] = std::array::from_fn(|p| {
                let (y, x) = (p / IMAGE, p % IMAGE);
                let inside = (top..top + 20).contains(&y) && (left..left + 4).contains(&x);
                if inside { 255 } else { 0 }
            });
            for side in [MIN_SIDE, 40, 97, MAX_SIDE] {
                let preview = Preview::new(&x_hat, side);
                let middle = side / 2;
                assert_eq!(preview.grey(middle, middle), 15);
                assert_eq!(preview.grey(middle, middle - side / 5), 0);
                assert_eq!(preview.points(middle, 0), std::array::from_fn(|k| k as u32 * GREYS));
                let points = preview.points(middle, middle);
                assert!([0, 1, 4, 9, 12].iter().all(|&k| points[k] == k as u32 * GREYS + 15));
                assert!([10, 11].iter().any(|&k| points[k] < k as u32 * GREYS + 15));
            }
        }
        let preview = Preview::new(&[0; PIXELS], 50);
        assert_eq!(preview.points(49, 49), std::array::from_fn(|k| k as u32 * GREYS));
        assert_eq!(Preview::new(&[255; PIXELS], 50).grey(25, 25), 15);
    }
}
