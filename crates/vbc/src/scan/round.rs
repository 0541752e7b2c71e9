//! Rounding to the precision of a float, in integers.

/// `value` rounded to its `bits` leading significant bits, ties to even.
pub(super) fn round(value: i128, bits: u32) -> i128 {
    let size = value.unsigned_abs();
    let drop = (128 - size.leading_zeros()).saturating_sub(bits);
    if drop == 0 {
        return value;
    }
    let odd = size >> drop & 1;
    let rounded = (size + (1 << (drop - 1)) - 1 + odd) >> drop << drop;
    rounded as i128 * value.signum()
}

/// `value` below 2⁶³ rounded to 24 significant bits, ties to even: the same for the inner loop.
#[inline(always)]
pub(super) fn round24(value: u64) -> u64 {
    let drop = 40u32.saturating_sub(value.leading_zeros());
    if drop == 0 {
        return value;
    }
    let odd = value >> drop & 1;
    (value + (1 << (drop - 1)) - 1 + odd) >> drop << drop
}

#[cfg(test)]
#[expect(clippy::disallowed_types, reason = "floats are the oracle")]
mod tests {
    use super::super::random::Random;
    use super::*;

    #[test]
    fn as_a_float_rounds() {
        let mut random = Random::new(1);
        for k in 0..20_000 {
            let value = random.next() >> (1 + k % 62);
            assert_eq!(round24(value), value as f32 as u64, "{value}");
            assert_eq!(round(-i128::from(value), 24), -(value as f32) as i128);
            assert_eq!(round(i128::from(value), 53), value as f64 as i128);
        }
        // A tie goes to the even neighbour, up or down.
        assert_eq!(round24((1 << 24) + 1), 1 << 24);
        assert_eq!(round24((1 << 24) + 3), (1 << 24) + 4);
        assert_eq!(round(0, 24), 0);
    }
}
