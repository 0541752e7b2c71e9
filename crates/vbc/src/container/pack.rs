//! Side information (names, opaque files, models) as zstd or as it is (SPEC.md section 1.5).
//!
//! ```text
//! encoding (0 stored, 1 zstd) │ varint decoded length │ bytes, to the end of the part
//! ```

use crate::container::bytes::{Reader, put_varint, zeroed};
use crate::error::Error;
use crate::limits::Limits;

const STORED: u8 = 0;
const ZSTD: u8 = 1;

/// Appends `data`, compressed where that is shorter.
pub(crate) fn put(out: &mut Vec<u8>, data: &[u8]) -> Result<(), Error> {
    let packed = zstd::bulk::compress(data, 19)?;
    let (encoding, bytes) =
        if packed.len() < data.len() { (ZSTD, &packed[..]) } else { (STORED, data) };
    out.push(encoding);
    put_varint(out, data.len() as u64);
    out.extend_from_slice(bytes);
    Ok(())
}

/// Reads what [`put`] wrote; it takes all that `reader` has left.
pub(crate) fn get(
    reader: &mut Reader<'_>,
    what: &'static str,
    limits: &Limits,
) -> Result<Vec<u8>, Error> {
    let start = reader.position();
    let encoding = reader.u8()?;
    let len = reader.varint()?;
    Limits::check(what, len, limits.memory)?;
    let bytes = reader.rest();
    match encoding {
        STORED if bytes.len() as u64 == len => Ok(bytes.to_vec()),
        STORED => Err(reader.corrupt(start, format!("{} bytes stored, {len} stated", bytes.len()))),
        ZSTD => {
            let mut out = zeroed(what, len, limits)?;
            unzstd(bytes, &mut out).map_err(|why| reader.corrupt(start, why))?;
            Ok(out)
        }
        other => Err(reader.corrupt(start, format!("encoding {other}, 0 or 1 expected"))),
    }
}

/// Decompresses zstd data that must give exactly `out.len()` bytes.
pub(crate) fn unzstd(bytes: &[u8], out: &mut [u8]) -> Result<(), String> {
    match zstd::bulk::decompress_to_buffer(bytes, out) {
        Ok(n) if n == out.len() => Ok(()),
        Ok(n) => Err(format!("zstd data of {n} bytes, {} expected", out.len())),
        Err(e) => Err(format!("zstd data: {e}")),
    }
}
