//! Fields: fixed-size little-endian integers, varints, runs of bytes (SPEC.md section 1.2).

use crate::error::{Error, Place, Section};
use crate::limits::Limits;

/// Longest varint: 10 bytes hold 64 bits.
pub(crate) const MAX_VARINT: usize = 10;

/// Appends `value` as a varint: 7 bits a byte, lowest first, bit 7 set on all but the last.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes of `value` as a varint.
pub(crate) fn varint_len(value: u64) -> u64 {
    u64::from(64 - (value | 1).leading_zeros()).div_ceil(7)
}

/// A cursor over bytes of the file, which knows where in the file it is.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Place of `bytes[0]` in the file.
    base: u64,
    section: Section,
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `bytes`, which stand at `base` in the file.
    pub fn new(bytes: &'a [u8], base: u64, section: Section) -> Self {
        Reader { bytes, at: 0, base, section }
    }

    /// Place of the next byte in the file.
    pub fn position(&self) -> u64 {
        self.base.saturating_add(self.at as u64)
    }

    /// Bytes read so far.
    pub fn consumed(&self) -> &'a [u8] {
        self.bytes.get(..self.at).unwrap_or_default()
    }

    /// Number of bytes not read yet.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// An error about the bytes from `start` (a place in the file) to the cursor.
    pub fn corrupt(&self, start: u64, what: impl Into<String>) -> Error {
        Error::corrupt(Place::bytes(self.section, start..self.position()), what)
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match rest.get(..n) {
            Some(taken) => {
                self.at += n;
                Ok(taken)
            }
            None => {
                let start = self.position();
                let end = self.base.saturating_add(self.bytes.len() as u64);
                Err(Error::corrupt(
                    Place::bytes(self.section, start..end),
                    format!("{n} bytes expected, {} left", rest.len()),
                ))
            }
        }
    }

    /// The next `n` bytes, where `n` comes from the file.
    pub fn take_u64(&mut self, n: u64) -> Result<&'a [u8], Error> {
        // What does not fit a usize cannot be left either.
        self.take(usize::try_from(n).unwrap_or(usize::MAX))
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at = self.bytes.len();
        rest
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Error> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// A little-endian 16-bit integer.
    pub fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_le_bytes)
    }

    /// A little-endian 32-bit integer.
    pub fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    /// A little-endian 64-bit integer.
    pub fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }

    /// A varint in its shortest form.
    pub fn varint(&mut self) -> Result<u64, Error> {
        let start = self.position();
        let mut value = 0u64;
        for i in 0..MAX_VARINT as u32 {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7F);
            if i == 9 && bits > 1 {
                return Err(self.corrupt(start, "a varint of more than 64 bits"));
            }
            value |= bits << (7 * i);
            if byte & 0x80 == 0 {
                if byte == 0 && i > 0 {
                    return Err(self.corrupt(start, "a varint that is not in its shortest form"));
                }
                return Ok(value);
            }
        }
        Err(self.corrupt(start, "a varint of more than 10 bytes"))
    }

    /// A varint of at most `max`.
    pub fn varint_to(&mut self, what: &str, max: u64) -> Result<u64, Error> {
        let start = self.position();
        let value = self.varint()?;
        if value > max {
            return Err(self.corrupt(start, format!("{what} is {value}, at most {max} allowed")));
        }
        Ok(value)
    }

    /// Refuses bytes that no field accounts for.
    pub fn end(&self) -> Result<(), Error> {
        if self.left() > 0 {
            let end = self.base.saturating_add(self.bytes.len() as u64);
            return Err(Error::corrupt(
                Place::bytes(self.section, self.position()..end),
                format!("{} bytes that no field accounts for", self.left()),
            ));
        }
        Ok(())
    }
}

/// Makes room for `count` more entries of a list that stays in memory, refused as [`zeroed`] is.
pub(crate) fn reserve<T>(
    what: &'static str,
    list: &mut Vec<T>,
    count: u64,
    limits: &Limits,
) -> Result<(), Error> {
    let found = (list.len() as u64).saturating_add(count).saturating_mul(size_of::<T>() as u64);
    Limits::check(what, found, limits.memory)?;
    let refused = || Error::Limit { what, found, limit: limits.memory.min(isize::MAX as u64) };
    let count = usize::try_from(count).map_err(|_| refused())?;
    list.try_reserve_exact(count).map_err(|_| refused())
}

/// `len` zero bytes, refused where `len` passes `limits.memory` or the machine's memory.
pub(crate) fn zeroed(what: &'static str, len: u64, limits: &Limits) -> Result<Vec<u8>, Error> {
    Limits::check(what, len, limits.memory)?;
    let refused = || Error::Limit { what, found: len, limit: limits.memory.min(isize::MAX as u64) };
    let len = usize::try_from(len).map_err(|_| refused())?;
    let mut out = Vec::new();
    out.try_reserve_exact(len).map_err(|_| refused())?;
    out.resize(len, 0);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_canonical() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            assert_eq!(varint_len(value), bytes.len() as u64);
            let mut reader = Reader::new(&bytes, 0, Section::Block);
            assert_eq!(reader.varint().ok(), Some(value));
            assert!(reader.end().is_ok());
        }
        for bad in [&[0x80, 0][..], &[0x80], &[0xFF; 11], &[0xFF, 0xFF, 0xFF, 0]] {
            assert!(Reader::new(bad, 0, Section::Block).varint().is_err(), "{bad:?}");
        }
        let mut too_big = vec![0xFF; 9];
        too_big.push(2);
        assert!(Reader::new(&too_big, 0, Section::Block).varint().is_err());
    }
}
