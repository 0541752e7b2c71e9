//! Where the 20 × 20 cells lie in the 28 × 28 image: by the centre of mass of their greys.

use super::{BOX, CELLS, IMAGE, PIXELS};

/// The sum of an image's greys, and the sums of grey · (2k + 1) over its rows k, and over its columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mass {
    sum: i32,
    moments: [i32; 2],
}

impl Mass {
    /// Of greys in raster order.
    pub fn of<const N: usize>(greys: &[u8; N]) -> Self {
        let side = N.isqrt();
        let (mut sum, mut moments) = (0, [0; 2]);
        for (line, k) in greys.chunks_exact(side).zip((1..).step_by(2)) {
            let (mut of_line, mut across) = (0, 0);
            for (&grey, l) in line.iter().zip((1..).step_by(2)) {
                of_line += i32::from(grey);
                across += i32::from(grey) * l;
            }
            sum += of_line;
            moments[0] += of_line * k;
            moments[1] += across;
        }
        Mass { sum, moments }
    }

    /// Row and column of the image at which the cells begin, if all greys lie in cells of which the first is here
    /// at row and column `first`: ⌊15 − b⌋ towards 0 for the centre of mass b of the cells' greys, whose
    /// centres lie at k + ½. `None` without ink.
    pub fn offset(self, first: [i32; 2]) -> Option<[i32; 2]> {
        // 15 − (Σ (2k + 1) g) / (2 Σ g): exact, and division of integers is towards 0 too.
        let line =
            |k: usize| (30 * self.sum - self.moments[k] + 2 * first[k] * self.sum) / (2 * self.sum);
        (self.sum > 0).then(|| [line(0), line(1)])
    }
}

/// Row and column of the image at which cells begin that have these greys. `None` without ink.
pub(super) fn offset(greys: &[u8; CELLS]) -> Option<[i32; 2]> {
    Mass::of(greys).offset([0; 2])
}

/// The greys at that place of a blank image; what falls outside is lost.
pub(super) fn place(greys: &[u8; CELLS]) -> [u8; PIXELS] {
    let mut image = [0; PIXELS];
    let Some([top, left]) = offset(greys) else { return image };
    for (line, y) in greys.chunks_exact(BOX).zip(top..) {
        for (&grey, x) in line.iter().zip(left..) {
            if let (Ok(y), Ok(x)) = (usize::try_from(y), usize::try_from(x))
                && y < IMAGE
                && x < IMAGE
            {
                image[y * IMAGE + x] = grey;
            }
        }
    }
    image
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_image_has_the_mass_of_its_cells(
            cells in proptest::collection::vec(prop_oneof![3 => Just(0), 1 => any::<u8>()], CELLS),
            at in proptest::array::uniform2(0..=(IMAGE - BOX) as i32),
        ) {
            let greys: &[u8; CELLS] = cells.as_chunks().0.first().unwrap();
            let mut image = [0; PIXELS];
            for (line, y) in greys.chunks_exact(BOX).zip(at[0] as usize..) {
                image[y * IMAGE + at[1] as usize..][..BOX].copy_from_slice(line);
            }
            prop_assert_eq!(Mass::of(&image).offset(at), offset(greys));
        }
    }

    #[test]
    fn one_cell_comes_to_the_centre() {
        for (cell, [y, x]) in [(0, [14, 14]), (BOX + 3, [14, 14]), (CELLS - 1, [15, 15])] {
            let mut greys = [0; CELLS];
            greys[cell] = 9;
            let image = place(&greys);
            assert_eq!(image.iter().position(|&g| g > 0), Some(y * IMAGE + x), "{cell}");
        }
        assert_eq!(place(&[0; CELLS]), [0; PIXELS]);
    }
}
