//! The names of a block's images (SPEC.md section 8.7).
//!
//! ```text
//! packed list (encoding, decoded length, bytes) │ CRC-32C of it
//! list: for each image varint n, then n − 1 bytes of UTF-8; n = 0 says that it has no name
//! ```

use crate::container::bytes::{Reader, put_varint};
use crate::container::{MAX_NAME, pack};
use crate::error::{Error, Place, Section};
use crate::limits::Limits;

/// The names part; empty where no image has a name.
pub(crate) fn encode(names: &[Option<String>]) -> Result<Vec<u8>, Error> {
    if names.iter().all(Option::is_none) {
        return Ok(Vec::new());
    }
    let mut list = Vec::new();
    for name in names {
        match name {
            None => put_varint(&mut list, 0),
            Some(name) => {
                put_varint(&mut list, name.len() as u64 + 1);
                list.extend_from_slice(name.as_bytes());
            }
        }
    }
    let mut out = Vec::new();
    pack::put(&mut out, &list)?;
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    Ok(out)
}

/// Refuses a names part whose CRC does not match.
pub(crate) fn check(bytes: &[u8], base: u64) -> Result<&[u8], Error> {
    match bytes.split_last_chunk::<4>() {
        Some((list, crc)) if crc32c::crc32c(list) == u32::from_le_bytes(*crc) => Ok(list),
        _ => {
            let place = Place::bytes(Section::Names, base..base.saturating_add(bytes.len() as u64));
            Err(Error::corrupt(place, "CRC of the names does not match"))
        }
    }
}

/// The names of `count` images.
pub(crate) fn decode(
    bytes: &[u8],
    base: u64,
    count: usize,
    limits: &Limits,
) -> Result<Vec<Option<String>>, Error> {
    let packed = check(bytes, base)?;
    let place = Place::bytes(Section::Names, base..base.saturating_add(bytes.len() as u64));
    let list = pack::get(&mut Reader::new(packed, base, Section::Names), "bytes of names", limits)?;
    // Offsets inside the decoded list are none of the file's: the place is the whole part.
    let wrong = |what: String| Error::corrupt(place.clone(), what);
    let mut r = Reader::new(&list, 0, Section::Names);
    let mut names = Vec::new();
    for i in 0..count {
        let n = r.varint().map_err(|_| wrong(format!("the list ends before name {i}")))?;
        if n == 0 {
            names.push(None);
            continue;
        }
        if n - 1 > MAX_NAME as u64 {
            return Err(wrong(format!("name {i} has {} bytes, at most {MAX_NAME} allowed", n - 1)));
        }
        let text = r.take_u64(n - 1).map_err(|_| wrong(format!("the list ends in name {i}")))?;
        let text = std::str::from_utf8(text).map_err(|_| wrong(format!("name {i}: not UTF-8")))?;
        names.push(Some(text.to_owned()));
    }
    if r.left() > 0 || names.iter().all(Option::is_none) {
        return Err(wrong("a list of other length, or without any name".into()));
    }
    Ok(names)
}

/// Refuses a name that no file can hold.
pub(crate) fn check_input(name: &str) -> Result<(), Error> {
    if name.len() > MAX_NAME {
        return Err(Error::Input(format!(
            "a name of {} bytes; at most {MAX_NAME} allowed",
            name.len()
        )));
    }
    Ok(())
}
