//! Contexts of the pixels whose neighbours are all of one colour: a table in place of the network.

use super::history::{History, LEFT};

const HEIGHTS: usize = 11;
const WIDTHS: usize = 9;
const SIDES: usize = 4;
const NEARBY: usize = 4;

/// Contexts there are.
pub(crate) const PLAIN_CONTEXTS: usize = 2 * 2 * HEIGHTS * WIDTHS * SIDES * NEARBY;

/// The context of column `x` whose neighbours are all black or all white.
#[inline(always)]
pub(crate) fn plain_context(h: &History, x: usize, is_black: bool) -> usize {
    let (side, y) = (h.side(), h.y());
    let [row, column] = h.places(x).map(|place| usize::from(place.eighth));
    let height = if y < 3 { y } else { 3 + row };
    let width = if x + 2 >= side { 8 } else { column };
    let size = (side.saturating_sub(20) / 12).min(SIDES - 1);
    let nearby = if is_black { usize::from(x > side / 2) } else { nearby(h, x) };
    let context = usize::from(is_black) * 2 + usize::from(h.has_black());
    (((context * HEIGHTS + height) * WIDTHS + width) * SIDES + size) * NEARBY + nearby
}

/// Whether there is black within 14 columns in one of three rows above or within 15 to the left, and
/// whether there is any in the row.
#[inline(always)]
fn nearby(h: &History, x: usize) -> usize {
    let row = h.row(0);
    // Nothing of the row is known from column x on.
    let left = row >> (x as u32 + LEFT).saturating_sub(15);
    usize::from(h.has_black_above(x) || left != 0) + 2 * usize::from(row != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::MAX_SIDE;

    #[test]
    fn black_nearby_is_seen_from_as_far_as_is_said() {
        for black in [0, 1, 30, MAX_SIDE - 1] {
            for up in [0, 1, 2, 3, 6] {
                let mut h = History::new(MAX_SIDE, None);
                h.end_row();
                h.add(black);
                (0..up).for_each(|_| h.end_row());
                // Of the current row no pixel beyond x is known.
                for x in if up == 0 { black + 1 } else { 0 }..MAX_SIDE {
                    let (is_above, away) = ([1, 3, 6].contains(&up), x.abs_diff(black));
                    let is_left = up == 0 && black < x && away <= 15;
                    let expected = usize::from(is_left || is_above && away <= 14);
                    let row = 2 * usize::from(up == 0);
                    assert_eq!(nearby(&h, x), expected + row, "{black} {up} {x}");
                    assert!(plain_context(&h, x, up == 0) < PLAIN_CONTEXTS);
                }
            }
        }
    }
}
