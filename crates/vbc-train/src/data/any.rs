//! Images in any of the formats that are read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{ArrayError, DataError, Images, read_folder, read_idx, read_npy, read_npz};

/// Reads a folder of pictures, an IDX file (plain or in gzip), a `.npy` or a `.npz` file. Files are
/// told apart by their first bytes. `array` names an array of a `.npz` file.
///
/// # Errors
/// As [`read_folder`], [`read_idx`], [`read_npy`] and [`read_npz`]; where a name is given and the
/// file is no `.npz`.
pub fn read_images(path: &Path, array: Option<&str>) -> Result<Images, DataError> {
    let mut start = Vec::new();
    if !path.is_dir() {
        File::open(path)
            .and_then(|file| file.take(6).read_to_end(&mut start))
            .map_err(|source| DataError::Io { path: path.to_owned(), source })?;
    }
    // The second one is a ZIP file without entries.
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return read_npz(path, array);
    }
    if let Some(name) = array {
        let source = ArrayError::NoNames(name.to_owned());
        return Err(DataError::Array { place: path.display().to_string(), source });
    }
    match &start[..] {
        [] if path.is_dir() => read_folder(path),
        b"\x93NUMPY" => read_npy(path),
        _ => read_idx(path),
    }
}
