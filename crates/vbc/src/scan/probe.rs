//! Whether an image can be the picture of a scan at all: a look at its outline.

use super::place::Mass;
use super::{BOX, IMAGE, PIXELS};

/// The least that the brightest pixel can be: 255 / max · max may round down.
const BRIGHTEST: u8 = 254;

/// Whether the ink has the outline of a scaled scan: 19 or 20 cells along its longer side, in a box
/// at the place that its centre of mass gives, with a pixel of full ink.
#[cfg(any(test, feature = "training"))]
pub fn may_be_scan(pixels: &[u8; PIXELS]) -> bool {
    !places(pixels, false).is_empty()
}

/// First row or column with ink, and how many from there to the last.
fn extent(is_ink: impl Fn(usize) -> bool) -> Option<(i32, i32)> {
    let first = (0..IMAGE).find(|&k| is_ink(k))?;
    let last = (0..IMAGE).rfind(|&k| is_ink(k))?;
    Some((first as i32, (last + 1 - first) as i32))
}

/// Places where the box may begin: its longer side is full of ink, and along the other one the ink is
/// in the middle, or `anywhere`. None for an image that is no picture of a scan.
pub(super) fn places(pixels: &[u8; PIXELS], anywhere: bool) -> Vec<[i32; 2]> {
    let rows = extent(|y| pixels[y * IMAGE..][..IMAGE].iter().any(|&p| p > 0));
    let columns = extent(|x| pixels[x..].iter().step_by(IMAGE).any(|&p| p > 0));
    let (Some((top, height)), Some((left, width))) = (rows, columns) else { return Vec::new() };
    let size = BOX as i32;
    let is_long_enough = (size - 1..=size).contains(&height.max(width));
    if !is_long_enough || pixels.iter().all(|&p| p < BRIGHTEST) {
        return Vec::new();
    }
    let margins = |ink: i32, is_long: bool| {
        let spare = size - ink;
        let reach = if is_long || anywhere { size } else { 1 };
        (spare / 2 - reach).max(0)..=(spare / 2 + reach).min(spare)
    };
    let is_tall = height >= width;
    let all = margins(height, is_tall)
        .flat_map(|y| margins(width, !is_tall).map(move |x| [top - y, left - x]));
    // Ink that is lost beyond the image would move the centre of mass.
    let inside = |&at: &i32| (0..=IMAGE as i32 - size).contains(&at);
    let mass = Mass::of(pixels);
    let is_right = |at: &[i32; 2]| !at.iter().all(inside) || mass.offset(*at) == Some(*at);
    all.filter(is_right).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(top: usize, left: usize, height: usize, width: usize, grey: u8) -> [u8; PIXELS] {
        std::array::from_fn(|p| {
            let (y, x) = (p / IMAGE, p % IMAGE);
            let inside = (top..top + height).contains(&y) && (left..left + width).contains(&x);
            if inside { grey } else { 0 }
        })
    }

    #[test]
    fn outlines_tell() {
        assert!(may_be_scan(&block(5, 11, 20, 8, 255)));
        assert!(may_be_scan(&block(11, 5, 8, 20, 254)));
        assert!(!may_be_scan(&[0; PIXELS]), "blank");
        assert!(!may_be_scan(&[255; PIXELS]), "too large");
        assert!(!may_be_scan(&block(6, 11, 18, 8, 255)), "too small");
        assert!(!may_be_scan(&block(5, 11, 20, 8, 253)), "nowhere full of ink");
        assert!(!may_be_scan(&block(3, 11, 20, 8, 255)), "not in the middle");
    }
}
