//! Draws digits, the scans behind them, those rendered back, and the difference: `scan_picture IDX-FILE
//! OUT.png NUMBER…`, a row of pictures for each image number.

use std::error::Error;

use image::{GrayImage, Luma};
use vbc::IdxHeader;
use vbc::training::scan::{Effort, IMAGE, PIXELS, Solved, solve};

/// A pixel of an image is drawn as a square of this many, and so is a scan as a whole: its own pixels
/// take what fits.
const SCALE: usize = 5;
const CELL: usize = IMAGE * SCALE;
const GAP: usize = 6;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [idx, out, numbers @ ..] = &args[..] else {
        return Err("usage: scan_picture IDX-FILE OUT.png NUMBER...".into());
    };
    let file = std::fs::read(idx)?;
    let mut rest = &file[..];
    IdxHeader::read(&mut rest)?;
    let images: &[[u8; PIXELS]] = rest.as_chunks().0;
    let height = numbers.len() * (CELL + GAP) + GAP;
    let mut picture =
        GrayImage::from_pixel((4 * (CELL + GAP) + GAP) as u32, height as u32, Luma([128]));
    for (row, number) in numbers.iter().enumerate() {
        let number: usize = number.parse()?;
        let image = images.get(number).ok_or("no such image")?;
        let Solved { scan, .. } =
            solve(image, &Effort::default(), 0).ok_or("no scan was found for an image")?;
        let rendered = scan.render();
        let side = scan.side();
        // The scan covers the 20 × 20 cells in the middle, of the same scale as the image.
        let (black, part) = (scan.rows(), CELL / side.max(1));
        let margin = (CELL - part * side) / 2;
        let of_scan = |y: usize, x: usize| {
            let inside = |k: usize| k.checked_sub(margin).map(|k| k / part).filter(|&k| k < side);
            let ink = inside(y).zip(inside(x)).map(|(y, x)| (black[y] >> x & 1) as u8);
            255 * ink.unwrap_or(0)
        };
        let at = |y: usize, x: usize| y / SCALE * IMAGE + x / SCALE;
        let panels: [&dyn Fn(usize, usize) -> u8; 4] =
            [&|y, x| image[at(y, x)], &of_scan, &|y, x| rendered[at(y, x)], &|y, x| {
                if image[at(y, x)] == rendered[at(y, x)] { 0 } else { 255 }
            }];
        for (column, panel) in panels.iter().enumerate() {
            let (top, left) = (GAP + row * (CELL + GAP), GAP + column * (CELL + GAP));
            for y in 0..CELL {
                for x in 0..CELL {
                    // Ink is drawn dark.
                    let grey = 255 - panel(y, x);
                    picture.put_pixel((left + x) as u32, (top + y) as u32, Luma([grey]));
                }
            }
        }
    }
    Ok(picture.save(out)?)
}
