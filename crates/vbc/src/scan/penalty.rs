//! What it costs that a cell's ink is not what its grey says.

use super::prior::BIT;
use super::puzzle::Cell;

/// Ink of a step of the table: an eighth of a grey level, or so.
const STEP_SHIFT: u32 = 13;
const STEPS: usize = 1 << 11;

/// Steps up to which the penalty grows at its full slope.
const NEAR: i32 = 64;
/// Penalty of being outside the interval at all, and of each grey level up to [`NEAR`].
const OUTSIDE: i32 = 3 * BIT;
const LEVEL: i32 = 4 * BIT;

static PENALTIES: [i32; STEPS] = penalties();

const fn penalties() -> [i32; STEPS] {
    let mut table = [0; STEPS];
    let mut off = 1;
    while off < STEPS as i32 {
        let eighths = if off > NEAR { NEAR + (off - NEAR) / 4 } else { off };
        table[off as usize] = OUTSIDE + LEVEL * eighths / 8;
        off += 1;
    }
    table
}

/// The penalty of a cell that holds `ink`.
#[inline(always)]
pub(super) fn penalty(cell: &Cell, ink: i32) -> i32 {
    let off = (cell.low - ink).max(ink - cell.high).max(0);
    PENALTIES[((off + (1 << STEP_SHIFT) - 1) >> STEP_SHIFT) as usize % STEPS]
}
