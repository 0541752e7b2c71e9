//! Binary fractions, and their rounding to significant bits (SPEC.md section 6.7.5).

/// The number n · 2^e.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binary(pub(crate) i128, pub(crate) i32);

pub(crate) const ZERO: Binary = Binary(0, 0);
pub(crate) const ONE: Binary = Binary(1, 0);

impl Binary {
    /// r_bits(self / other).
    pub(crate) fn ratio(self, other: Binary, bits: u32) -> Binary {
        let (mut p, mut q, mut e) = (self.0.abs(), other.0, self.1 - other.1);
        if p == 0 {
            return ZERO;
        }
        // p / q into 2^(bits - 1) .. 2^bits.
        while p < q << (bits - 1) {
            p *= 2;
            e -= 1;
        }
        while p >= q << bits {
            q *= 2;
            e += 1;
        }
        let (whole, rest) = (p / q, p % q);
        let up = 2 * rest > q || 2 * rest == q && whole % 2 == 1;
        Binary(self.0.signum() * (whole + i128::from(up)), e)
    }

    /// r_bits(self).
    pub(crate) fn rounded(self, bits: u32) -> Binary {
        self.ratio(ONE, bits)
    }

    pub(crate) fn plus(self, other: Binary) -> Binary {
        let e = self.1.min(other.1);
        Binary((self.0 << (self.1 - e)) + (other.0 << (other.1 - e)), e)
    }

    pub(crate) fn minus(self, other: Binary) -> Binary {
        self.plus(Binary(-other.0, other.1))
    }

    pub(crate) fn times(self, other: Binary) -> Binary {
        Binary(self.0 * other.0, self.1 + other.1)
    }

    pub(crate) fn above(self, other: Binary) -> bool {
        self.minus(other).0 > 0
    }

    pub(crate) fn at_most(self, other: Binary) -> Binary {
        if self.above(other) { other } else { self }
    }

    pub(crate) fn at_least(self, other: Binary) -> Binary {
        if other.above(self) { other } else { self }
    }

    pub(crate) fn floor(self) -> i64 {
        (if self.1 < 0 { self.0 >> self.1.unsigned_abs() } else { self.0 << self.1 }) as i64
    }

    pub(crate) fn ceiling(self) -> i64 {
        -Binary(-self.0, self.1).floor()
    }

    /// The integer part, towards 0.
    pub(crate) fn integer(self) -> i64 {
        if self.0 < 0 { self.ceiling() } else { self.floor() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(v: f32) -> Binary {
        let bits = i128::from(v.abs().to_bits());
        let (n, e) = (bits & 0x7F_FFFF | 0x80_0000, (bits >> 23) as i32 - 150);
        Binary(if v < 0.0 { -n } else { n }, e)
    }

    /// Single-precision numbers are those of 24 significant bits.
    #[test]
    fn arithmetic_of_24_bits_is_single_precision() {
        let numbers: Vec<f32> = (1..60u32)
            .map(|k| {
                let bits = 0x3A80_0000 + k.wrapping_mul(0x9E37_79B9) % 0x0900_0000;
                f32::from_bits(bits) * if k % 3 == 0 { -1.0 } else { 1.0 }
            })
            .collect();
        let same = |found: Binary, wanted: f32| assert_eq!(found.minus(float(wanted)).0, 0);
        for &a in &numbers {
            for &b in &numbers {
                let (x, y) = (float(a), float(b));
                same(x.times(y).rounded(24), a * b);
                if a + b != 0.0 {
                    same(x.plus(y).rounded(24), a + b);
                }
                if b > 0.0 {
                    same(x.ratio(y, 24), a / b);
                }
                assert_eq!(x.above(y), a > b);
            }
            let x = float(a);
            assert_eq!(x.integer(), a.trunc() as i64);
            assert_eq!((x.floor(), x.ceiling()), (a.floor() as i64, a.ceil() as i64));
        }
    }
}
