//! Basic elements: integers, names, checksums, packed bytes (SPEC.md section 1).

use crate::refusal::{Kind, Refusal, Result, require, within};

#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn take(&mut self, n: u64) -> Result<&'a [u8]> {
        require(n <= self.0.len() as u64, "a field ends beyond its part")?;
        let (head, rest) = self.0.split_at(n as usize);
        self.0 = rest;
        Ok(head)
    }

    pub(crate) fn number(&mut self, bytes: u64) -> Result<u64> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
    }

    pub(crate) fn varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for i in 0..10 {
            let byte = self.number(1)?;
            require(i < 9 || byte & 0x7F <= 1, "a varint of more than 64 bits")?;
            value |= (byte & 0x7F) << (7 * i);
            if byte < 0x80 {
                require(byte != 0 || i == 0, "a varint that is not the shortest")?;
                return Ok(value);
            }
        }
        Err(Refusal(Kind::Corrupt, "a varint of more than 10 bytes".to_owned()))
    }

    pub(crate) fn varint_in(&mut self, what: &str, least: u64, most: u64) -> Result<u64> {
        let value = self.varint()?;
        require((least..=most).contains(&value), what)?;
        Ok(value)
    }

    pub(crate) fn name(&mut self, len: u64) -> Result<String> {
        require(len <= 4096, "a name is too long")?;
        let text = std::str::from_utf8(self.take(len)?).map(str::to_owned);
        text.map_err(|_| Refusal(Kind::Corrupt, "a name is not UTF-8".to_owned()))
    }

    pub(crate) fn end(&self) -> Result<()> {
        require(self.0.is_empty(), "bytes that no field accounts for")
    }
}

pub(crate) fn crc(parts: &[&[u8]]) -> u64 {
    u64::from(parts.iter().fold(0, |crc, part| crc32c::crc32c_append(crc, part)))
}

/// Takes a CRC of 4 bytes off the end of a part and checks it over what is before.
pub(crate) fn checked<'a>(part: &'a [u8], what: &str) -> Result<&'a [u8]> {
    require(part.len() >= 4, what)?;
    let (covered, end) = part.split_at(part.len() - 4);
    require(crc(&[covered]) == Bytes(end).number(4)?, what)?;
    Ok(covered)
}

pub(crate) fn unzstd(data: &[u8], len: u64) -> Result<Vec<u8>> {
    within("bytes to decode", len, 2 << 30)?;
    let out = zstd::bulk::decompress(data, len as usize).ok();
    let out = out.filter(|out| out.len() as u64 == len);
    out.ok_or_else(|| {
        Refusal(Kind::Corrupt, "zstd data is damaged or of another length".to_owned())
    })
}

pub(crate) fn packed(mut b: Bytes<'_>, limit: u64) -> Result<Vec<u8>> {
    let (encoding, len) = (b.number(1)?, b.varint()?);
    within("bytes to decode", len, limit)?;
    match encoding {
        1 => unzstd(b.0, len),
        _ => {
            require(encoding == 0 && b.0.len() as u64 == len, "an encoding or a length")?;
            Ok(b.0.to_vec())
        }
    }
}

pub(crate) fn plus(a: u64, b: u64) -> Result<u64> {
    a.checked_add(b).ok_or_else(|| Refusal(Kind::Corrupt, "a sum beyond 64 bits".to_owned()))
}
