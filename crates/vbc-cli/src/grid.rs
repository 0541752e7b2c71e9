//! Images side by side in one picture.

use vbc::{Error, Image, Limits, Shape};

/// Pixels between two images.
const GAP: u32 = 1;

/// A picture with the images in rows, about as many rows as columns. All cells are as large as the
/// largest image; what no image covers is 0.
///
/// # Errors
/// [`Error::Input`] without images or for images of several pixel formats, [`Error::Limit`].
pub fn of(images: &[&Image], limits: &Limits) -> Result<Image, Error> {
    let [first, ..] = images else { return Err(Error::Input("no images for a grid".into())) };
    let format = first.shape().format;
    if images.iter().any(|i| i.shape().format != format) {
        return Err(Error::Input(
            "images of several pixel formats do not fit in one grid; name a directory".into(),
        ));
    }
    let columns = (1u64..).find(|c| c * c >= images.len() as u64).unwrap_or(1);
    let rows = (images.len() as u64).div_ceil(columns);
    let cell = |side: fn(Shape) -> u32| images.iter().map(|i| side(i.shape())).max().unwrap_or(1);
    let (cell_width, cell_height) = (cell(|s| s.width), cell(|s| s.height));
    let total = |cell: u32, count: u64| {
        let pixels = (u64::from(cell) + u64::from(GAP)) * count - u64::from(GAP);
        u32::try_from(pixels).map_err(|_| Error::Input("the grid is too large".into()))
    };
    let shape =
        Shape { width: total(cell_width, columns)?, height: total(cell_height, rows)?, format };
    shape.check(limits)?;
    let mut data = vec![0; shape.bytes() as usize];
    let pixel = format.pixel_bytes() as usize;
    let stride = shape.width as usize * pixel;
    for (i, image) in images.iter().enumerate() {
        let (column, row) = (i % columns as usize, i / columns as usize);
        let x = column * (cell_width + GAP) as usize * pixel;
        let y = row * (cell_height + GAP) as usize;
        let line = image.shape().width as usize * pixel;
        for (dy, from) in image.data().chunks_exact(line).enumerate() {
            let at = (y + dy) * stride + x;
            data[at..at + line].copy_from_slice(from);
        }
    }
    Image::new(shape, data)
}

#[cfg(test)]
mod tests {
    use vbc::PixelFormat;

    use super::*;

    #[test]
    fn three_images_in_two_rows() {
        let image = |width, height, value: u8| {
            let shape = Shape { width, height, format: PixelFormat::Grey8 };
            Image::new(shape, vec![value; (width * height) as usize]).expect("small")
        };
        let (a, b, c) = (image(2, 1, 1), image(1, 1, 2), image(1, 2, 3));
        let grid = of(&[&a, &b, &c], &Limits::default()).expect("small");
        assert_eq!((grid.shape().width, grid.shape().height), (5, 5));
        #[rustfmt::skip]
        assert_eq!(grid.data(), [
            1, 1, 0, 2, 0,
            0, 0, 0, 0, 0,
            0, 0, 0, 0, 0,
            3, 0, 0, 0, 0,
            3, 0, 0, 0, 0,
        ]);
        let other = Image::new(Shape { format: PixelFormat::Rgb8, ..a.shape() }, vec![0; 6]);
        assert!(of(&[&a, &other.expect("small")], &Limits::default()).is_err());
    }
}
