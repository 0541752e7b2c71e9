//! The pixels around the one to be coded, in groups of few enough to number their patterns.

use super::history::History;

/// A group: pixels of two rows, or of the current one.
struct Group {
    /// Rows above; 0 is the current row.
    up: usize,
    /// First column, against the pixel's.
    from: i32,
    /// Columns.
    len: u32,
    /// Rows, from `up` upwards.
    rows: u32,
}

const fn pair(up: usize, from: i32) -> Group {
    Group { up, from, len: 4, rows: 2 }
}

/// Groups of eight pixels each.
const GROUPS: [Group; 14] = [
    Group { up: 0, from: -8, len: 8, rows: 1 },
    pair(1, -7),
    pair(1, -3),
    pair(1, 1),
    pair(1, 5),
    pair(3, -7),
    pair(3, -3),
    pair(3, 1),
    pair(3, 5),
    pair(5, -6),
    pair(5, -2),
    pair(5, 2),
    pair(7, -4),
    pair(7, 0),
];

/// The 13 nearest pixels, once more as one.
const NEAREST: [Group; 3] = [
    Group { up: 0, from: -3, len: 3, rows: 1 },
    Group { up: 1, from: -2, len: 5, rows: 1 },
    Group { up: 2, from: -2, len: 5, rows: 1 },
];

/// Numbers that the window gives.
pub(super) const WINDOW: usize = GROUPS.len() + 1;

/// Patterns of a group.
const PATTERNS: u32 = 1 << 8;

/// How many values all numbers together can take.
pub(super) const WINDOW_LEN: u32 = GROUPS.len() as u32 * PATTERNS + (1 << 13);

/// Values of the numbers of groups.
#[cfg(feature = "training")]
pub(crate) const PATTERN_INPUTS: usize = GROUPS.len() * PATTERNS as usize;

/// Rows that the window reaches up.
const ROWS: usize = 8;

/// Columns left of the pixel in a row of the window as [`around`] has it.
const LEFT: i32 = 8;

/// What is near a pixel: of each row the columns from 8 to the left, the current row first.
pub(super) type Around = [u32; ROWS + 1];

/// The rows around the pixel of column `x`.
#[inline(always)]
pub(super) fn around(history: &History, x: usize) -> Around {
    std::array::from_fn(|up| (history.row(up) >> x) as u32)
}

impl Group {
    #[inline(always)]
    fn pattern(&self, around: &Around) -> u32 {
        let mut pattern = 0;
        for row in 0..self.rows {
            let bits = around[self.up + row as usize] >> (self.from + LEFT);
            pattern |= (bits & ((1 << self.len) - 1)) << (row * self.len);
        }
        pattern
    }
}

/// The window's numbers, each behind those before it.
#[inline(always)]
pub(super) fn patterns(around: &Around) -> [u32; WINDOW] {
    let mut numbers = [0; WINDOW];
    for ((number, group), base) in numbers.iter_mut().zip(&GROUPS).zip(0..) {
        *number = base * PATTERNS + group.pattern(around);
    }
    let mut nearest = 0;
    let mut shift = 0;
    for group in &NEAREST {
        nearest |= group.pattern(around) << shift;
        shift += group.len;
    }
    numbers[GROUPS.len()] = GROUPS.len() as u32 * PATTERNS + nearest;
    numbers
}

/// Pixels to the left that count as near.
pub(super) const NEAR_LEFT: usize = 4;

/// Columns to each side that count as near in the four rows above, upwards: with those to the left a disc
/// of radius 4½ round the pixel.
const NEAR: [u32; 4] = [4, 4, 3, 2];

/// Rows above in which black is looked for farther to the sides.
const WIDE: [usize; 3] = [1, 3, 6];

/// What the rows above a row have near each of its columns, a bit a column.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Above {
    /// Near, there is black.
    pub any: u128,
    /// Near, all is black.
    pub all: u128,
    /// There is black in one of three rows, at most 14 columns away.
    pub wide: u128,
}

impl Above {
    /// `row(up)` is the row that many rows above.
    pub fn new(row: impl Fn(usize) -> u128) -> Self {
        let (mut any, mut all) = (0, u128::MAX);
        for (&side, up) in NEAR.iter().zip(1..) {
            let row = row(up);
            any |= row;
            all &= row;
            for k in 1..=side {
                any |= row << k | row >> k;
                all &= row << k & (row >> k);
            }
        }
        let black = WIDE.iter().fold(0, |black, &up| black | row(up));
        let (mut left, mut right) = (black, black);
        // Together 14 columns.
        for k in [1, 2, 4, 7] {
            left |= left << k;
            right |= right >> k;
        }
        Above { any, all, wide: left | right }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::MAX_SIDE;

    #[test]
    fn every_pixel_of_a_group_counts_for_one_bit() {
        let mut seen = 0u32;
        for up in 0..=8usize {
            for dx in -8..=8i32 {
                if up == 0 && dx >= 0 {
                    continue;
                }
                let mut around: Around = [0; 9];
                around[up] = 1 << (dx + LEFT);
                let bits: Vec<u32> = patterns(&around)[..GROUPS.len()]
                    .iter()
                    .zip(0..)
                    .map(|(n, k)| n - k * PATTERNS)
                    .filter(|&bits| bits != 0)
                    .collect();
                assert!(bits.len() <= 1 && bits.iter().all(|b| b.is_power_of_two()));
                seen += bits.len() as u32;
            }
        }
        assert_eq!(seen, GROUPS.len() as u32 * 8);
        assert_eq!(patterns(&[u32::MAX; 9])[GROUPS.len()], WINDOW_LEN - 1);
    }

    #[test]
    fn near_is_a_disc() {
        let (side, x) = (MAX_SIDE, 60);
        for up in 0..8usize {
            for dx in -10..=10i32 {
                if up == 0 && dx >= 0 {
                    continue;
                }
                // A white pixel in black, then a black one in white.
                for black in [true, false] {
                    let mut h = History::new(side, None);
                    for y in 0..20 {
                        for column in 0..if y == 19 { x } else { side } {
                            let is_it = y + up == 19 && column as i32 == x as i32 + dx;
                            if is_it != black {
                                h.add(column);
                            }
                        }
                        if y < 19 {
                            h.end_row();
                        }
                    }
                    let is_near = dx * dx + (up * up) as i32 <= 20;
                    assert_eq!(h.near(x), if is_near { None } else { Some(black) }, "{up} {dx}");
                    assert_eq!(h.near(1), if black { None } else { Some(false) });
                }
            }
        }
    }
}
