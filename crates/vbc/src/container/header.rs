//! The first 20 bytes of an archive (SPEC.md section 8.2).
//!
//! ```text
//! 0        8         9       10       12             16      20
//! │ magic  │ version │ flags │ lanes  │ block images │ CRC   │
//! ```

use crate::container::bytes::Reader;
use crate::container::{MAX_BLOCK_IMAGES, MAX_LANES, VERSION};
use crate::error::{Error, Place, Section};

/// `VBC`, a byte that a 7-bit channel changes, and line ends that a text mode changes.
pub(crate) const MAGIC: [u8; 8] = [b'V', b'B', b'C', 0x89, 0x0D, 0x0A, 0x1A, 0x0A];
/// Bytes of the header.
pub(crate) const LEN: usize = 20;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Coder lanes of a model's block: 1 to [`MAX_LANES`].
    pub lanes: u16,
    /// Most images of a block: 1 to [`MAX_BLOCK_IMAGES`].
    pub block_images: u32,
}

impl Header {
    fn checked(lanes: u16, block_images: u32) -> Result<Self, String> {
        if !(1..=MAX_LANES).contains(&lanes) {
            return Err(format!("{lanes} lanes, 1 to {MAX_LANES} allowed"));
        }
        if !(1..=MAX_BLOCK_IMAGES).contains(&block_images) {
            return Err(format!("{block_images} images a block, 1 to {MAX_BLOCK_IMAGES} allowed"));
        }
        Ok(Header { lanes, block_images })
    }

    /// A header of the caller's wishes.
    pub fn new(lanes: u32, block_images: u32) -> Result<Self, Error> {
        let lanes = u16::try_from(lanes).unwrap_or(u16::MAX);
        Self::checked(lanes, block_images).map_err(Error::Input)
    }

    /// The bytes.
    pub fn encode(&self) -> [u8; LEN] {
        let mut out = [0; LEN];
        out[..8].copy_from_slice(&MAGIC);
        out[8] = VERSION;
        out[10..12].copy_from_slice(&self.lanes.to_le_bytes());
        out[12..16].copy_from_slice(&self.block_images.to_le_bytes());
        let crc = crc32c::crc32c(&out[..16]);
        out[16..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// The header at the start of `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes, 0, Section::Header);
        if r.array::<8>()? != MAGIC {
            return Err(r.corrupt(0, "not the magic of an archive"));
        }
        let version = r.u8()?;
        if version != VERSION {
            return Err(Error::Unsupported(format!(
                "archive of format version {version}; this program reads version {VERSION}"
            )));
        }
        let flags = r.u8()?;
        let lanes = r.u16()?;
        let block_images = r.u32()?;
        let computed = crc32c::crc32c(r.consumed());
        if r.u32()? != computed {
            return Err(r.corrupt(0, "CRC of the archive header does not match"));
        }
        if flags != 0 {
            return Err(r.corrupt(9, format!("reserved flags {flags:#04x} are set")));
        }
        Self::checked(lanes, block_images)
            .map_err(|what| Error::corrupt(Place::bytes(Section::Header, 10..16), what))
    }
}
