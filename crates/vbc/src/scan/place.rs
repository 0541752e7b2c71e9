//! Where the 20 × 20 cells lie in the 28 × 28 image: by the centre of mass of their greys.

use super::{BOX, CELLS, IMAGE, PIXELS};

/// Row and column of the image at which the cells begin: ⌊15 − b⌋ towards 0 for the centre of mass b
/// of the greys, whose centres lie at k + ½. `None` without ink.
pub(super) fn offset(greys: &[u8; CELLS]) -> Option<[i32; 2]> {
    let (mut sum, mut rows, mut columns) = (0, 0, 0);
    for (line, k) in greys.chunks_exact(BOX).zip((1..).step_by(2)) {
        for (&grey, l) in line.iter().zip((1..).step_by(2)) {
            let grey = i32::from(grey);
            sum += grey;
            rows += grey * k;
            columns += grey * l;
        }
    }
    // 15 − (Σ (2k + 1) g) / (2 Σ g): exact, and division of integers is towards 0 too.
    (sum > 0).then(|| [rows, columns].map(|moment| (30 * sum - moment) / (2 * sum)))
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
