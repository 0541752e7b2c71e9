//! From 32-bit accumulators to 16-bit activations (SPEC.md section 4.2).

/// The largest activation.
pub(super) const MAX: i32 = 32_767;

/// Clamps to −32 767 ..= 32 767: −32 768 is never an activation, so that a pair product of i16
/// multiplications cannot overflow.
#[inline(always)]
pub(crate) fn saturate(value: i32) -> i16 {
    value.clamp(-MAX, MAX) as i16
}
