//! A file's sum against the known ones.

use std::io::{BufRead, Read};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::{DatasetError, Known};

/// What a file turned out to be.
pub(super) enum Checked {
    /// The file looked for: its bytes, decompressed.
    Right(Vec<u8>),
    /// Another one of the known files: other sets have files of the same name.
    Other,
}

/// Reads a file, plain or in gzip, and looks for its sum in the table. An unknown file is an error.
pub(super) fn check(
    place: &str,
    mut input: impl BufRead,
    wanted: &Known,
    table: &[Known],
) -> Result<Checked, DatasetError> {
    let io = |source| DatasetError::Io { place: place.to_owned(), source };
    let zipped = input.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
    let mut bytes = Vec::new();
    let read = match zipped {
        true => MultiGzDecoder::new(input).take(wanted.len + 1).read_to_end(&mut bytes),
        false => input.take(wanted.len + 1).read_to_end(&mut bytes),
    };
    read.map_err(io)?;
    let (place, expected) = (place.to_owned(), wanted.sha256);
    if bytes.len() as u64 > wanted.len {
        return Err(DatasetError::Long { place, limit: wanted.len, expected });
    }
    let found: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    if found == expected {
        Ok(Checked::Right(bytes))
    } else if table.iter().any(|known| known.sha256 == found) {
        Ok(Checked::Other)
    } else {
        Err(DatasetError::Unknown { place, found, expected })
    }
}
