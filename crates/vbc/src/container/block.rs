//! A block of images: the unit of coding and of random access.
//!
//! ```text
//! type 84 │ varint length of the rest
//! varint method │ varint images │ flags (1 shape, 2 names)
//! [format │ varint width │ varint height] │ [varint bytes of names] │ varint bytes of latent
//! lanes − 1 varints: bytes of each lane but the last
//! CRC-32C of the pixels │ CRC-32C of all lanes │ CRC-32C of all above and the latent
//! names │ latent │ lanes
//! ```

use crate::coder::CodedBlock;
use crate::container::bytes::{Reader, put_varint, varint_len};
use crate::container::section::{BLOCK, Frame};
use crate::container::{FIRST_MODEL, MAX_LANES, MAX_METHODS, header, names};
use crate::error::{Error, Place, Section};
use crate::image::{PixelFormat, Shape};

const HAS_SHAPE: u8 = 1;
const HAS_NAMES: u8 = 2;
const CRCS: u64 = 12;

/// No block header is longer than this.
pub(crate) const MAX_HEADER: u64 = 11 + 10 + 3 + 1 + 11 + 20 + 10 * MAX_LANES as u64 + CRCS;

/// What the header of a block says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    /// Index into the method table.
    pub method: u64,
    /// Images in the block.
    pub images: u32,
    /// Shape of the images, where it is not the model's.
    pub shape: Option<Shape>,
    /// Bytes of the names part; 0 for none.
    pub names_len: u64,
    pub latent_len: u64,
    /// Bytes of each lane.
    pub lanes: Vec<u64>,
    pub pixels_crc: u32,
    pub residual_crc: u32,
    /// CRC of the header and the latent.
    pub head_crc: u32,
    /// Bytes of the section up to the names.
    pub header_len: u64,
    /// Bytes of the section.
    pub total: u64,
}

/// Coder lanes of a block: those of the archive for a model, one for generic and raw.
pub(crate) fn lanes_of(method: u64, images: u32, archive: &header::Header) -> usize {
    if method < FIRST_MODEL { 1 } else { images.min(u32::from(archive.lanes)) as usize }
}

/// Appends format, width and height.
pub(crate) fn put_shape(out: &mut Vec<u8>, shape: Shape) {
    out.push(shape.format as u8);
    put_varint(out, u64::from(shape.width));
    put_varint(out, u64::from(shape.height));
}

/// Reads format, width and height; a side of 0 is refused.
pub(crate) fn get_shape(r: &mut Reader<'_>) -> Result<Shape, Error> {
    let start = r.position();
    let byte = r.u8()?;
    let format = PixelFormat::from_byte(byte)
        .ok_or_else(|| r.corrupt(start, format!("reserved pixel format {byte}")))?;
    let max = u64::from(u32::MAX);
    let width = r.varint_to("the width", max)? as u32;
    let height = r.varint_to("the height", max)? as u32;
    if width == 0 || height == 0 {
        return Err(r.corrupt(start, format!("an image of {width} × {height} pixels")));
    }
    Ok(Shape { width, height, format })
}

/// The parts of a block that do not depend on the method table of the archive.
pub(crate) struct Parts<'a> {
    pub images: u32,
    pub shape: Option<Shape>,
    /// The names part as [`names::encode`] gives it.
    pub names: &'a [u8],
    pub coded: &'a CodedBlock,
    pub pixels_crc: u32,
}

impl Parts<'_> {
    fn fields(&self, method: u64) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, method);
        put_varint(&mut out, u64::from(self.images));
        let mut flags = 0;
        flags |= if self.shape.is_some() { HAS_SHAPE } else { 0 };
        flags |= if self.names.is_empty() { 0 } else { HAS_NAMES };
        out.push(flags);
        if let Some(shape) = self.shape {
            put_shape(&mut out, shape);
        }
        if !self.names.is_empty() {
            put_varint(&mut out, self.names.len() as u64);
        }
        put_varint(&mut out, self.coded.latent.bytes.len() as u64);
        if let Some((_, but_last)) = self.coded.lanes.split_last() {
            but_last.iter().for_each(|lane| put_varint(&mut out, lane.bytes.len() as u64));
        }
        out
    }

    fn body_len(&self, fields: u64) -> u64 {
        let lanes: u64 = self.coded.lanes.iter().map(|l| l.bytes.len() as u64).sum();
        fields + CRCS + (self.names.len() + self.coded.latent.bytes.len()) as u64 + lanes
    }

    /// Bytes of the section under a method of index below 128.
    pub fn cost(&self) -> u64 {
        let body = self.body_len(self.fields(0).len() as u64);
        1 + varint_len(body) + body
    }

    /// The whole section.
    pub fn encode(&self, method: u64) -> Vec<u8> {
        let fields = self.fields(method);
        let mut out = vec![BLOCK];
        put_varint(&mut out, self.body_len(fields.len() as u64));
        out.extend_from_slice(&fields);
        out.extend_from_slice(&self.pixels_crc.to_le_bytes());
        let residual =
            self.coded.lanes.iter().fold(0, |crc, lane| crc32c::crc32c_append(crc, &lane.bytes));
        out.extend_from_slice(&residual.to_le_bytes());
        let head = crc32c::crc32c_append(crc32c::crc32c(&out), &self.coded.latent.bytes);
        out.extend_from_slice(&head.to_le_bytes());
        out.extend_from_slice(self.names);
        out.extend_from_slice(&self.coded.latent.bytes);
        self.coded.lanes.iter().for_each(|lane| out.extend_from_slice(&lane.bytes));
        out
    }
}

impl BlockHeader {
    /// The header at the start of a section at `base`, of which `bytes` is the beginning. Every
    /// length is known to fit the section; the CRC is not checked yet.
    pub fn decode(bytes: &[u8], base: u64, archive: &header::Header) -> Result<Self, Error> {
        let frame = Frame::decode(bytes, base)?;
        let mut r = Reader::new(bytes, base, Section::Block);
        r.take_u64(frame.frame_len)?;
        if frame.ty != BLOCK {
            return Err(r.corrupt(base, format!("section of type {:#04x} is no block", frame.ty)));
        }
        let method = r.varint_to("the method", MAX_METHODS as u64 - 1)?;
        let start = r.position();
        let images = r.varint_to("the number of images", u64::from(archive.block_images))? as u32;
        if images == 0 {
            return Err(r.corrupt(start, "a block without images"));
        }
        let start = r.position();
        let flags = r.u8()?;
        if flags & !(HAS_SHAPE | HAS_NAMES) != 0 {
            return Err(r.corrupt(start, format!("reserved flags in {flags:#04x} are set")));
        }
        let shape = if flags & HAS_SHAPE != 0 { Some(get_shape(&mut r)?) } else { None };
        let names_len = if flags & HAS_NAMES != 0 { r.varint()? } else { 0 };
        if flags & HAS_NAMES != 0 && names_len < 7 {
            return Err(r.corrupt(start, "a names part too short to hold a name"));
        }
        let latent_len = r.varint()?;
        let mut lanes = Vec::new();
        for _ in 1..lanes_of(method, images, archive) {
            lanes.push(r.varint()?);
        }
        let pixels_crc = r.u32()?;
        let residual_crc = r.u32()?;
        let head_crc = r.u32()?;
        let header_len = r.consumed().len() as u64;
        // The last lane has what the section has left.
        let mut known = [names_len, latent_len].into_iter().chain(lanes.iter().copied());
        let used = known.try_fold(header_len, |sum, n| sum.checked_add(n));
        match used.and_then(|used| frame.total.checked_sub(used)) {
            Some(last) => lanes.push(last),
            None => return Err(r.corrupt(base, "the parts of the block are longer than it is")),
        }
        Ok(BlockHeader {
            method,
            images,
            shape,
            names_len,
            latent_len,
            lanes,
            pixels_crc,
            residual_crc,
            head_crc,
            header_len,
            total: frame.total,
        })
    }

    /// Bytes of the section up to the residual: header, names, latent.
    pub fn front_len(&self) -> u64 {
        // Cannot overflow: `decode` checked that all parts fit `total`.
        self.header_len + self.names_len + self.latent_len
    }

    /// Names and latent of the section that begins with `bytes` at `base`, the latter checked
    /// together with the header.
    pub fn front<'a>(&self, bytes: &'a [u8], base: u64) -> Result<(&'a [u8], &'a [u8]), Error> {
        let mut r = Reader::new(bytes, base, Section::Block);
        let header = r.take_u64(self.header_len)?;
        let names = r.take_u64(self.names_len)?;
        let latent = r.take_u64(self.latent_len)?;
        let covered = header.get(..header.len().saturating_sub(4)).unwrap_or_default();
        if crc32c::crc32c_append(crc32c::crc32c(covered), latent) != self.head_crc {
            return Err(r.corrupt(base, "CRC of block header and latent does not match"));
        }
        Ok((names, latent))
    }

    /// The lanes of the whole section `bytes` at `base`, checked.
    pub fn residual<'a>(&self, bytes: &'a [u8], base: u64) -> Result<Vec<&'a [u8]>, Error> {
        let mut r = Reader::new(bytes, base, Section::Residual);
        r.take_u64(self.front_len())?;
        let start = r.position();
        let lanes = self.lanes.iter().map(|&n| r.take_u64(n)).collect::<Result<Vec<_>, _>>()?;
        r.end()?;
        let crc = lanes.iter().fold(0, |crc, lane| crc32c::crc32c_append(crc, lane));
        if crc != self.residual_crc {
            return Err(r.corrupt(start, "CRC of the residual does not match"));
        }
        Ok(lanes)
    }

    /// Checks every CRC of the whole section `bytes` at `base` but that of the pixels.
    pub fn check(&self, bytes: &[u8], base: u64) -> Result<(), Error> {
        let (list, _) = self.front(bytes, base)?;
        self.residual(bytes, base)?;
        if !list.is_empty() {
            names::check(list, base.saturating_add(self.header_len))?;
        }
        Ok(())
    }

    /// Where the names of a block at `base` stand.
    pub fn names_place(&self, base: u64) -> Place {
        let start = base.saturating_add(self.header_len);
        Place::bytes(Section::Names, start..start.saturating_add(self.names_len))
    }
}
