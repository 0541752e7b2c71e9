//! The description of an input file that is to come back byte for byte (SPEC.md section 8.6).
//!
//! ```text
//! kind (0 IDX stack, 1 opaque) │ varint length of the name │ name │ varint first image
//! kind 0: the IDX header; its images follow as images of the archive
//! kind 1: CRC-32C of the bytes │ packed bytes (encoding, decoded length, bytes)
//! ```

use crate::container::bytes::{Reader, put_varint};
use crate::container::section::{self, FILE};
use crate::container::{MAX_NAME, pack};
use crate::error::{Error, Place, Section};
use crate::image::IdxHeader;
use crate::limits::Limits;

const IDX: u8 = 0;
const OPAQUE: u8 = 1;

/// A FILE section without the bytes of an opaque file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileHead {
    pub name: String,
    /// Number of the archive's images before the file.
    pub first_image: u64,
    /// The header of an IDX stack; `None` for an opaque file.
    pub idx: Option<IdxHeader>,
}

fn head(kind: u8, name: &str, first_image: u64) -> Vec<u8> {
    let mut body = vec![kind];
    put_varint(&mut body, name.len() as u64);
    body.extend_from_slice(name.as_bytes());
    put_varint(&mut body, first_image);
    body
}

/// The FILE section of an IDX stack.
pub(crate) fn encode_idx(name: &str, first_image: u64, header: &IdxHeader) -> Vec<u8> {
    let mut body = head(IDX, name, first_image);
    body.extend_from_slice(&header.to_bytes());
    section::encode(FILE, &body)
}

/// The FILE section of an opaque file.
pub(crate) fn encode_opaque(name: &str, first_image: u64, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut body = head(OPAQUE, name, first_image);
    body.extend_from_slice(&crc32c::crc32c(bytes).to_le_bytes());
    pack::put(&mut body, bytes)?;
    Ok(section::encode(FILE, &body))
}

fn get_head(r: &mut Reader<'_>) -> Result<FileHead, Error> {
    let start = r.position();
    let kind = r.u8()?;
    if kind > OPAQUE {
        return Err(r.corrupt(start, format!("reserved kind of file {kind}")));
    }
    let len = r.varint_to("the length of the name", MAX_NAME as u64)?;
    let at = r.position();
    let name = std::str::from_utf8(r.take_u64(len)?)
        .map_err(|_| r.corrupt(at, "the name of a file is not UTF-8"))?
        .to_owned();
    let first_image = r.varint()?;
    if kind == OPAQUE {
        return Ok(FileHead { name, first_image, idx: None });
    }
    let at = r.position();
    let bytes = r.rest();
    let place = Place::bytes(Section::File, at..r.position());
    let header = IdxHeader::parse(bytes)
        .map_err(|e| Error::corrupt(place.clone(), format!("IDX header: {e}")))?;
    if header.to_bytes() != bytes || header.image_shape().is_none() {
        return Err(Error::corrupt(place, "not the IDX header of a stack of images"));
    }
    Ok(FileHead { name, first_image, idx: Some(header) })
}

/// The description in the FILE section `bytes` at `base`.
pub(crate) fn decode(bytes: &[u8], base: u64) -> Result<FileHead, Error> {
    get_head(&mut section::body(bytes, base, FILE)?)
}

/// The bytes of the opaque file in the FILE section `bytes` at `base`.
pub(crate) fn decode_opaque(bytes: &[u8], base: u64, limits: &Limits) -> Result<Vec<u8>, Error> {
    let mut r = section::body(bytes, base, FILE)?;
    if get_head(&mut r)?.idx.is_some() {
        return Err(r.corrupt(base, "an opaque file expected, an IDX stack found"));
    }
    let start = r.position();
    let crc = r.u32()?;
    let out = pack::get(&mut r, "bytes of an opaque file", limits)?;
    if crc32c::crc32c(&out) != crc {
        return Err(r.corrupt(start, "CRC of the opaque file does not match"));
    }
    Ok(out)
}
