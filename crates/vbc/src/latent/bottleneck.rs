//! Which part of y is kept, and how all of y is made from it again (SPEC.md section 5.3).

use std::fmt::Debug;

use crate::error::Error;

/// A virtual bottleneck (paper section 2): `squeeze` keeps d/c values of y, `expand` makes a whole
/// y of d values from them.
pub(crate) trait Bottleneck: Debug + Send + Sync {
    /// How many values of y a kept sum adds up: what `squeeze` gives is a sum of this many.
    fn sum_of(&self) -> i64;

    /// For each latent dimension the sum of the values of y that it stands for.
    fn squeeze(&self, y: &[i32], sums: &mut Vec<i64>);

    /// Fills y from one value a latent dimension.
    fn expand(&self, values: &[i32], y: &mut [i32]);

    /// The places in y of the c chunks, one chunk behind the other.
    #[cfg(feature = "training")]
    fn positions(&self) -> &[usize];
}

/// The positions of the c chunks in y.
#[derive(Debug)]
struct Chunks {
    /// `positions[k · len + j]` is the place in y of dimension j of chunk k.
    positions: Vec<usize>,
    len: usize,
}

impl Chunks {
    fn new(positions: &[u32], len: usize) -> Result<Self, Error> {
        let mut seen = vec![false; positions.len()];
        for &p in positions {
            match seen.get_mut(p as usize) {
                Some(s) if !*s => *s = true,
                _ => {
                    return Err(Error::model(
                        "chunks",
                        format!("{p} is no permutation's next value"),
                    ));
                }
            }
        }
        if len == 0 || !positions.len().is_multiple_of(len) {
            return Err(Error::model(
                "chunks",
                format!("{} values in chunks of {len}", positions.len()),
            ));
        }
        Ok(Chunks { positions: positions.iter().map(|&p| p as usize).collect(), len })
    }

    fn iter(&self) -> std::slice::ChunksExact<'_, usize> {
        self.positions.chunks_exact(self.len)
    }
}

/// The redundancy bottleneck: the mean of the c chunks is kept, and copied c times.
#[derive(Debug)]
pub(crate) struct Rvb(Chunks);

impl Rvb {
    /// `positions` is a permutation of 0..d, chunk after chunk, each `len` = d/c long.
    pub fn new(positions: &[u32], len: usize) -> Result<Self, Error> {
        Chunks::new(positions, len).map(Rvb)
    }
}

impl Bottleneck for Rvb {
    fn sum_of(&self) -> i64 {
        (self.0.positions.len() / self.0.len) as i64
    }

    fn squeeze(&self, y: &[i32], sums: &mut Vec<i64>) {
        sums.clear();
        sums.resize(self.0.len, 0);
        for chunk in self.0.iter() {
            for (sum, &p) in sums.iter_mut().zip(chunk) {
                *sum += i64::from(y[p]);
            }
        }
    }

    fn expand(&self, values: &[i32], y: &mut [i32]) {
        for chunk in self.0.iter() {
            for (&v, &p) in values.iter().zip(chunk) {
                y[p] = v;
            }
        }
    }

    #[cfg(feature = "training")]
    fn positions(&self) -> &[usize] {
        &self.0.positions
    }
}

/// The null bottleneck: the first chunk is kept, the others are replaced by one constant.
#[derive(Debug)]
pub(crate) struct Nvb {
    chunks: Chunks,
    null: i32,
}

impl Nvb {
    /// `positions` as for [`Rvb::new`]; `null` is the constant, in state units (the paper's text
    /// has 0, its code 1.0).
    pub fn new(positions: &[u32], len: usize, null: i32) -> Result<Self, Error> {
        Ok(Nvb { chunks: Chunks::new(positions, len)?, null })
    }
}

impl Bottleneck for Nvb {
    fn sum_of(&self) -> i64 {
        1
    }

    fn squeeze(&self, y: &[i32], sums: &mut Vec<i64>) {
        sums.clear();
        sums.extend(self.chunks.positions[..self.chunks.len].iter().map(|&p| i64::from(y[p])));
    }

    fn expand(&self, values: &[i32], y: &mut [i32]) {
        y.fill(self.null);
        for (&v, &p) in values.iter().zip(&self.chunks.positions) {
            y[p] = v;
        }
    }

    #[cfg(feature = "training")]
    fn positions(&self) -> &[usize] {
        &self.chunks.positions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rvb_keeps_sums_and_copies() {
        let rvb = Rvb::new(&[0, 2, 1, 3], 2).unwrap();
        let mut sums = Vec::new();
        rvb.squeeze(&[10, 20, i32::MAX, 40], &mut sums);
        assert_eq!(sums, [30, i64::from(i32::MAX) + 40]);
        let mut y = [0; 4];
        rvb.expand(&[7, 9], &mut y);
        assert_eq!(y, [7, 7, 9, 9]);
    }

    #[test]
    fn nvb_keeps_the_first_chunk() {
        let nvb = Nvb::new(&[0, 2, 1, 3], 2, -5).unwrap();
        let mut sums = Vec::new();
        nvb.squeeze(&[10, 20, 30, 40], &mut sums);
        assert_eq!(sums, [10, 30]);
        let mut y = [0; 4];
        nvb.expand(&[7, 9], &mut y);
        assert_eq!(y, [7, -5, 9, -5]);
    }

    #[test]
    fn chunks_must_be_a_permutation() {
        assert!(Rvb::new(&[0, 0, 1, 2], 2).is_err());
        assert!(Rvb::new(&[0, 1, 2, 4], 2).is_err());
        assert!(Rvb::new(&[0, 1, 2], 2).is_err());
    }
}
