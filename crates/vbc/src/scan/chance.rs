//! How much worse a step an annealer takes, drawn at random without a float.

/// Binary places of −ln u.
pub(super) const LOG_FRAC: u32 = 8;

const DRAWS: usize = 4096;

/// −ln((i + ½) / [`DRAWS`]), in units of 2⁻[`LOG_FRAC`]: what an exponential variable exceeds as
/// often as a uniform one falls below.
static LOGS: [i32; DRAWS] = logs();

/// A draw of the exponential distribution of mean 1, from the lowest bits of `word`, in units of
/// 2⁻[`LOG_FRAC`].
#[inline(always)]
pub(super) fn exponential(word: u64) -> i32 {
    LOGS[word as usize % DRAWS]
}

const fn logs() -> [i32; DRAWS] {
    let mut table = [0; DRAWS];
    let mut i = 0;
    while i < DRAWS {
        let bits = log2(2 * DRAWS as u64) - log2(2 * i as u64 + 1);
        // ln 2 = 45 426 · 2⁻¹⁶.
        table[i] = ((bits * 45_426) >> (32 - LOG_FRAC)) as i32;
        i += 1;
    }
    table
}

/// ⌊2¹⁶ log₂ x⌋ for 1 ≤ x < 2³², by squaring: each squaring gives one more bit.
pub(super) const fn log2(x: u64) -> u64 {
    let whole = x.ilog2();
    let mut mantissa = x << (31 - whole);
    let mut out = whole as u64;
    let mut k = 0;
    while k < 16 {
        mantissa = (mantissa * mantissa) >> 31;
        let carry = mantissa >> 32;
        out = out << 1 | carry;
        mantissa >>= carry;
        k += 1;
    }
    out
}

#[cfg(test)]
#[expect(clippy::disallowed_types, reason = "floats are the oracle")]
mod tests {
    use super::*;

    #[test]
    fn draws_are_logarithms() {
        for i in 0..DRAWS {
            let expected = -((i as f64 + 0.5) / DRAWS as f64).ln() * f64::from(1 << LOG_FRAC);
            assert!((f64::from(exponential(i as u64)) - expected).abs() < 1.1, "{i}");
        }
    }
}
