//! From 32-bit accumulators to 16-bit activations (SPEC.md section 4.2).

/// Clamps to −32 767 ..= 32 767: −32 768 is never an activation, so that a pair product of i16
/// multiplications cannot overflow.
#[inline(always)]
pub(crate) fn saturate(value: i32) -> i16 {
    value.clamp(-32_767, 32_767) as i16
}

/// `value / 2^shift`, rounded half up, saturated.
#[inline(always)]
pub(crate) fn requantise(value: i32, shift: u8) -> i16 {
    saturate(round_shift(value, shift))
}

/// `value / 2^shift`, rounded half up. The load-time bound leaves room for the rounding term.
#[inline(always)]
pub(crate) fn round_shift(value: i32, shift: u8) -> i32 {
    let half = (1 << shift) >> 1;
    (value + half) >> shift
}
