//! Loops over outputs, in pieces that rayon's threads share.

use rayon::prelude::*;

/// Elements below which handing pieces to threads costs more than it gains.
const SERIAL: usize = 1 << 15;

/// Elements of a piece, about.
const PIECE: usize = 1 << 13;

/// A new vector of `rows` rows of `width` elements, each row made by `f(row, values)`.
///
/// `f` gets a row's number and its elements, all 0 at first.
pub(crate) fn rows(rows: usize, width: usize, f: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let mut out = vec![0.0; rows * width];
    if width > 0 {
        each_row(&mut out, width, f);
    }
    out
}

/// Calls `f(row, values)` for all rows of `width` elements of `out`.
pub(crate) fn each_row(out: &mut [f32], width: usize, f: impl Fn(usize, &mut [f32]) + Sync) {
    let rows_a_piece = (PIECE / width).max(1);
    let piece = |(number, piece): (usize, &mut [f32])| {
        for (i, row) in piece.chunks_exact_mut(width).enumerate() {
            f(number * rows_a_piece + i, row);
        }
    };
    if out.len() < SERIAL {
        out.chunks_mut(rows_a_piece * width).enumerate().for_each(piece);
    } else {
        out.par_chunks_mut(rows_a_piece * width).enumerate().for_each(piece);
    }
}

/// A new vector of `n` elements, made piece by piece: `f(first, values)` gets the number of a piece's
/// first element and the elements, all 0 at first.
pub(crate) fn elements(n: usize, f: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let mut out = vec![0.0; n];
    let piece = |(number, piece): (usize, &mut [f32])| f(number * PIECE, piece);
    if n < SERIAL {
        out.chunks_mut(PIECE).enumerate().for_each(piece);
    } else {
        out.par_chunks_mut(PIECE).enumerate().for_each(piece);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_once() {
        for (n, width) in [(0, 3), (3, 0), (7, 5), (20_000, 3), (3, 20_000)] {
            let out = rows(n, width, |row, values| {
                values.iter_mut().enumerate().for_each(|(i, v)| *v += (row * width + i) as f32);
            });
            assert!(out.iter().enumerate().all(|(i, &v)| v == i as f32));
            let out = elements(n * width, |first, values| {
                values.iter_mut().enumerate().for_each(|(i, v)| *v += (first + i) as f32);
            });
            assert!(out.len() == n * width && out.iter().enumerate().all(|(i, &v)| v == i as f32));
        }
    }
}
