//! Which values of a batch of images the rows of a gather take.

use candle_core::{Device, Result, Tensor, bail};

/// The sizes of a gather: n images of height × width, rows of k values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) n: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) rows: usize,
    pub(crate) k: usize,
}

impl Sizes {
    pub(crate) fn cells(self) -> usize {
        self.n * self.height * self.width
    }
}

/// A window around each of some pixels of a batch of images; its tables lie on one device.
#[derive(Clone, Debug)]
pub struct Window {
    pub(crate) sizes: Sizes,
    /// Each row's pixel, counted through the whole batch (rows).
    pub(crate) cells: Tensor,
    /// dy and dx of each offset (k, 2), as two's complement.
    pub(crate) offsets: Tensor,
    /// Where the rows of each cell begin in `row_of` (cells + 1).
    pub(crate) start: Tensor,
    /// The rows in the order of their cells, those of one cell in rising order (rows).
    pub(crate) row_of: Tensor,
}

impl Window {
    /// For a batch (n, height, width): each of `pixels` is the number of an image and a raster
    /// position in it, any number of times and in any order, and `offsets` are (dy, dx) from there.
    ///
    /// # Errors
    /// Where a pixel is not in the batch, the batch or the result has 2³¹ elements or more, or the
    /// device cannot be reached.
    pub fn new(
        (n, height, width): (usize, usize, usize),
        pixels: &[(u32, u32)],
        offsets: &[(i32, i32)],
        device: &Device,
    ) -> Result<Self> {
        let area = height * width;
        let sizes = Sizes { n, height, width, rows: pixels.len(), k: offsets.len() };
        let small = |len: Option<usize>| len.is_some_and(|len| i32::try_from(len).is_ok());
        if !small(n.checked_mul(area)) || !small(sizes.rows.checked_mul(sizes.k)) {
            bail!("a gather of {sizes:?} is too large");
        }
        let mut cells = Vec::with_capacity(sizes.rows);
        let mut start = vec![0u32; n * area + 1];
        for &(image, position) in pixels {
            if image as usize >= n || position as usize >= area {
                bail!("pixel {position} of image {image}, in {n} images of {height} by {width}");
            }
            let cell = image as usize * area + position as usize;
            cells.push(cell as u32);
            start[cell + 1] += 1;
        }
        for cell in 0..n * area {
            start[cell + 1] += start[cell];
        }
        let mut next = start.clone();
        let mut row_of = vec![0u32; sizes.rows];
        for (row, &cell) in cells.iter().enumerate() {
            let at = &mut next[cell as usize];
            row_of[*at as usize] = row as u32;
            *at += 1;
        }
        let offsets: Vec<u32> =
            offsets.iter().flat_map(|&(dy, dx)| [dy.cast_unsigned(), dx.cast_unsigned()]).collect();
        let table = |values: Vec<u32>| {
            let len = values.len();
            Tensor::from_vec(values, len, device)
        };
        Ok(Self {
            sizes,
            cells: table(cells)?,
            offsets: table(offsets)?,
            start: table(start)?,
            row_of: table(row_of)?,
        })
    }
}

/// The offsets (dy, dx) of a causal window: `above` rows of `2 · side + 1` pixels centred over the
/// pixel, then the `before` pixels left of it. In raster order, so all come before the pixel itself.
pub fn causal_offsets(above: u16, side: u16, before: u16) -> Vec<(i32, i32)> {
    let (above, side, before) = (i32::from(above), i32::from(side), i32::from(before));
    let rows = (-above..0).flat_map(|dy| (-side..=side).map(move |dx| (dy, dx)));
    rows.chain((-before..0).map(|dx| (0, dx))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_by_cell() -> Result<()> {
        let pixels = [(1, 0), (0, 5), (1, 0), (0, 0)];
        let w = Window::new((2, 2, 3), &pixels, &[(0, -1)], &Device::Cpu)?;
        assert_eq!(w.cells.to_vec1::<u32>()?, [6, 5, 6, 0]);
        assert_eq!(w.start.to_vec1::<u32>()?, [0, 1, 1, 1, 1, 1, 2, 4, 4, 4, 4, 4, 4]);
        assert_eq!(w.row_of.to_vec1::<u32>()?, [3, 1, 0, 2]);
        assert!(Window::new((2, 2, 3), &[(2, 0)], &[], &Device::Cpu).is_err());
        assert!(Window::new((2, 2, 3), &[(0, 6)], &[], &Device::Cpu).is_err());
        Ok(())
    }

    #[test]
    fn a_causal_window() {
        assert_eq!(causal_offsets(1, 1, 2), [(-1, -1), (-1, 0), (-1, 1), (0, -2), (0, -1)]);
    }
}
