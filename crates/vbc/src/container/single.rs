//! The file of one image (SPEC.md section 8.1).
//!
//! ```text
//! 'V' 'B' │ 1 version(2) method(2) shape(1) name(1) 0 │ [4 bytes of the model's id]
//! [format │ varint width │ varint height] │ [varint length of the name │ name]
//! CRC-32C of all above, the pixels, and the coded stream │ coded stream, to the end
//! ```
//!
//! The third byte is shown from its highest bit down; the lowest is reserved. Bit 7 tells a single
//! image from an archive, whose third byte is `C`.

use crate::container::block::{get_shape, put_shape};
use crate::container::bytes::{Reader, put_varint};
use crate::container::{MAX_NAME, VERSION};
use crate::error::{Error, Section};
use crate::image::Shape;
use crate::model::ModelId;

const HAS_SHAPE: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 1;
const RESERVED: u8 = 1;

/// How the pixels are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Raw,
    Generic,
    Model(ModelId),
}

impl Method {
    fn code(&self) -> u8 {
        match self {
            Method::Raw => 0,
            Method::Generic => 1,
            Method::Model(_) => 2,
        }
    }
}

/// All before the checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SingleHeader {
    pub method: Method,
    /// Where it is not the model's; always for raw and generic.
    pub shape: Option<Shape>,
    pub name: Option<String>,
}

/// A single image in its parts.
#[derive(Clone, Debug)]
pub(crate) struct Single<'a> {
    pub header: SingleHeader,
    /// The bytes of the header.
    head: &'a [u8],
    crc: u32,
    pub stream: &'a [u8],
}

impl SingleHeader {
    fn encode(&self) -> Vec<u8> {
        let mut flags = self.method.code() << 3;
        flags |= if self.shape.is_some() { HAS_SHAPE } else { 0 };
        flags |= if self.name.is_some() { HAS_NAME } else { 0 };
        let mut out = vec![b'V', b'B', 0x80 | VERSION << 5 | flags];
        if let Method::Model(id) = &self.method {
            out.extend(id.as_bytes().iter().take(4));
        }
        if let Some(shape) = self.shape {
            put_shape(&mut out, shape);
        }
        if let Some(name) = &self.name {
            put_varint(&mut out, name.len() as u64);
            out.extend_from_slice(name.as_bytes());
        }
        out
    }

    /// Bytes of header and checksum.
    pub fn len(&self) -> usize {
        self.encode().len() + 4
    }

    /// Appends the whole file to `out`.
    pub fn write(&self, pixels: &[u8], stream: &[u8], out: &mut Vec<u8>) {
        let head = self.encode();
        let crc = checksum(&head, pixels, stream);
        out.extend_from_slice(&head);
        out.extend_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(stream);
    }
}

fn checksum(head: &[u8], pixels: &[u8], stream: &[u8]) -> u32 {
    let crc = crc32c::crc32c_append(crc32c::crc32c(head), pixels);
    crc32c::crc32c_append(crc, stream)
}

impl<'a> Single<'a> {
    /// The parts of `file`. The checksum needs the pixels: see [`Single::check`].
    pub fn decode(file: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new(file, 0, Section::Header);
        if r.array::<2>()? != [b'V', b'B'] {
            return Err(r.corrupt(0, "not a vbc file"));
        }
        let byte = r.u8()?;
        if byte == b'C' {
            return Err(Error::Input("an archive, where a single image is expected".into()));
        }
        if byte & 0x80 == 0 {
            return Err(r.corrupt(2, "neither a single image nor an archive"));
        }
        let version = byte >> 5 & 3;
        if version != VERSION {
            return Err(Error::Unsupported(format!(
                "single image of format version {version}; this program reads version {VERSION}"
            )));
        }
        if byte & RESERVED != 0 {
            return Err(r.corrupt(2, "a reserved bit is set"));
        }
        let method = match byte >> 3 & 3 {
            0 => Method::Raw,
            1 => Method::Generic,
            2 => Method::Model(ModelId::short(r.array()?)),
            _ => return Err(r.corrupt(2, "the reserved method 3")),
        };
        let shape = if byte & HAS_SHAPE != 0 { Some(get_shape(&mut r)?) } else { None };
        if shape.is_none() && !matches!(method, Method::Model(_)) {
            return Err(r.corrupt(2, "a shape is missing"));
        }
        let name = if byte & HAS_NAME != 0 {
            let n = r.varint_to("the length of the name", MAX_NAME as u64)?;
            let start = r.position();
            let text = std::str::from_utf8(r.take_u64(n)?)
                .map_err(|_| r.corrupt(start, "the name is not UTF-8"))?;
            Some(text.to_owned())
        } else {
            None
        };
        let head = r.consumed();
        let crc = r.u32()?;
        let header = SingleHeader { method, shape, name };
        Ok(Single { header, head, crc, stream: r.rest() })
    }

    /// Where the coded stream begins.
    pub fn stream_start(&self) -> u64 {
        self.head.len() as u64 + 4
    }

    /// Whether the checksum holds for `pixels`.
    pub fn check(&self, pixels: &[u8]) -> bool {
        checksum(self.head, pixels, self.stream) == self.crc
    }
}
