//! The last 50 bytes of an archive (SPEC.md section 8.10).
//!
//! ```text
//! 0    1    2             10            18       26       34                 42    46      50
//! │ 07 │ 30 │ root offset │ root length │ images │ blocks │ previous footer  │ CRC │ magic │
//! ```
//!
//! The CRC covers bytes 0 to 41 and then the footer's own offset as 8 bytes, so that a footer is
//! valid only where it was written: one inside an archive that is stored in another is not.

use crate::container::bytes::Reader;
use crate::container::section::FOOTER;
use crate::error::{Error, Section};

/// Bytes of a footer.
pub(crate) const LEN: usize = 50;
/// Its last 4 bytes.
pub(crate) const MAGIC: [u8; 4] = [0xF5, b'V', b'B', b'E'];

/// Where the root of the index is, and the totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Footer {
    pub root_offset: u64,
    pub root_len: u64,
    pub images: u64,
    pub blocks: u64,
    /// Offset of the footer that this one supersedes; 0 for none.
    pub previous: u64,
}

impl Footer {
    /// The bytes of a footer that will stand at `offset`.
    pub fn encode(&self, offset: u64) -> [u8; LEN] {
        let mut out = [0; LEN];
        out[0] = FOOTER;
        out[1] = (LEN - 2) as u8;
        let fields = [self.root_offset, self.root_len, self.images, self.blocks, self.previous];
        for (i, field) in fields.iter().enumerate() {
            out[2 + 8 * i..10 + 8 * i].copy_from_slice(&field.to_le_bytes());
        }
        let crc = crc32c::crc32c_append(crc32c::crc32c(&out[..42]), &offset.to_le_bytes());
        out[42..46].copy_from_slice(&crc.to_le_bytes());
        out[46..].copy_from_slice(&MAGIC);
        out
    }

    /// The footer `bytes` that stands at `offset`.
    pub fn decode(bytes: &[u8], offset: u64) -> Result<Self, Error> {
        let mut r = Reader::new(bytes, offset, Section::Footer);
        let start = r.array::<2>()?;
        let footer = Footer {
            root_offset: r.u64()?,
            root_len: r.u64()?,
            images: r.u64()?,
            blocks: r.u64()?,
            previous: r.u64()?,
        };
        let crc = crc32c::crc32c_append(crc32c::crc32c(r.consumed()), &offset.to_le_bytes());
        if start != [FOOTER, (LEN - 2) as u8] || r.u32()? != crc || r.array::<4>()? != MAGIC {
            return Err(r.corrupt(offset, "not a footer, or its CRC does not match"));
        }
        r.end()?;
        let inside = footer.root_offset.checked_add(footer.root_len).is_some_and(|e| e <= offset);
        if !inside || footer.previous >= offset || footer.blocks > footer.images {
            return Err(r.corrupt(offset, "a footer whose fields contradict its place"));
        }
        Ok(footer)
    }
}
