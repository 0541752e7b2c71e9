//! Files of both kinds, and sections of an archive (SPEC.md sections 8, 8.3, 8.4 and 8.10).

use crate::archive::Archive;
use crate::elements::{Bytes, checked, crc, plus};
use crate::image::{Image, Shape};
use crate::model::Model;
use crate::refusal::{Kind, Refusal, Result, demand, require};
use crate::single::single;

/// All images of a file, single or archive.
///
/// # Errors
/// Where SPEC.md says to refuse the file.
pub fn decode(file: &[u8], models: &[Model]) -> Result<Vec<Image>> {
    match file {
        [0x56, 0x42, 0x43, ..] => Archive::open(file)?.images(models),
        [0x56, 0x42, mode, ..] if mode & 0x80 != 0 => Ok(vec![single(file, models)?]),
        _ => Err(Refusal(Kind::Corrupt, "not a vbc file".to_owned())),
    }
}

/// The shape that a file states, or its model implies.
pub(crate) fn one_shape(model: Option<&Model>, stated: Option<Shape>) -> Result<Shape> {
    require(model.is_some() != stated.is_some(), "a shape too many or too few")?;
    Ok(stated.unwrap_or_else(|| model.map_or_else(|| unreachable!(), Model::shape)))
}

/// Offset and length.
pub(crate) type Place = (u64, u64);

pub(crate) fn part(file: &[u8], (offset, len): Place) -> Result<&[u8]> {
    let mut b = Bytes(file);
    b.take(offset)?;
    b.take(len)
}

// 8.3
pub(crate) fn section(file: &[u8], place: Place, ty: u64) -> Result<Bytes<'_>> {
    let bytes = part(file, place)?;
    let mut b = Bytes(bytes);
    let framed = b.number(1)? == ty && b.varint()? == b.0.len() as u64 && b.0.len() >= 4;
    require(framed, "another section")?;
    let frame = bytes.len() - b.0.len();
    Ok(Bytes(&checked(bytes, "the CRC of a section")?[frame..]))
}

// 8.10
pub(crate) fn footer(file: &[u8], offset: u64) -> Result<[u64; 5]> {
    let bytes = part(file, (offset, 50))?;
    let mut b = Bytes(bytes);
    require(b.take(2)? == [0x07, 0x30], "no footer")?;
    let mut fields = [0; 5];
    for field in &mut fields {
        *field = b.number(8)?;
    }
    let checksum = crc(&[&bytes[..42], &offset.to_le_bytes()]);
    require(b.number(4)? == checksum && b.0 == [0xF5, 0x56, 0x42, 0x45], "no footer")?;
    let [root, len, images, blocks, previous] = fields;
    let inside = plus(root, len)? <= offset && blocks <= images && previous < offset;
    require(inside, "a footer that cannot be")?;
    Ok(fields)
}

// 8.4
pub(crate) fn definition(b: &mut Bytes<'_>) -> Result<[u8; 32]> {
    demand(b.number(1)? == 1, Kind::Unsupported, "a kind of method")?;
    Ok(b.take(32)?.try_into().unwrap_or([0; 32]))
}
