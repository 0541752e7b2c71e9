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
        let seen = |first: i32| {
            let line = |at: i32| at.clamp(0, BOX as i32) as usize;
            line(-first)..line(IMAGE as i32 - first)
        };
        let columns = seen(left);
        if columns.is_empty() {
            return window;
        }
        for line in seen(top) {
            let from =
                (top + line as i32) as usize * IMAGE + (left + columns.start as i32) as usize;
            let to = line * BOX + columns.start..line * BOX + columns.end;
            window.is_seen[to.clone()].fill(true);
            window.greys[to].copy_from_slice(&pixels[from..from + columns.len()]);
        }
        window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_what_the_image_has_there() {
        let pixels = std::array::from_fn(|p| (p % 251 + 1) as u8);
        for (top, left) in (-30..40).flat_map(|top| (-30..40).map(move |left| (top, left))) {
            let window = Window::new(&pixels, [top, left]);
            for cell in 0..CELLS {
                let y = usize::try_from(top + (cell / BOX) as i32).ok().filter(|&y| y < IMAGE);
                let x = usize::try_from(left + (cell % BOX) as i32).ok().filter(|&x| x < IMAGE);
                let pixel = y.zip(x).map(|(y, x)| pixels[y * IMAGE + x]);
                assert_eq!(window.greys[cell], pixel.unwrap_or(0), "{top} {left} {cell}");
                assert_eq!(window.is_seen[cell], pixel.is_some(), "{top} {left} {cell}");
            }
        }
    }
}
