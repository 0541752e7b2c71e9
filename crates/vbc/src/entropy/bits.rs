//! Information content without floats.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

/// An amount of information, in 1/65 536 bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bits(u64);

impl Bits {
    /// Number of units in one bit.
    pub const ONE: u64 = 1 << 16;

    /// An amount in units of 1/65 536 bit.
    pub const fn from_units(units: u64) -> Self {
        Bits(units)
    }

    /// A whole number of bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Bits(bytes * 8 * Self::ONE)
    }

    /// The amount in units of 1/65 536 bit.
    pub const fn units(self) -> u64 {
        self.0
    }

    /// The amount in whole bits, rounded up.
    pub const fn ceil(self) -> u64 {
        self.0.div_ceil(Self::ONE)
    }
}

/// 2¹⁶ · log₂ x for x ≥ 1, rounded down, by squaring: each squaring of the mantissa gives one more bit. Of x the
/// first 32 bits count.
pub(super) fn log2_q16(x: u64) -> u64 {
    let x = x.max(1);
    let int = 63 - x.leading_zeros();
    let mut m = (x << (63 - int)) >> 32;
    let mut out = u64::from(int);
    for _ in 0..16 {
        m = (m * m) >> 31;
        let carry = m >> 32;
        out = (out << 1) | carry;
        m >>= carry;
    }
    out
}

impl Add for Bits {
    type Output = Bits;
    fn add(self, rhs: Bits) -> Bits {
        Bits(self.0 + rhs.0)
    }
}

impl AddAssign for Bits {
    fn add_assign(&mut self, rhs: Bits) {
        self.0 += rhs.0;
    }
}

impl Sum for Bits {
    fn sum<I: Iterator<Item = Bits>>(iter: I) -> Bits {
        iter.fold(Bits::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_types, reason = "a float logarithm is the oracle")]
    fn agrees_with_the_float_logarithm() {
        for x in (1u64..70_000).chain([1 << 20, (1 << 40) - 1, 1 << 40, u64::MAX]) {
            let float: f64 = (x as f64).log2() * 65_536.0;
            assert!((log2_q16(x) as f64 - float).abs() < 1.5, "{x}");
        }
    }
}
