//! Archives section by section, and their checksums made right after a change.
//!
//! A hostile file has right checksums: without this, tests and fuzz targets would see little more
//! than the first CRC. It knows the layout of the format and nothing of the library.

use std::ops::Range;

/// Bytes of an archive's header.
pub const HEADER: usize = 20;
/// Type of a block.
pub const BLOCK: u8 = 0x84;
/// Type of a footer.
pub const FOOTER: u8 = 0x07;

/// A varint and its length, if there is a whole one of at most 10 bytes.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (i, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7F).checked_shl(7 * i as u32)?;
        if byte < 0x80 {
            return Some((value, i + 1));
        }
    }
    None
}

/// Type and bytes of each section, as far as they follow one another without a gap.
pub fn sections(file: &[u8]) -> Vec<(u8, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = HEADER;
    while let Some(&ty) = file.get(at) {
        let Some((len, width)) = varint(&file[at + 1..]) else { break };
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let end = (at + 1 + width).saturating_add(len);
        if end > file.len() {
            break;
        }
        found.push((ty, at..end));
        at = end;
    }
    found
}

/// The bytes of the first section of type `ty`.
///
/// # Panics
/// Where there is none.
pub fn first(file: &[u8], ty: u8) -> Range<usize> {
    let all = sections(file);
    all.into_iter().find(|(t, _)| *t == ty).expect("a section of this type").1
}

/// Writes the CRC of `covered` (both parts, in order) at `at`; nothing where a part is missing.
fn put(file: &mut [u8], covered: [Range<usize>; 2], at: usize) {
    let [Some(a), Some(b)] = covered.map(|r| file.get(r)) else { return };
    let crc = crc32c::crc32c_append(crc32c::crc32c(a), b);
    if let Some(to) = file.get_mut(at..at.saturating_add(4)) {
        to.copy_from_slice(&crc.to_le_bytes());
    }
}

/// Makes the checksums of header and sections those of their bytes. The one of a block's decoded
/// pixels stays: nothing short of decoding gives it.
pub fn fix(file: &mut [u8]) {
    put(file, [0..16, 0..0], 16);
    for (ty, range) in sections(file) {
        match ty {
            BLOCK => drop(block(file, range)),
            FOOTER => {
                let offset = (range.start as u64).to_le_bytes();
                if let Some(fields) = file.get(range.start..range.start + 42) {
                    let crc = crc32c::crc32c_append(crc32c::crc32c(fields), &offset);
                    if let Some(to) = file.get_mut(range.start + 42..range.start + 46) {
                        to.copy_from_slice(&crc.to_le_bytes());
                    }
                }
            }
            _ => {
                let covered = range.start..range.end.saturating_sub(4);
                put(file, [covered.clone(), 0..0], covered.end);
            }
        }
    }
}

/// The three checksums of a block that cover coded bytes.
fn block(file: &mut [u8], range: Range<usize>) -> Option<()> {
    let lanes = u16::from_le_bytes([*file.get(10)?, *file.get(11)?]);
    let mut at = range.start + 1;
    let mut next = |file: &[u8]| {
        let (value, width) = varint(file.get(at..range.end)?)?;
        at += width;
        Some(value)
    };
    next(file)?;
    let (method, images) = (next(file)?, next(file)?);
    // One byte, as long as bit 7 is not set.
    let flags = next(file)?;
    if flags & 1 != 0 {
        for _ in 0..3 {
            next(file)?;
        }
    }
    let names = if flags & 2 != 0 { next(file)? } else { 0 };
    let latent = next(file)?;
    let lanes = if method < 2 { 1 } else { images.min(u64::from(lanes)) };
    for _ in 1..lanes {
        next(file)?;
    }
    let end = |at: usize, len: u64| {
        at.checked_add(usize::try_from(len).ok()?).filter(|end| *end <= range.end)
    };
    let crcs = at;
    let names = at + 12..end(at + 12, names)?;
    let latent = names.end..end(names.end, latent)?;
    if names.len() >= 4 {
        put(file, [names.start..names.end - 4, 0..0], names.end - 4);
    }
    put(file, [latent.end..range.end, 0..0], crcs + 4);
    put(file, [range.start..crcs + 8, latent], crcs + 8);
    Some(())
}
