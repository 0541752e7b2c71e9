//! The first directory of a TIFF: what it says of pages, colours and metadata.

use super::look::Dropped;
use crate::error::Error;

/// Refuses what would not come back (pages, floats, CMYK) and names what will be dropped.
pub(super) fn look(bytes: &[u8]) -> Result<Dropped, Error> {
    // A directory that cannot be followed is for the decoder to complain about.
    let Some(directory) = Directory::first(bytes) else { return Ok(Dropped::new()) };
    if directory.next != 0 {
        return Err(Error::Unsupported("a TIFF of several pages".into()));
    }
    let mut dropped = Dropped::new();
    for entry in directory.entries {
        match entry.tag {
            262 if entry.value(0) == Some(5) => {
                return Err(Error::Unsupported("CMYK pixels in a TIFF".into()));
            }
            339 if (0..entry.count).take(8).any(|i| entry.value(i) == Some(3)) => {
                return Err(Error::Unsupported("floating-point pixels in a TIFF".into()));
            }
            330 => drop(dropped.insert("a sub-image")),
            274 if entry.value(0) != Some(1) => drop(dropped.insert("orientation")),
            269 | 270 | 285 | 305 | 306 | 315 | 316 | 33432 => drop(dropped.insert("text")),
            700 => drop(dropped.insert("XMP")),
            34665 | 34853 => drop(dropped.insert("EXIF")),
            34675 => drop(dropped.insert("ICC profile")),
            _ => {}
        }
    }
    Ok(dropped)
}

struct Directory<'a> {
    entries: Vec<Entry<'a>>,
    /// Position of the next directory, 0 for none.
    next: u32,
}

/// Twelve bytes: tag, type, count, and the value or its position.
struct Entry<'a> {
    file: File<'a>,
    tag: u16,
    kind: u16,
    count: u32,
    at: usize,
}

#[derive(Clone, Copy)]
struct File<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl<'a> Directory<'a> {
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let file = File { bytes, big_endian: bytes.first() == Some(&b'M') };
        let start = usize::try_from(file.u32(4)?).ok()?;
        let count = usize::from(file.u16(start)?);
        let end = start.checked_add(2 + 12 * count)?;
        let next = file.u32(end)?;
        let entries = (0..count).map_while(|i| Entry::at(file, start + 2 + 12 * i)).collect();
        Some(Directory { entries, next })
    }
}

impl<'a> Entry<'a> {
    fn at(file: File<'a>, at: usize) -> Option<Self> {
        let (tag, kind, count) = (file.u16(at)?, file.u16(at + 2)?, file.u32(at + 4)?);
        Some(Entry { file, tag, kind, count, at })
    }

    /// Value `i` of a field of shorts or longs.
    fn value(&self, i: u32) -> Option<u32> {
        let size = match self.kind {
            3 => 2,
            4 => 4,
            _ => return None,
        };
        let inline = u64::from(self.count) * size <= 4;
        let base = if inline { self.at + 8 } else { self.file.u32(self.at + 8)? as usize };
        let at = base.checked_add(usize::try_from(u64::from(i) * size).ok()?)?;
        if size == 2 { self.file.u16(at).map(u32::from) } else { self.file.u32(at) }
    }
}

impl File<'_> {
    fn u16(&self, at: usize) -> Option<u16> {
        let b = self.bytes.get(at..at.checked_add(2)?)?;
        let b = [b[0], b[1]];
        Some(if self.big_endian { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let b = self.bytes.get(at..at.checked_add(4)?)?;
        let b = [b[0], b[1], b[2], b[3]];
        Some(if self.big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) })
    }
}
