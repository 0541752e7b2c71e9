//! Lengths of runs of one colour, counted from the pixel to be coded.

use super::history::{History, LEFT};

/// The longest run that is told from longer ones. Beyond the scan everything is white, for ever, and so
/// is it farther than 64 pixels away.
pub(super) const LONGEST: u32 = 32;

/// Numbers that the runs give: two in each of six directions.
pub(super) const RUNS: usize = 12;

/// How many values all of them together can take.
pub(super) const RUNS_LEN: u32 = RUNS as u32 * (LONGEST + 1);

/// The first run and the one behind it of pixels that begin at one end of `bits`: `zeros` counts the
/// zeros at that end, `drop` takes pixels away there.
#[inline(always)]
fn two(bits: u64, zeros: impl Fn(u64) -> u32, drop: impl Fn(u64, u32) -> Option<u64>) -> [u32; 2] {
    if bits == 0 {
        return [LONGEST, 0];
    }
    let is_white = zeros(bits) > 0;
    let first = if is_white { zeros(bits) } else { zeros(!bits) };
    let rest = drop(bits, first).unwrap_or(0);
    let second = if is_white {
        zeros(!rest)
    } else if rest == 0 {
        LONGEST
    } else {
        zeros(rest)
    };
    [first.min(LONGEST), second.min(LONGEST)]
}

/// Runs to the left from the pixel that is `bits`' highest bit.
#[inline(always)]
fn left(bits: u64) -> [u32; 2] {
    two(bits, u64::leading_zeros, u64::checked_shl)
}

/// Runs to the right from the pixel that is `bits`' lowest bit.
#[inline(always)]
fn right(bits: u64) -> [u32; 2] {
    two(bits, u64::trailing_zeros, u64::checked_shr)
}

/// The runs around column `x`, each behind those before it.
#[inline(always)]
pub(super) fn runs(history: &History, x: usize) -> [u32; RUNS] {
    let place = 127 - LEFT - x as u32;
    let high = |bits: u128| (bits >> 64) as u64;
    let [a, b] = left(high(history.row(0) << (place + 1)));
    let mut lengths = [a, b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for up in 1..=2 {
        let row = history.row(up);
        let ([a, b], [c, d]) = (right((row >> (127 - place)) as u64), left(high(row << place)));
        lengths[4 * up - 2..4 * up + 2].copy_from_slice(&[a, b, c, d]);
    }
    lengths[10..].copy_from_slice(&history.up(x));
    for (length, base) in lengths.iter_mut().zip(0..) {
        *length += base * (LONGEST + 1);
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_where_the_colour_changes() {
        assert_eq!(right(0), [32, 0]);
        assert_eq!(right(0b0111_0011), [2, 2]);
        assert_eq!(right(0b1100), [2, 2]);
        assert_eq!(right(1), [1, 32]);
        assert_eq!(right(u64::MAX >> 8), [32, 32]);
        assert_eq!(right(u64::MAX), [32, 32]);
        assert_eq!(left(0b101 << 61), [1, 1]);
        assert_eq!(left(0b0011_1001 << 56), [2, 3]);
    }
}
