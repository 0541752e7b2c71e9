//! Products of bytes by `vpdpbusd`: 64 of them an instruction.

#[cfg(target_arch = "x86")]
use std::arch::x86::{__m512i, _mm512_dpbusd_epi32};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m512i, _mm512_dpbusd_epi32};

use fearless_simd::{Avx512, i8x64, i32x16, kernel, prelude::*};

use super::{Quad, TILE};

/// The weights of one quad of inputs for 16 outputs: a cache line, and on one.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct QuadTile([i8; 4 * TILE]);

/// The tiles of quad 0, then those of quad 1, …
#[derive(Clone, Debug)]
pub(super) struct Tiles {
    tiles: Vec<QuadTile>,
    /// Tiles of a quad.
    stride: usize,
    level: Avx512,
}

kernel!(
    #[inline]
    fn dot(avx512: Avx512, sum: __m512i, quad: __m512i, weights: __m512i) -> __m512i {
        _mm512_dpbusd_epi32(sum, quad, weights)
    }
);

kernel!(
    fn product(
        avx512: Avx512,
        tiles: &Tiles,
        start: Option<&[i32]>,
        rows: &[Quad],
        quads: usize,
        acc: &mut [i32],
    ) {
        tiles.run(avx512, start, rows, quads, acc)
    }
);

impl Tiles {
    pub fn new(
        level: Avx512,
        padded: usize,
        quads: usize,
        weight: impl Fn(usize, usize) -> i8,
    ) -> Self {
        let stride = padded / TILE;
        let tile = |q: usize, t: usize| {
            QuadTile(std::array::from_fn(|k| weight(t * TILE + k / 4, 4 * q + k % 4)))
        };
        let tiles = (0..quads).flat_map(|q| (0..stride).map(move |t| (q, t)));
        Tiles { tiles: tiles.map(|(q, t)| tile(q, t)).collect(), stride, level }
    }

    /// `rows` holds `quads` > 0 quads for each row of accumulators.
    pub fn product(&self, start: Option<&[i32]>, rows: &[Quad], quads: usize, acc: &mut [i32]) {
        product(self.level, self, start, rows, quads, acc);
    }

    #[inline(always)]
    fn run(
        &self,
        simd: Avx512,
        start: Option<&[i32]>,
        rows: &[Quad],
        quads: usize,
        acc: &mut [i32],
    ) {
        // Up to 24 of the 32 registers hold sums.
        for first in (0..self.stride).step_by(4) {
            match self.stride - first {
                1 => self.tiles::<8, 1>(simd, first, start, rows, quads, acc),
                2 => self.tiles::<8, 2>(simd, first, start, rows, quads, acc),
                3 => self.tiles::<8, 3>(simd, first, start, rows, quads, acc),
                _ => self.tiles::<6, 4>(simd, first, start, rows, quads, acc),
            }
        }
    }

    /// `N` tiles of outputs for all rows, `R` rows at a time, then two, then one.
    #[inline(always)]
    fn tiles<const R: usize, const N: usize>(
        &self,
        simd: Avx512,
        first: usize,
        start: Option<&[i32]>,
        rows: &[Quad],
        quads: usize,
        acc: &mut [i32],
    ) {
        let padded = self.stride * TILE;
        let many = acc.len() / (R * padded);
        let (mut r, mut rest) = (0, acc);
        for _ in 0..many {
            let (now, later) = rest.split_at_mut(R * padded);
            self.block::<R, N>(simd, first, start, &rows[r * quads..(r + R) * quads], now);
            (r, rest) = (r + R, later);
        }
        while rest.len() >= 2 * padded {
            let (now, later) = rest.split_at_mut(2 * padded);
            self.block::<2, N>(simd, first, start, &rows[r * quads..(r + 2) * quads], now);
            (r, rest) = (r + 2, later);
        }
        if !rest.is_empty() {
            self.block::<1, N>(simd, first, start, &rows[r * quads..], rest);
        }
    }

    #[inline(always)]
    fn block<const R: usize, const N: usize>(
        &self,
        simd: Avx512,
        first: usize,
        start: Option<&[i32]>,
        rows: &[Quad],
        acc: &mut [i32],
    ) {
        let (padded, quads) = (self.stride * TILE, rows.len() / R);
        let mut sums = [[i32x16::splat(simd, 0); N]; R];
        for (r, sums) in sums.iter_mut().enumerate() {
            let from = match start {
                Some(start) => &start[first * TILE..],
                None => &acc[r * padded + first * TILE..],
            };
            for (sum, from) in sums.iter_mut().zip(from.chunks_exact(TILE)) {
                *sum = i32x16::from_slice(simd, from);
            }
        }
        let mut rows: [_; R] = std::array::from_fn(|r| rows[r * quads..(r + 1) * quads].iter());
        for tiles in self.tiles.chunks_exact(self.stride) {
            let mut weights = [i8x64::splat(simd, 0); N];
            for (w, tile) in weights.iter_mut().zip(&tiles[first..first + N]) {
                *w = i8x64::from_slice(simd, &tile.0);
            }
            for (sums, row) in sums.iter_mut().zip(&mut rows) {
                let Some(&quad) = row.next() else { continue };
                let quad = i32x16::splat(simd, i32::from_le_bytes(quad));
                for (sum, &w) in sums.iter_mut().zip(&weights) {
                    *sum = dot(simd, (*sum).into(), quad.into(), w.into()).simd_into(simd);
                }
            }
        }
        for (sums, acc) in sums.into_iter().zip(acc.chunks_exact_mut(padded)) {
            for (sum, acc) in sums.into_iter().zip(acc[first * TILE..].chunks_exact_mut(TILE)) {
                sum.store_slice(acc);
            }
        }
    }
}
