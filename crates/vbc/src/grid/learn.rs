//! What a trainer needs of grids.

use super::tables::weight_of;
use super::{FIRST_SIDE, LINES, SIDES};
use crate::scan;

/// Weights of a line's pixels are told apart in this many parts of the largest.
const PARTS: u64 = 50;

/// For each side, the class of each line: lines are of one class where the scan's rows fall on them with
/// the same weights, read from either end.
pub(crate) fn side_lines() -> Vec<[u8; LINES]> {
    (FIRST_SIDE..FIRST_SIDE + SIDES)
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
