//! Files that are already on this machine.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::check::{Checked, check};
use super::{DatasetError, Known};

/// Where the package dataset-fashion-mnist puts its folder.
pub(super) const DEBIAN: &str = "/usr/share/datasets";

/// Looks for a file, plain or in gzip, in a folder and in the folders that others would put it in.
/// Gives its path and its bytes, decompressed.
pub(super) fn find(
    folder: &Path,
    wanted: &Known,
    table: &[Known],
) -> Result<Option<(PathBuf, Vec<u8>)>, DatasetError> {
    for place in wanted.set.places() {
        for ending in ["", ".gz"] {
            let path = folder.join(place).join(format!("{}{ending}", wanted.name));
            if !path.is_file() {
                continue;
            }
            if let Checked::Right(bytes) = check_file(&path, wanted, table)? {
                return Ok(Some((path, bytes)));
            }
        }
    }
    Ok(None)
}

/// Checks one file.
pub(super) fn check_file(
    path: &Path,
    wanted: &Known,
    table: &[Known],
) -> Result<Checked, DatasetError> {
    let place = path.display().to_string();
    match File::open(path) {
        Ok(file) => check(&place, BufReader::new(file), wanted, table),
        Err(source) => Err(DatasetError::Io { place, source }),
    }
}
