//! How the outputs of a flow are cut into chunks.

use candle_core::{Device, Result, Tensor, bail};

/// A cut of d outputs into c chunks of d / c: group j has the c values that are to be copies of latent
/// value j. Its tables lie on one device.
#[derive(Clone, Debug)]
pub struct Chunking {
    /// The column of value k of group j, at j · c + k.
    pub(crate) columns: Tensor,
    /// The group of each column.
    pub(crate) group_of: Tensor,
    pub(crate) groups: usize,
    pub(crate) c: usize,
}

impl Chunking {
    /// Chunk k has the columns k, k + c, … : the values of a group are neighbours.
    ///
    /// # Errors
    /// Where c is 0 or does not divide d, or the device cannot be reached.
    pub fn interleaved(d: usize, c: usize, device: &Device) -> Result<Self> {
        Self::regular(d, c, device, |_, j, k| j * c + k)
    }

    /// Chunk k has the columns k · d / c and up: the values of a group are d / c apart.
    ///
    /// # Errors
    /// As [`interleaved`](Self::interleaved).
    pub fn contiguous(d: usize, c: usize, device: &Device) -> Result<Self> {
        Self::regular(d, c, device, |groups, j, k| k * groups + j)
    }

    fn regular(
        d: usize,
        c: usize,
        device: &Device,
        column: impl Fn(usize, usize, usize) -> usize,
    ) -> Result<Self> {
        if c == 0 || !d.is_multiple_of(c) {
            bail!("{d} outputs in {c} chunks");
        }
        let groups = d / c;
        let chunk = |k| (0..groups).map(|j| column(groups, j, k)).collect();
        Self::new(&(0..c).map(chunk).collect::<Vec<_>>(), device)
    }

    /// Any cut: `chunks[k][j]` is the column of value j of chunk k.
    ///
    /// # Errors
    /// Where the chunks are not of one length, some column below d is not in exactly one of them, or
    /// the device cannot be reached.
    pub fn new(chunks: &[Vec<usize>], device: &Device) -> Result<Self> {
        let c = chunks.len();
        let Some(groups) = chunks.first().map(Vec::len) else { bail!("no chunks") };
        if chunks.iter().any(|chunk| chunk.len() != groups) {
            bail!("chunks of several lengths");
        }
        let d = c * groups;
        let mut group_of = vec![u32::MAX; d];
        let mut columns = Vec::with_capacity(d);
        for j in 0..groups {
            for chunk in chunks {
                let column = chunk[j];
                match group_of.get_mut(column) {
                    Some(group) if *group == u32::MAX => *group = j as u32,
                    _ => bail!("column {column} of {d} is twice in the chunks, or beyond"),
                }
                columns.push(column as u32);
            }
        }
        Ok(Self {
            columns: Tensor::from_vec(columns, d, device)?,
            group_of: Tensor::from_vec(group_of, d, device)?,
            groups,
            c,
        })
    }

    /// The number of chunks, c.
    pub fn chunks(&self) -> usize {
        self.c
    }

    /// The number of groups, d / c: the latent's dimensions.
    pub fn groups(&self) -> usize {
        self.groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_each_kind() -> Result<()> {
        let device = Device::Cpu;
        let interleaved = Chunking::interleaved(6, 3, &device)?;
        assert_eq!(interleaved.columns.to_vec1::<u32>()?, [0, 1, 2, 3, 4, 5]);
        assert_eq!(interleaved.group_of.to_vec1::<u32>()?, [0, 0, 0, 1, 1, 1]);
        let contiguous = Chunking::contiguous(6, 3, &device)?;
        assert_eq!(contiguous.columns.to_vec1::<u32>()?, [0, 2, 4, 1, 3, 5]);
        assert_eq!(contiguous.group_of.to_vec1::<u32>()?, [0, 1, 0, 1, 0, 1]);
        Ok(())
    }

    #[test]
    fn refuses_what_is_no_cut() {
        let device = Device::Cpu;
        assert!(Chunking::interleaved(6, 4, &device).is_err());
        assert!(Chunking::contiguous(6, 0, &device).is_err());
        for chunks in [vec![], vec![vec![0, 1], vec![2]], vec![vec![0], vec![0]], vec![vec![1]]] {
            assert!(Chunking::new(&chunks, &device).is_err(), "{chunks:?}");
        }
    }
}
