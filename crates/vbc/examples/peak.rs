//! The most multiply-adds of 16-bit numbers that one core does in a nanosecond, for each instruction
//! set that it has: products of pairs on registers alone, as the network's inner loops have them.
//!
//! `peak` prints a JSON object; docs/performance.md compares the networks with it.
#![expect(clippy::disallowed_types, reason = "seconds are measured, not coded")]

use std::hint::black_box;
use std::time::Instant;

use fearless_simd::{Level, Simd, dispatch, i16x32, i32x16, prelude::*};

const STEPS: u32 = 2_000_000;
const RUNS: usize = 7;

#[inline(always)]
fn products<S: Simd, const SUMS: usize>(simd: S, seed: i16) -> i32 {
    let weights: [i16x32<S>; SUMS] = std::array::from_fn(|k| i16x32::splat(simd, seed + k as i16));
    let pair = i16x32::splat(simd, seed);
    let mut sums = [i32x16::splat(simd, 0); SUMS];
    for _ in 0..STEPS {
        // Opaque, or the loop would become one multiplication.
        let pair = black_box(pair);
        for (sum, weights) in sums.iter_mut().zip(&weights) {
            *sum += weights.pairwise_dot_product(pair);
        }
    }
    sums.into_iter().fold(0, |total, sum| total.wrapping_add(sum.reduce_sum()))
}

fn main() {
    let best = Level::new();
    let mut levels = vec![("baseline", Level::baseline())];
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        levels.extend(best.as_avx2().map(|simd| ("avx2", simd.level())));
        levels.extend(best.as_avx512().map(|simd| ("avx512", simd.level())));
    }
    levels.push(("best", best));
    let figures = levels.into_iter().map(|(name, level)| {
        // As many sums as the latency of a product asks for, or as few as there are registers for.
        let peak = rate::<4>(level).max(rate::<8>(level)).max(rate::<12>(level));
        format!("\"{name}\": {peak:.1}")
    });
    println!("{{{}}}", figures.collect::<Vec<_>>().join(", "));
}

/// Multiply-adds a nanosecond with so many sums at a time.
fn rate<const SUMS: usize>(level: Level) -> f64 {
    let nanoseconds = (0..RUNS).map(|_| {
        let begun = Instant::now();
        black_box(dispatch!(level, simd => products::<_, SUMS>(simd, black_box(3))));
        begun.elapsed().as_nanos() as f64
    });
    f64::from(STEPS) * (32 * SUMS) as f64 / nanoseconds.fold(f64::INFINITY, f64::min)
}
