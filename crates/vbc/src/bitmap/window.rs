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
    std::array::from_fn(|up| history.from(up, x) as u32)
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

/// Columns to each side that count as near in the rows from the current one upwards: a disc of radius
/// 4½ round the pixel.
const NEAR: [u32; 5] = [4, 4, 4, 3, 2];

/// Whether the pixels near are all white (`Some(false)`), all black (`Some(true)`) or of both colours.
#[inline(always)]
pub(super) fn near(around: &Around) -> Option<bool> {
    let (mut any, mut all) = (0, u32::MAX);
    for (up, (&bits, &side)) in around.iter().zip(&NEAR).enumerate() {
        let len = if up == 0 { side } else { 2 * side + 1 };
        let mask = ((1 << len) - 1) << (LEFT as u32 - side);
        any |= bits & mask;
        all &= bits | !mask;
    }
    match (any == 0, all == u32::MAX) {
        (true, _) => Some(false),
        (_, true) => Some(true),
        _ => None,
    }
}

/// The one colour of all pixels near column `x`, if there is one.
#[cfg(feature = "training")]
pub(crate) fn near_colour(history: &History, x: usize) -> Option<bool> {
    near(&around(history, x))
}

#[cfg(test)]
mod tests {
    use super::*;

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
                let is_near = dx * dx + (up * up) as i32 <= 20;
                assert_eq!(near(&around), if is_near { None } else { Some(false) }, "{up} {dx}");
            }
        }
        assert_eq!(seen, GROUPS.len() as u32 * 8);
        assert_eq!(near(&[u32::MAX; 9]), Some(true));
        assert_eq!(patterns(&[u32::MAX; 9])[GROUPS.len()], WINDOW_LEN - 1);
    }
}
