//! Where along a side of a scan a row or column lies, in parts of the side.

use std::sync::OnceLock;

use crate::scan::{MAX_SIDE, MIN_SIDE};

/// Parts of a side.
pub(super) const EIGHTHS: usize = 8;
pub(super) const COARSE: usize = 10;
pub(super) const FINE: usize = 24;

/// The place of a row or column k of `side`: ⌊parts · k / side⌋.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub eighth: u8,
    pub coarse: u8,
    pub fine: u8,
}

/// The places of all rows, or columns; `side` is brought into [`MIN_SIDE`]..=[`MAX_SIDE`].
pub(super) fn places(side: usize) -> &'static [Place] {
    static TABLES: [OnceLock<Vec<Place>>; MAX_SIDE - MIN_SIDE + 1] =
        [const { OnceLock::new() }; MAX_SIDE - MIN_SIDE + 1];
    let side = side.clamp(MIN_SIDE, MAX_SIDE);
    TABLES[side - MIN_SIDE].get_or_init(|| {
        let place = |k: usize| Place {
            eighth: (EIGHTHS * k / side) as u8,
            coarse: (COARSE * k / side) as u8,
            fine: (FINE * k / side) as u8,
        };
        (0..side).map(place).collect()
    })
}
