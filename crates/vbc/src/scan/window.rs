//! The part of an image that a box of cells covers.

use super::{BOX, CELLS, IMAGE, PIXELS};

/// Greys of a box's cells. The box may reach beyond the image, where its cells are lost.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// Greys, 0 for those that are lost.
    pub greys: [u8; CELLS],
    /// Whether each cell is in the image.
    pub is_seen: [bool; CELLS],
}

impl Window {
    /// The box that begins at a row and column of the image.
    pub fn new(pixels: &[u8; PIXELS], [top, left]: [i32; 2]) -> Self {
        let mut window = Window { greys: [0; CELLS], is_seen: [false; CELLS] };
        for cell in 0..CELLS {
            let y = usize::try_from(top + (cell / BOX) as i32).unwrap_or(IMAGE);
            let x = usize::try_from(left + (cell % BOX) as i32).unwrap_or(IMAGE);
            if y < IMAGE && x < IMAGE {
                window.greys[cell] = pixels[y * IMAGE + x];
                window.is_seen[cell] = true;
            }
        }
        window
    }

    /// Whether nothing is lost.
    pub fn is_whole(&self) -> bool {
        self.is_seen.iter().all(|&seen| seen)
    }
}
