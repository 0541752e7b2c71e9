//! A folder of image files.

use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageReader};

use super::{DataError, Images};

/// File name endings that are read.
const ENDINGS: [&str; 10] =
    ["png", "pgm", "ppm", "pnm", "bmp", "webp", "tif", "tiff", "qoi", "pam"];

/// Reads all image files right in a folder (PNG, PNM, BMP, WebP, TIFF, QOI), in the order of
/// their names' bytes. All must have one size and one number of channels, 8 bits each; other
/// files are passed over.
///
/// # Errors
/// Where a file cannot be read, or differs from the first one.
pub fn read_folder(path: &Path) -> Result<Images, DataError> {
    let io = |source| DataError::Io { path: path.to_owned(), source };
    let mut files = std::fs::read_dir(path)
        .and_then(|entries| entries.map(|e| Ok(e?.path())).collect::<Result<Vec<PathBuf>, _>>())
        .map_err(io)?;
    files.retain(|f| {
        let ending = f.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        ENDINGS.contains(&ending.as_str())
    });
    files.sort();
    let mut all: Option<Images> = None;
    for file in files {
        let one = read_image(&file)?;
        let Some(all) = &mut all else {
            all = Some(one);
            continue;
        };
        let kind = |i: &Images| (i.height, i.width, i.channels);
        if kind(all) != kind(&one) {
            let (found, wanted) = (describe(&one), describe(all));
            return Err(DataError::Unequal { path: file, found, wanted });
        }
        all.pixels.extend_from_slice(&one.pixels);
        all.n += 1;
    }
    all.ok_or_else(|| DataError::Empty(path.to_owned()))
}

fn describe(images: &Images) -> String {
    format!("{} x {} with {} channels", images.width, images.height, images.channels)
}

fn read_image(path: &Path) -> Result<Images, DataError> {
    let io = |source| DataError::Io { path: path.to_owned(), source };
    let decoded = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(io)?
        .decode()
        .map_err(|source| DataError::Decode { path: path.to_owned(), source })?;
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    let (channels, pixels) = match decoded {
        DynamicImage::ImageLuma8(i) => (1, i.into_raw()),
        DynamicImage::ImageLumaA8(i) => (2, i.into_raw()),
        DynamicImage::ImageRgb8(i) => (3, i.into_raw()),
        DynamicImage::ImageRgba8(i) => (4, i.into_raw()),
        _ => return Err(DataError::Depth(path.to_owned())),
    };
    Ok(Images { n: 1, height, width, channels, pixels })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, RgbImage};

    #[test]
    fn every_format_gives_the_pixels_in_name_order() {
        let folder = tempfile::tempdir().unwrap();
        let endings = ["png", "ppm", "bmp", "webp", "tiff", "qoi"];
        for (i, ending) in endings.iter().enumerate() {
            let pixels = (0..60).map(|p| (p * 4 + i) as u8).collect();
            let image = RgbImage::from_raw(5, 4, pixels).unwrap();
            image.save(folder.path().join(format!("{i}.{ending}"))).unwrap();
        }
        std::fs::write(folder.path().join("notes.txt"), "no image").unwrap();
        let images = read_folder(folder.path()).unwrap();
        assert_eq!((images.n, images.height, images.width, images.channels), (6, 4, 5, 3));
        for (i, ending) in endings.iter().enumerate() {
            assert!((0..60).all(|p| images.image(i)[p] == (p * 4 + i) as u8), "{ending}");
        }
    }

    #[test]
    fn unequal_deep_and_missing_images_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read_folder(folder.path()), Err(DataError::Empty(_))));
        GrayImage::new(5, 4).save(folder.path().join("a.png")).unwrap();
        let other = folder.path().join("b.png");
        GrayImage::new(4, 5).save(&other).unwrap();
        assert!(matches!(read_folder(folder.path()), Err(DataError::Unequal { .. })));
        DynamicImage::new_luma16(5, 4).save(&other).unwrap();
        assert!(matches!(read_folder(folder.path()), Err(DataError::Depth(_))));
        std::fs::write(&other, "no image").unwrap();
        assert!(matches!(read_folder(folder.path()), Err(DataError::Decode { .. })));
    }
}
