//! What a trainer needs of grids.

use super::LINES;
use super::tables::weight_of;
use crate::scan::{self, MAX_SIDE, MIN_SIDE};

/// Weights of a line's pixels are told apart in this many parts of the largest.
const PARTS: u64 = 50;

/// For each side, the class of each line: lines are of one class where the scan's rows fall on them with
/// the same weights, read from either end.
pub(crate) fn side_lines() -> Vec<[u8; LINES]> {
    (MIN_SIDE..=MAX_SIDE)
        .map(|side| {
            let mut known: Vec<Vec<u64>> = Vec::new();
            let lines = scan::line_weights(side);
            // A row that falls on one line alone has the scale itself.
            let largest = lines.iter().flatten().copied().max().unwrap_or(0).max(1);
            lines.map(|weights| {
                let part = |&w: &u32| (u64::from(w) * 2 * PARTS / u64::from(largest)).div_ceil(2);
                let from_one: Vec<u64> = weights.iter().map(part).collect();
                let from_other: Vec<u64> = from_one.iter().rev().copied().collect();
                let class = from_one.min(from_other);
                known.iter().position(|k| *k == class).unwrap_or_else(|| {
                    known.push(class);
                    known.len() - 1
                }) as u8
            })
        })
        .collect()
}

/// The weight of a grey that was seen so often.
pub(crate) fn learned(count: u32) -> u8 {
    weight_of((u64::from(count) + 1) * 256)
}

#[cfg(test)]
mod tests {
    use super::super::SIDES;
    use super::*;

    /// Lines of one class have the same weights, read from either end.
    #[test]
    fn lines_of_a_class_are_alike() {
        let sides = side_lines();
        assert_eq!(sides.len(), SIDES);
        for (lines, side) in sides.iter().zip(MIN_SIDE..) {
            let weights = scan::line_weights(side);
            let largest = weights.iter().flatten().copied().max().unwrap_or(0);
            let most = *lines.iter().max().unwrap_or(&0);
            assert!((0..=most).all(|class| lines.contains(&class)), "{side}: a class is left out");
            for (a, b) in (0..LINES * LINES).map(|n| (n / LINES, n % LINES)) {
                if lines[a] != lines[b] {
                    continue;
                }
                let near = |(v, w): (&u32, &u32)| v.abs_diff(*w) <= largest / 49;
                let forward = weights[a].iter().zip(&weights[b]).all(near);
                let backward = weights[a].iter().zip(weights[b].iter().rev()).all(near);
                let as_long = weights[a].len() == weights[b].len();
                assert!(as_long && (forward || backward), "{side}: lines {a} and {b}");
            }
        }
        // A cell of whole pixels.
        for side in [20, 40, 60, 80, 100, 120] {
            assert!(sides[side - MIN_SIDE].iter().all(|&class| class == 0), "{side}");
        }
    }

    #[test]
    fn weights_grow_with_counts() {
        let weights: Vec<u8> = (1..5000).map(learned).collect();
        assert!(weights[0] > 0 && weights.is_sorted());
        // Twice as much is 16 more.
        assert_eq!([1, 3, 7, 15].map(learned), [16, 32, 48, 64]);
        assert_eq!(learned(u32::MAX), 255);
    }
}
