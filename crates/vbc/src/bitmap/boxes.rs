//! How dark boxes above the pixel are: forty of them, whose size goes with the scan's.

/// Boxes of a row of boxes: from four to the left to the fourth from the pixel on.
const ACROSS: usize = 8;

/// Rows of boxes, upwards.
const ROWS: usize = 5;

/// Numbers that the boxes give.
pub(super) const BOXES: usize = ACROSS * ROWS;

/// Degrees of darkness: ⌊16 · black pixels / pixels⌋.
const LEVELS: u32 = 17;

/// How many values all of them together can take.
pub(super) const BOXES_LEN: u32 = BOXES as u32 * LEVELS;

/// Boxes are a twelfth of the scan's side long.
const PARTS: i32 = 12;

/// Columns beyond either side that boxes reach.
const BEYOND: usize = crate::scan::MAX_SIDE / 3;

/// Pixels of the largest box.
const LARGEST: usize = (crate::scan::MAX_SIDE / PARTS as usize).pow(2);

const WIDE: usize = crate::scan::MAX_SIDE + 2 * BEYOND + 1;

/// The boxes above a row of a scan.
#[derive(Clone, Debug)]
pub(super) struct Boxes {
    /// Rows from the pixel's upwards at which boxes begin and end.
    heights: [usize; ROWS + 1],
    /// Columns from the pixel's on at which they do, and [`BEYOND`].
    edges: [usize; ACROSS + 1],
    /// For each row of boxes: black pixels left of each column.
    sums: [[u16; WIDE]; ROWS],
    /// Which of the four kinds of box each is.
    kinds: [[u8; ACROSS]; ROWS],
    /// The degree of darkness of a box of each kind with that many black pixels.
    levels: [[u8; LARGEST + 1]; 4],
}

impl Boxes {
    /// For a scan of `side` rows, before its first row.
    pub fn new(side: usize) -> Self {
        let side = side as i32;
        let part = |k: i32| (k * side).div_euclid(PARTS);
        let heights = std::array::from_fn(|k| part(k as i32) as usize);
        let edges: [usize; ACROSS + 1] =
            std::array::from_fn(|k| (part(k as i32 - ACROSS as i32 / 2) + BEYOND as i32) as usize);
        let small = (side / PARTS).max(1) as usize;
        let kinds = std::array::from_fn(|row| {
            std::array::from_fn(|k| {
                let tall = heights[row + 1] - heights[row] > small;
                let wide = edges[k + 1] - edges[k] > small;
                u8::from(tall) * 2 + u8::from(wide)
            })
        });
        let levels = std::array::from_fn(|kind| {
            let area = (small + kind / 2) * (small + kind % 2);
            std::array::from_fn(|black| (16 * black / area).min(LEVELS as usize - 1) as u8)
        });
        Boxes { heights, edges, sums: [[0; WIDE]; ROWS], kinds, levels }
    }

    /// Brings the sums to row `y`; `blacks(y)` are the black pixels of each column above row y.
    pub fn start_row<'a>(&mut self, y: usize, blacks: impl Fn(usize) -> &'a [u8]) {
        for (row, sums) in self.sums.iter_mut().enumerate() {
            let low = blacks(y.saturating_sub(self.heights[row]));
            let high = blacks(y.saturating_sub(self.heights[row + 1]));
            let mut sum = 0;
            let inside = sums[BEYOND + 1..].iter_mut();
            for (to, (low, high)) in inside.zip(low.iter().zip(high)) {
                sum += u16::from(low - high);
                *to = sum;
            }
            sums[BEYOND + 1 + low.len()..].fill(sum);
        }
    }

    /// The boxes' numbers for column `x`, each behind those before it.
    #[inline(always)]
    pub fn levels(&self, x: usize) -> [u32; BOXES] {
        let mut numbers = [0; BOXES];
        let mut base = 0;
        let rows = numbers.chunks_exact_mut(ACROSS).zip(&self.sums).zip(&self.kinds);
        for ((numbers, sums), kinds) in rows {
            let mut left = sums[x + self.edges[0]];
            for ((number, &edge), &kind) in numbers.iter_mut().zip(&self.edges[1..]).zip(kinds) {
                let right = sums[x + edge];
                let levels = &self.levels[usize::from(kind)];
                *number = base + u32::from(levels[usize::from(right - left).min(LARGEST)]);
                base += LEVELS;
                left = right;
            }
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::{MAX_SIDE, MIN_SIDE};

    #[test]
    fn boxes_count_what_is_in_them() {
        for side in [MIN_SIDE, 31, 47, 96, MAX_SIDE] {
            let black = |y: i32, x: i32| {
                let inside = (0..side as i32).contains(&x) && y >= 0;
                inside && (x * 7 + y * 5 + x * y) % 3 == 0
            };
            let mut above = vec![vec![0u8; side]];
            for y in 0..side {
                let row = |x: usize| above[y][x] + u8::from(black(y as i32, x as i32));
                above.push((0..side).map(row).collect());
            }
            let part = |k: i32| (f64::from(k) * side as f64 / 12.0).floor() as i32;
            let mut boxes = Boxes::new(side);
            for y in [0, 1, 7, side / 2, side - 1] {
                boxes.start_row(y, |y| &above[y]);
                for x in [0, 3, side / 2, side - 1] {
                    let (y, x, numbers) = (y as i32, x as i32, boxes.levels(x));
                    for (k, &number) in numbers.iter().enumerate() {
                        let (up, over) = (k as i32 / 8, k as i32 % 8 - 4);
                        let rows = y - part(up + 1)..y - part(up);
                        let columns = x + part(over)..x + part(over + 1);
                        let area = rows.len() * columns.len();
                        let count = rows
                            .flat_map(|y| columns.clone().map(move |x| (y, x)))
                            .filter(|&(y, x)| black(y, x))
                            .count();
                        assert_eq!(
                            number,
                            k as u32 * LEVELS + (16 * count / area) as u32,
                            "{side} {y} {x} {k}"
                        );
                    }
                }
            }
        }
    }
}
