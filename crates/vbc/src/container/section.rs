//! The frame around every part of an archive after its header (SPEC.md section 8.3).
//!
//! ```text
//! type │ varint length of the rest │ body │ CRC-32C of all before it (but see BLOCK, FOOTER)
//! ```
//!
//! Bit 7 of the type says that a reader which does not know the type must refuse the archive.

use crate::container::bytes::{MAX_VARINT, Reader, put_varint};
use crate::error::{Error, Section};

pub(crate) const METHOD: u8 = 0x81;
pub(crate) const MODEL: u8 = 0x82;
pub(crate) const FILE: u8 = 0x83;
pub(crate) const BLOCK: u8 = 0x84;
pub(crate) const PAGE: u8 = 0x05;
pub(crate) const ROOT: u8 = 0x06;
pub(crate) const FOOTER: u8 = 0x07;

/// Bit of the type that makes a section essential.
pub(crate) const ESSENTIAL: u8 = 0x80;
/// Most bytes of type and length.
pub(crate) const MAX_FRAME: usize = 1 + MAX_VARINT;
/// Bytes of the CRC at the end of most sections.
pub(crate) const CRC: usize = 4;

/// Type and length of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub ty: u8,
    /// Bytes of type and length themselves.
    pub frame_len: u64,
    /// Bytes of the whole section.
    pub total: u64,
}

/// What to call a section of type `ty` in an error.
pub(crate) fn kind(ty: u8) -> Section {
    match ty {
        METHOD => Section::Method,
        MODEL => Section::Model,
        FILE => Section::File,
        BLOCK => Section::Block,
        PAGE | ROOT => Section::Index,
        FOOTER => Section::Footer,
        _ => Section::Unknown,
    }
}

/// Whether this reader knows the type.
pub(crate) fn is_known(ty: u8) -> bool {
    matches!(ty, METHOD | MODEL | FILE | BLOCK | PAGE | ROOT | FOOTER)
}

impl Frame {
    /// The frame at the start of `bytes`, which stand at `base`.
    pub fn decode(bytes: &[u8], base: u64) -> Result<Self, Error> {
        let ty = bytes.first().copied().unwrap_or_default();
        let mut r = Reader::new(bytes, base, kind(ty));
        r.u8()?;
        let len = r.varint()?;
        let frame_len = r.consumed().len() as u64;
        match frame_len.checked_add(len) {
            Some(total) => Ok(Frame { ty, frame_len, total }),
            None => Err(r.corrupt(base, "a section longer than any file")),
        }
    }
}

/// A section that ends with a CRC over all of it.
pub(crate) fn encode(ty: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(MAX_FRAME + body.len() + CRC);
    out.push(ty);
    put_varint(&mut out, (body.len() + CRC) as u64);
    out.extend_from_slice(body);
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// The body of the section `bytes` (all of it, standing at `base`), its CRC checked.
pub(crate) fn body<'a>(bytes: &'a [u8], base: u64, ty: u8) -> Result<Reader<'a>, Error> {
    let frame = Frame::decode(bytes, base)?;
    let mut r = Reader::new(bytes, base, kind(ty));
    if frame.ty != ty || frame.total != bytes.len() as u64 {
        r.rest();
        return Err(r.corrupt(
            base,
            format!(
                "section of type {:#04x} and {} bytes, type {ty:#04x} and {} bytes expected",
                frame.ty,
                frame.total,
                bytes.len()
            ),
        ));
    }
    let (covered, crc) = match bytes.split_last_chunk::<CRC>() {
        Some((covered, crc)) if covered.len() as u64 >= frame.frame_len => (covered, crc),
        _ => return Err(r.corrupt(base, "a section too short for its CRC")),
    };
    if crc32c::crc32c(covered) != u32::from_le_bytes(*crc) {
        r.rest();
        return Err(r.corrupt(base, "CRC of the section does not match"));
    }
    let mut r = Reader::new(covered, base, kind(ty));
    r.take_u64(frame.frame_len)?;
    Ok(r)
}
