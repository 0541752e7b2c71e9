//! The IDX format, in which the MNIST family of data sets is published.
//!
//! ```text
//! 00 00 │ type │ rank │ rank × count (u32, big-endian) │ elements, big-endian, last index fastest
//! ```
//!
//! An IDX of bytes with rank 3 is a stack of grey images (number, height, width); with rank 4 and
//! a last dimension of 1 to 4 a stack of grey, grey and alpha, RGB or RGBA ones. Whatever else an
//! IDX holds (labels, floats, no elements at all) is not interpreted but kept byte for byte.

use std::io::Read;

use crate::error::{Error, Place, Section};
use crate::image::{PixelFormat, Shape};

/// Element type of an IDX file. The discriminant is its type byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum IdxType {
    /// Unsigned 8-bit integer.
    U8 = 0x08,
    /// Signed 8-bit integer.
    I8 = 0x09,
    /// Signed 16-bit integer.
    I16 = 0x0B,
    /// Signed 32-bit integer.
    I32 = 0x0C,
    /// IEEE 754 single.
    F32 = 0x0D,
    /// IEEE 754 double.
    F64 = 0x0E,
}

impl IdxType {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0x08 => IdxType::U8,
            0x09 => IdxType::I8,
            0x0B => IdxType::I16,
            0x0C => IdxType::I32,
            0x0D => IdxType::F32,
            0x0E => IdxType::F64,
            _ => return None,
        })
    }

    /// Bytes of an element: 1, 2, 4 or 8.
    pub fn bytes(self) -> u64 {
        match self {
            IdxType::U8 | IdxType::I8 => 1,
            IdxType::I16 => 2,
            IdxType::I32 | IdxType::F32 => 4,
            IdxType::F64 => 8,
        }
    }
}

/// The header of an IDX file. One that exists is valid: its rank is at most 255 and its payload
/// has fewer than 2⁶⁴ bytes.
///
/// ```
/// let bytes = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28];
/// let header = vbc::IdxHeader::parse(&bytes)?;
/// assert_eq!(header.dims(), [2, 28, 28]);
/// assert_eq!(header.payload_len(), 2 * 28 * 28);
/// let (shape, images) = header.image_shape().expect("bytes of rank 3 are images");
/// assert_eq!((shape.width, shape.height, images), (28, 28, 2));
/// # Ok::<(), vbc::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdxHeader {
    ty: IdxType,
    dims: Vec<u32>,
    payload: u64,
}

impl IdxHeader {
    /// A header of the given element type and counts, slowest index first.
    ///
    /// # Errors
    /// [`Error::Input`] for more than 255 counts or a payload of 2⁶⁴ bytes or more.
    pub fn new(ty: IdxType, dims: Vec<u32>) -> Result<Self, Error> {
        if dims.len() > 255 {
            return Err(Error::Input(format!("an IDX has at most 255 counts, not {}", dims.len())));
        }
        match payload_len(ty, &dims) {
            Some(payload) => Ok(IdxHeader { ty, dims, payload }),
            None => Err(Error::Input("the IDX counts multiply to 2⁶⁴ bytes or more".into())),
        }
    }

    /// The header at the start of `bytes`; what follows it is not looked at.
    ///
    /// # Errors
    /// [`Error::Corrupt`] with the place of the bytes that are no IDX header.
    pub fn parse(mut bytes: &[u8]) -> Result<Self, Error> {
        Self::read(&mut bytes)
    }

    /// Reads a header and nothing behind it.
    ///
    /// # Errors
    /// [`Error::Corrupt`] with the place of the bytes that are no IDX header or are missing;
    /// [`Error::Io`] where `reader` fails.
    pub fn read(reader: &mut impl Read) -> Result<Self, Error> {
        let mut magic = [0; 4];
        read_part(reader, &mut magic, 0)?;
        if magic[..2] != [0, 0] {
            let what = format!("an IDX begins with 00 00, found {:02x} {:02x}", magic[0], magic[1]);
            return Err(corrupt(0, 2, what));
        }
        let ty = IdxType::from_byte(magic[2])
            .ok_or_else(|| corrupt(2, 3, format!("no IDX type {:#04x}", magic[2])))?;
        let mut counts = vec![0; 4 * usize::from(magic[3])];
        read_part(reader, &mut counts, 4)?;
        let dims: Vec<u32> =
            counts.chunks_exact(4).map(|c| u32::from_be_bytes([c[0], c[1], c[2], c[3]])).collect();
        let end = 4 + counts.len() as u64;
        match payload_len(ty, &dims) {
            Some(payload) => Ok(IdxHeader { ty, dims, payload }),
            None => Err(corrupt(4, end, "the counts multiply to 2⁶⁴ bytes or more".into())),
        }
    }

    /// The bytes of the header, as they stand at the start of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        // The rank fits: every constructor checked it.
        let mut bytes = vec![0, 0, self.ty as u8, self.dims.len() as u8];
        bytes.extend(self.dims.iter().flat_map(|d| d.to_be_bytes()));
        bytes
    }

    /// Element type.
    pub fn ty(&self) -> IdxType {
        self.ty
    }

    /// Counts, slowest index first; their number is the rank, 0 to 255.
    pub fn dims(&self) -> &[u32] {
        &self.dims
    }

    /// Bytes of the header itself: 4 to 1024.
    pub fn header_len(&self) -> u64 {
        4 + 4 * self.dims.len() as u64
    }

    /// Bytes of all elements. A rank of 0 is one element.
    pub fn payload_len(&self) -> u64 {
        self.payload
    }

    /// Compares the counts with the whole file's length in bytes.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a file that is shorter or longer than its header says; the place is
    /// what is missing or too much.
    pub fn check_file_len(&self, found: u64) -> Result<(), Error> {
        let expected = self.payload.saturating_add(self.header_len());
        let dims = &self.dims;
        if found < expected {
            let what =
                format!("the IDX counts {dims:?} need {expected} bytes, the file has {found}");
            Err(corrupt(found, expected, what))
        } else if found > expected {
            let what = format!("the IDX counts {dims:?} end at byte {expected}, the file goes on");
            Err(corrupt(expected, found, what))
        } else {
            Ok(())
        }
    }

    /// Shape and number of the images, where this is a stack of images and not empty.
    pub fn image_shape(&self) -> Option<(Shape, u64)> {
        let (images, height, width, channels) = match self.dims[..] {
            [n, h, w] => (n, h, w, 1),
            [n, h, w, c] => (n, h, w, c),
            _ => return None,
        };
        let format = match channels {
            1 => PixelFormat::Grey8,
            2 => PixelFormat::GreyAlpha8,
            3 => PixelFormat::Rgb8,
            4 => PixelFormat::Rgba8,
            _ => return None,
        };
        let whole = self.ty == IdxType::U8 && self.payload > 0;
        whole.then_some((Shape { width, height, format }, u64::from(images)))
    }
}

/// Bytes of the elements, or `None` for 2⁶⁴ and more. No element at all is 0 bytes, whatever the
/// other counts are.
fn payload_len(ty: IdxType, dims: &[u32]) -> Option<u64> {
    if dims.contains(&0) {
        return Some(0);
    }
    dims.iter().try_fold(ty.bytes(), |product, &d| product.checked_mul(u64::from(d)))
}

/// Fills `buf` with the bytes of the file from `start` on.
fn read_part(reader: &mut impl Read, buf: &mut [u8], start: u64) -> Result<(), Error> {
    let mut filled = 0;
    while filled < buf.len() {
        match reader.read(&mut buf[filled..]) {
            Ok(0) => {
                let end = start + buf.len() as u64;
                let what = "the file ends inside the IDX header".into();
                return Err(corrupt(start + filled as u64, end, what));
            }
            Ok(n) => filled += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

fn corrupt(start: u64, end: u64, what: String) -> Error {
    Error::corrupt(Place::bytes(Section::File, start..end), what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPES: [IdxType; 6] =
        [IdxType::U8, IdxType::I8, IdxType::I16, IdxType::I32, IdxType::F32, IdxType::F64];

    fn place_of(e: Error) -> std::ops::Range<u64> {
        match e {
            Error::Corrupt { place, .. } => place.bytes.expect("a byte range"),
            e => panic!("not corrupt: {e}"),
        }
    }

    #[test]
    fn stacks_of_images() {
        let shape =
            |dims: &[u32]| IdxHeader::new(IdxType::U8, dims.to_vec()).expect("valid").image_shape();
        let grey = Shape { width: 3, height: 2, format: PixelFormat::Grey8 };
        assert_eq!(shape(&[5, 2, 3]), Some((grey, 5)));
        for (channels, format) in [(1, 0), (2, 1), (3, 2), (4, 3)] {
            let shape_c = Shape { format: PixelFormat::ALL[format], ..grey };
            assert_eq!(shape(&[5, 2, 3, channels]), Some((shape_c, 5)));
        }
        for opaque in [&[][..], &[5], &[5, 2], &[5, 2, 3, 5], &[5, 2, 3, 1, 1], &[0, 2, 3]] {
            assert_eq!(shape(opaque), None, "{opaque:?}");
        }
        assert_eq!(IdxHeader::new(IdxType::I8, vec![5, 2, 3]).expect("valid").image_shape(), None);
    }

    #[test]
    fn bad_headers_name_their_bytes() {
        assert_eq!(place_of(IdxHeader::parse(&[]).unwrap_err()), 0..4);
        assert_eq!(place_of(IdxHeader::parse(&[0, 1, 8, 0]).unwrap_err()), 0..2);
        assert_eq!(place_of(IdxHeader::parse(&[0, 0, 10, 0]).unwrap_err()), 2..3);
        assert_eq!(place_of(IdxHeader::parse(&[0, 0, 8, 2, 0, 0, 0, 1, 0]).unwrap_err()), 9..12);
        let huge = [&[0, 0, 8, 3][..], &[255; 12]].concat();
        assert_eq!(place_of(IdxHeader::parse(&huge).unwrap_err()), 4..16);
    }

    #[test]
    fn counts_that_lie() {
        let header = IdxHeader::new(IdxType::I16, vec![3]).expect("valid");
        assert_eq!(place_of(header.check_file_len(13).unwrap_err()), 13..14);
        assert_eq!(place_of(header.check_file_len(20).unwrap_err()), 14..20);
        header.check_file_len(14).expect("exact");
    }

    #[test]
    fn a_count_of_zero_wins_over_overflow() {
        let header = IdxHeader::new(IdxType::F64, vec![u32::MAX, u32::MAX, u32::MAX, 0]);
        assert_eq!(header.expect("valid").payload_len(), 0);
        assert!(IdxHeader::new(IdxType::U8, vec![1; 256]).is_err());
        assert_eq!(IdxHeader::new(IdxType::F64, vec![]).expect("valid").payload_len(), 8);
    }

    proptest! {
        #[test]
        fn round_trip(ty in 0..6usize, dims in prop::collection::vec(0u32..40, 0..=9)) {
            let header = IdxHeader::new(TYPES[ty], dims.clone()).expect("small");
            let mut bytes = header.to_bytes();
            prop_assert_eq!(bytes.len() as u64, header.header_len());
            bytes.push(7);
            let back = IdxHeader::parse(&bytes).expect("written here");
            prop_assert_eq!(&back, &header);
            let product: u64 = dims.iter().map(|&d| u64::from(d)).product();
            prop_assert_eq!(back.payload_len(), product * TYPES[ty].bytes());
        }

        #[test]
        fn any_bytes_are_a_header_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(header) = IdxHeader::parse(&bytes) {
                let len = header.to_bytes().len();
                prop_assert_eq!(header.to_bytes(), &bytes[..len]);
            }
        }
    }
}
