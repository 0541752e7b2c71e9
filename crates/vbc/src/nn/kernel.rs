//! What the inner loops of a network share: how weights are packed, and what becomes of sums.
//!
//! Weights are packed in pairs of inputs, `weights[pair][output] = (w[2·pair], w[2·pair + 1])`, so
//! that one pair-dot instruction does two multiply-adds an output. All arithmetic is exact: no sum can
//! overflow once `Linear::new` has proved its bound, so every order gives the same bits.

use fearless_simd::{Level, dispatch};

use super::activation::saturate;

/// Outputs are padded to a multiple of this.
pub(crate) const TILE: usize = 16;

/// Two neighbouring activations.
pub(crate) type Pair = [i16; 2];

/// Both activations in one word that, seen as 16-bit lanes, has the first one first.
#[inline(always)]
pub(crate) fn pack([a, b]: Pair) -> i32 {
    let both = (a as u16 as u32 | (b as u16 as u32) << 16) as i32;
    if cfg!(target_endian = "big") { both.rotate_left(16) } else { both }
}

/// The weights of one pair of inputs for one tile of outputs: a cache line, and on one.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct WeightTile(pub [i16; 2 * TILE]);

/// The same as bytes: half a cache line, and not across two.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(crate) struct ByteTile(pub [i8; 2 * TILE]);

/// What becomes of an output once it is an activation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Negative values become 0.
    Relu,
    /// A negative value `a` becomes `a >> slope`.
    Leaky(u8),
}

/// For each row of `acc`, which holds the rounding terms, `shift.len()` activations: `acc / 2^shift`
/// rounded down and saturated, then `act`. Rows of `acc` are `padded` apart, those of `out` `stride`; what lies behind a row's
/// activations in `out` stays.
pub(crate) fn activate(
    level: Level,
    act: Act,
    (acc, padded): (&[i32], usize),
    shift: &[u32],
    (out, stride): (&mut [i16], usize),
) {
    dispatch!(level, _simd => {
        for (acc, out) in acc.chunks_exact(padded).zip(out.chunks_exact_mut(stride)) {
            match act {
                Act::Relu => each(acc, shift, out, |v| v.max(0)),
                Act::Leaky(slope) => each(acc, shift, out, |v| if v < 0 { v >> slope } else { v }),
            }
        }
    });
}

#[inline(always)]
fn each(acc: &[i32], shift: &[u32], out: &mut [i16], act: impl Fn(i16) -> i16) {
    for ((out, &acc), &shift) in out.iter_mut().zip(acc).zip(shift) {
        *out = act(saturate(acc >> shift));
    }
}
