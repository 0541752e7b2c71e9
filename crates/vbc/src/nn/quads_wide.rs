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
    /// `rows` are each output's weights.
    pub fn new<'w>(
        level: Avx512,
        padded: usize,
        quads: usize,
        rows: impl Iterator<Item = &'w [i8]>,
    ) -> Self {
        let stride = padded / TILE;
        let mut tiles = vec![QuadTile([0; 4 * TILE]); quads * stride];
        for (o, row) in rows.enumerate() {
            let of_output = tiles.iter_mut().skip(o / TILE).step_by(stride);
            let place = o % TILE * 4;
            let (whole, rest) = row.as_chunks::<4>();
            let rest = (!rest.is_empty())
                .then(|| std::array::from_fn(|k| rest.get(k).copied().unwrap_or(0)));
            for (to, quad) in of_output.zip(whole.iter().chain(&rest)) {
                to.0[place..place + 4].copy_from_slice(quad);
            }
        }
        Tiles { tiles, stride, level }
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

    #[expect(
        clippy::needless_range_loop,
        reason = "a loop of constant length keeps sums in registers"
    )]
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
        // Loops of constant length alone, over slices of one length: the sums stay in registers.
        let rows: [&[Quad]; R] = std::array::from_fn(|r| &rows[r * quads..][..quads]);
        let mut sums: [[i32x16<Avx512>; N]; R] = std::array::from_fn(|r| {
            let from = match start {
                Some(start) => &start[first * TILE..][..N * TILE],
                None => &acc[r * padded + first * TILE..][..N * TILE],
            };
            std::array::from_fn(|n| i32x16::from_slice(simd, &from[n * TILE..][..TILE]))
        });
        for q in 0..quads {
            let tiles = &self.tiles[q * self.stride + first..][..N];
            let weights: [i8x64<Avx512>; N] =
                std::array::from_fn(|n| i8x64::from_slice(simd, &tiles[n].0));
            for r in 0..R {
                let quad = i32x16::splat(simd, i32::from_le_bytes(rows[r][q]));
                for n in 0..N {
                    sums[r][n] = dot(simd, sums[r][n].into(), quad.into(), weights[n].into())
                        .simd_into(simd);
                }
            }
        }
        for r in 0..R {
            let to = &mut acc[r * padded + first * TILE..][..N * TILE];
            for n in 0..N {
                sums[r][n].store_slice(&mut to[n * TILE..][..TILE]);
            }
        }
    }
}
