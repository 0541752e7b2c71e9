//! What a scan's pixel costs given the pixels before it: how one smooth bitmap is told from another.

#[cfg(feature = "training")]
use super::{Scan, chance::log2};

/// Rows down and columns to the right from a pixel to the pixels that it is judged by: bit k + 1 of
/// a pattern is pixel k of these, bit 0 the pixel itself.
pub(super) const TEMPLATE: [(i32, i32); 12] = [
    (0, -1),
    (-1, 0),
    (-1, -1),
    (-1, 1),
    (0, -2),
    (-2, 0),
    (-1, 2),
    (-1, -2),
    (-2, 1),
    (-2, -1),
    (0, -3),
    (-3, 0),
];

/// Blank rows and columns round a scan: no template reaches farther.
pub(super) const MARGIN: usize = 3;

/// Patterns of a pixel and its template.
pub(super) const PATTERNS: usize = 2 << TEMPLATE.len();

/// A cost of one bit.
pub(super) const BIT: i32 = 128;

/// Units of a learned cost in one bit.
const LEARNED_BIT: i32 = 16;

/// Pixels of the template, from its first on, that an unseen context is judged by.
#[cfg(feature = "training")]
const CORE: usize = 6;

/// What the scans of 1 475 training images teach, by `learn`.
static LEARNED: &[u8; PATTERNS] = include_bytes!("prior.bin");

/// Cost of each pattern, in units of 1/[`BIT`] bit.
pub(super) static COSTS: [i16; PATTERNS] = costs();

/// What a flip of one pixel saves at most: it is part of as many patterns as the template has pixels, and one.
pub(super) const MOST_SAVED: i32 = most_saved();

const fn most_saved() -> i32 {
    let (mut most, mut pattern) = (0, 0);
    while pattern < PATTERNS {
        if COSTS[pattern] > most {
            most = COSTS[pattern];
        }
        pattern += 1;
    }
    (TEMPLATE.len() as i32 + 1) * most as i32
}

const fn costs() -> [i16; PATTERNS] {
    let mut costs = [0; PATTERNS];
    let mut pattern = 0;
    while pattern < PATTERNS {
        costs[pattern] = LEARNED[pattern] as i16 * (BIT / LEARNED_BIT) as i16;
        pattern += 1;
    }
    costs
}

/// The costs of patterns, one byte each, that scans teach: −log₂ of how often a pixel is so in its
/// context, in units of 1/16 bit.
#[cfg(feature = "training")]
pub fn learn<'a>(scans: impl IntoIterator<Item = &'a Scan>) -> Vec<u8> {
    let mut counts = vec![0u64; PATTERNS];
    for scan in scans {
        let margin = MARGIN as i32;
        let sites = -margin..scan.side() as i32 + margin;
        for y in sites.clone() {
            for x in sites.clone() {
                let pixel = |(dy, dx): (i32, i32)| {
                    let row = usize::try_from(y + dy).ok().and_then(|y| scan.rows().get(y));
                    let column = u32::try_from(x + dx).ok();
                    let ink = row.zip(column).and_then(|(row, x)| row.checked_shr(x));
                    usize::from(ink.is_some_and(|ink| ink & 1 == 1))
                };
                let context = TEMPLATE.iter().rev().fold(0, |c, &at| c << 1 | pixel(at));
                counts[context << 1 | pixel((0, 0))] += 1;
            }
        }
    }
    let mut core = [0u64; 2 << CORE];
    for (pattern, count) in counts.iter().enumerate() {
        core[pattern % core.len()] += count;
    }
    let cost = |pattern: usize| {
        let both = |of: &[u64]| of[pattern % of.len()] + of[(pattern % of.len()) ^ 1];
        // Two pixels' worth of the core's frequencies, in 1/1024, join the context's own.
        let share = (5 * core[pattern % core.len()] + 2) * 2048 / (5 * both(&core) + 4);
        let (part, whole) = (counts[pattern] * 1024 + share.max(1), both(&counts) * 1024 + 2048);
        let shift = whole.ilog2().saturating_sub(30);
        let bits = log2(whole >> shift).saturating_sub(log2((part >> shift).max(1)));
        ((bits * LEARNED_BIT as u64 + (1 << 15)) >> 16).min(255) as u8
    };
    (0..PATTERNS).map(cost).collect()
}
