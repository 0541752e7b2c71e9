//! Several arrays in one ZIP file, as `numpy.savez` and `numpy.savez_compressed` write them.

use std::io::{Read, Seek};

use zip::ZipArchive;

use super::header::read_layout;
use super::{ArrayError, read_pixels};
use crate::data::Images;

/// Names in an error; an archive may have any number.
const NAMES_SHOWN: usize = 20;

/// What is wrong, and with which array if with one.
pub(super) type Failure = (Option<String>, ArrayError);

/// Reads the one array of images, or the array `wanted`.
pub(super) fn read(input: impl Read + Seek, wanted: Option<&str>) -> Result<Images, Failure> {
    let whole = |e| (None, e);
    let mut zip = ZipArchive::new(input).map_err(|e| whole(e.into()))?;
    let names = array_names(&zip).map_err(whole)?;
    let (index, name) = match wanted {
        Some(wanted) => {
            names.iter().find(|(_, name)| name == wanted).cloned().ok_or_else(|| {
                let found = list(names.iter().map(|(_, name)| name.clone()));
                whole(ArrayError::NoArray { wanted: wanted.to_owned(), found })
            })?
        }
        None => the_only_one(&mut zip, &names)?,
    };
    let mut read = || {
        let mut entry = zip.by_index(index)?;
        let len = entry.size();
        let layout = read_layout(&mut entry)?;
        read_pixels(entry, layout, len)
    };
    read().map_err(|e| (Some(name), e))
}

/// The entries that are arrays: index and name without its ending.
fn array_names(zip: &ZipArchive<impl Read + Seek>) -> Result<Vec<(usize, String)>, ArrayError> {
    let mut names = Vec::new();
    for (index, name) in zip.file_names().enumerate() {
        if let Some(name) = name?.strip_suffix(".npy") {
            names.push((index, name.to_owned()));
        }
    }
    Ok(names)
}

/// The one array that can be images, by its header.
fn the_only_one(
    zip: &mut ZipArchive<impl Read + Seek>,
    names: &[(usize, String)],
) -> Result<(usize, String), Failure> {
    let (mut images, mut others) = (Vec::new(), Vec::new());
    for (index, name) in names {
        let mut entry = zip.by_index(*index).map_err(|e| (Some(name.clone()), e.into()))?;
        match read_layout(&mut entry) {
            Ok(_) => images.push((*index, name.clone())),
            Err(e) if others.len() < NAMES_SHOWN => others.push(format!("{name}: {e}")),
            // Only counted.
            Err(_) => others.push(String::new()),
        }
    }
    match &images[..] {
        [only] => Ok(only.clone()),
        [] => Err((None, ArrayError::NoImages(list(others.into_iter())))),
        _ => {
            let names = list(images.into_iter().map(|(_, name)| name));
            Err((None, ArrayError::Several(names)))
        }
    }
}

fn list(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(NAMES_SHOWN);
    let shown: Vec<String> = names.take(NAMES_SHOWN).collect();
    match (shown.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => shown.join(", "),
        (false, more) => format!("{}, and {more} more", shown.join(", ")),
    }
}
