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

/// Adds up −log₂(frequency/total) over symbols, as one product that is looked at once at the end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meter {
    /// Σ log₂(total), less the powers of two taken out of `product`.
    whole: u64,
    /// The product of the frequencies: in 2⁴⁶ .. 2⁴⁷ times a power of two that `whole` holds.
    product: u64,
}

/// Bits of [`Meter::product`] behind its leading one.
const PRODUCT_FRAC: u32 = 46;

impl Meter {
    pub fn new() -> Self {
        Meter { whole: 0, product: 1 << PRODUCT_FRAC }
    }

    /// Counts a symbol of 1 ≤ `frequency` ≤ 2^`total_bits` ≤ 2¹⁶.
    pub fn add(&mut self, frequency: u32, total_bits: u32) {
        self.product *= u64::from(frequency);
        let shift = 63 - PRODUCT_FRAC - self.product.leading_zeros();
        self.product >>= shift;
        self.whole += u64::from(total_bits - shift);
    }

    /// The sum, to 2⁻¹⁶ bit and the rounding of 46-bit products.
    pub fn bits(&self) -> Bits {
        let log = log2_q16((self.product >> (PRODUCT_FRAC - 31)) as u32);
        Bits(((self.whole + 31) << 16) - log)
    }
}

/// floor(2¹⁶ · log₂ x) for x ≥ 1, by squaring: each squaring of the mantissa gives one more bit.
fn log2_q16(x: u32) -> u64 {
    let x = x.max(1);
    let int = 31 - x.leading_zeros();
    let mut m = u64::from(x) << (31 - int);
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
        for x in (1u32..70_000).chain([1 << 20, u32::MAX]) {
            let float: f64 = f64::from(x).log2() * 65_536.0;
            assert!((log2_q16(x) as f64 - float).abs() < 1.5, "{x}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_types, reason = "a float logarithm is the oracle")]
    fn the_meter_agrees_with_a_float_sum() {
        let (mut meter, mut sum) = (Meter::new(), 0f64);
        for frequency in (1..=65_536u32).step_by(97).chain([65_536; 1000]).chain([1; 1000]) {
            meter.add(frequency, 16);
            sum += 16.0 - f64::from(frequency).log2();
        }
        assert!((meter.bits().units() as f64 - sum * 65_536.0).abs() < 3.0);
    }
}
