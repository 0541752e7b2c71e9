//! NumPy's formats: one array (`.npy`), and several by their names (`.npz`).

mod archive;
mod error;
mod header;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use self::header::{Layout, read_layout};
use super::{DataError, Images};

pub use error::ArrayError;

/// Reads a `.npy` file of unsigned bytes: rank 3 (images, rows, columns) or rank 4 (images, rows,
/// columns, channels), in C or Fortran order.
///
/// # Errors
/// Where the file cannot be read, is not what its header says, or holds another kind of array.
pub fn read_npy(path: &Path) -> Result<Images, DataError> {
    let read = || {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        let mut input = BufReader::new(file);
        let layout = read_layout(&mut input)?;
        read_pixels(input, layout, len)
    };
    read().map_err(|source| DataError::Array { place: path.display().to_string(), source })
}

/// Reads the one array of images in a `.npz` file, or the array `name`.
///
/// # Errors
/// As [`read_npy`]; where there is no such array, or no name is given and there are several.
pub fn read_npz(path: &Path, name: Option<&str>) -> Result<Images, DataError> {
    let file = File::open(path).map_err(|e| (None, e.into()));
    file.and_then(|file| archive::read(BufReader::new(file), name)).map_err(|(name, source)| {
        let name = name.map_or(String::new(), |name| format!(": array {name}"));
        DataError::Array { place: format!("{}{name}", path.display()), source }
    })
}

/// Reads what follows the header. `len` is what the file, header included, is said to hold.
fn read_pixels(input: impl Read, layout: Layout, len: u64) -> Result<Images, ArrayError> {
    let Layout { shape, fortran, wanted, header } = layout;
    let found = len.saturating_sub(header);
    if found != wanted as u64 {
        return Err(ArrayError::Length { shape, wanted, found });
    }
    // Grows with what is there, as `len` may be false in an archive. One byte more than wanted is
    // read to see whether the input ends where it should.
    let mut pixels = Vec::new();
    input.take(wanted as u64 + 1).read_to_end(&mut pixels)?;
    if pixels.len() != wanted {
        return Err(ArrayError::Length { shape, wanted, found: pixels.len() as u64 });
    }
    let [n, height, width] = [0, 1, 2].map(|i| shape[i]);
    let channels = shape.get(3).map_or(1, |&c| c);
    let mut images = Images { n, height, width, channels, pixels };
    if fortran {
        images.pixels = last_index_fastest(&images);
    }
    Ok(images)
}

/// Brings pixels whose first index runs fastest into the order of [`Images`].
fn last_index_fastest(images: &Images) -> Vec<u8> {
    let Images { n, height, width, channels, ref pixels } = *images;
    let mut all = Vec::with_capacity(pixels.len());
    for i in 0..n {
        for y in 0..height {
            for x in 0..width {
                all.extend((0..channels).map(|c| pixels[i + n * (y + height * (x + width * c))]));
            }
        }
    }
    all
}
