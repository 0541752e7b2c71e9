//! The header of a NumPy array.
//!
//! `ndarray-npy` parses it, but trusts it: it reserves the length that the file names (up to 4 GiB),
//! and its grammar tries nested brackets over and over and unwraps sums of numbers. So only what a
//! plain array's header can be is handed on.

use std::io::Read;

use ndarray_npy::npy::header::{Header, ReadHeaderError};

use super::ArrayError;

/// NumPy's own limit.
pub(super) const MAX_HEADER: u32 = 10_000;

/// A plain array has two, a structured one a few more.
const MAX_BRACKETS: usize = 8;

/// What the header of an array of images says.
#[derive(Debug)]
pub(super) struct Layout {
    /// Images, rows, columns, and channels where there are any.
    pub shape: Vec<usize>,
    /// Whether the first index runs fastest, not the last.
    pub fortran: bool,
    /// The shape's product.
    pub wanted: usize,
    /// Bytes of the header, all that comes before the pixels.
    pub header: u64,
}

/// Reads a header and leaves `input` at the first pixel.
pub(super) fn read_layout(input: &mut impl Read) -> Result<Layout, ArrayError> {
    let mut bytes = Vec::new();
    more(input, &mut bytes, 8)?;
    if !bytes.starts_with(b"\x93NUMPY") {
        let mut magic = [0; 6];
        magic.copy_from_slice(&bytes[..6]);
        return Err(ArrayError::Magic(magic));
    }
    let length_bytes = match (bytes[6], bytes[7]) {
        (1, 0) => 2,
        (2 | 3, 0) => 4,
        (major, minor) => return Err(ArrayError::Version(major, minor)),
    };
    more(input, &mut bytes, length_bytes)?;
    let length = bytes[8..].iter().rev().fold(0, |all, &b| all << 8 | u32::from(b));
    if length > MAX_HEADER {
        return Err(ArrayError::HeaderLength(length));
    }
    let text_at = bytes.len();
    more(input, &mut bytes, length.into())?;
    let text = &bytes[text_at..];
    let brackets = text.iter().filter(|b| b"([{".contains(b)).count();
    if brackets > MAX_BRACKETS || text.iter().any(|b| b"+-".contains(b)) {
        return Err(ArrayError::HeaderText);
    }
    let header = Header::from_reader(&mut &bytes[..]).map_err(|e| match e {
        ReadHeaderError::Io(e) => ArrayError::Io(e),
        ReadHeaderError::Parse(e) => ArrayError::Header(e),
    })?;
    let one_byte = ["|u1", "u1", "<u1", ">u1", "=u1", "B", "|B"];
    match header.type_descriptor.as_string() {
        Some(name) if one_byte.contains(&name.as_str()) => {}
        _ => return Err(ArrayError::Type(header.type_descriptor.to_string())),
    }
    let shape = header.shape;
    if !(3..=4).contains(&shape.len()) {
        return Err(ArrayError::Rank(shape));
    }
    let wanted = shape.iter().try_fold(1usize, |all, &s| all.checked_mul(s));
    match wanted {
        Some(wanted)
            if wanted > 0
                && wanted < isize::MAX as usize
                && shape.iter().all(|&s| u32::try_from(s).is_ok()) =>
        {
            let fortran = header.layout.is_fortran();
            Ok(Layout { shape, fortran, wanted, header: bytes.len() as u64 })
        }
        _ => Err(ArrayError::Sizes(shape)),
    }
}

/// Appends `count` bytes.
fn more(input: &mut impl Read, bytes: &mut Vec<u8>, count: u64) -> Result<(), ArrayError> {
    match input.take(count).read_to_end(bytes)? as u64 == count {
        true => Ok(()),
        false => Err(ArrayError::HeaderEnd),
    }
}
