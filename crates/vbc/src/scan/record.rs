//! Solved scans in a file, so that they are searched for only once.
//!
//! ```text
//! index u32 │ side u8 (0: no scan found) │ corrections u16 │ ⌈side² / 8⌉ bytes │ corrections × (position u16, grey u8)
//! ```
//!
//! Numbers are little-endian. Pixels come in raster order, the first in a byte's lowest bit.

use std::io::{self, ErrorKind, Read, Write};

use byteorder::{LittleEndian, ReadBytesExt, WriteBytesExt};

use super::{PIXELS, Scan, Solved};

/// What became of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Number of the image.
    pub index: u32,
    /// Its scan, if one was found.
    pub solved: Option<Solved>,
}

impl Record {
    /// Writes the record.
    ///
    /// # Errors
    /// Those of `out`; [`ErrorKind::InvalidInput`] for more corrections than an image has pixels.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        out.write_u32::<LittleEndian>(self.index)?;
        let Some(Solved { scan, wrong }) = &self.solved else {
            out.write_u8(0)?;
            return out.write_u16::<LittleEndian>(0);
        };
        if wrong.len() > PIXELS {
            return Err(ErrorKind::InvalidInput.into());
        }
        let side = scan.side();
        out.write_u8(side as u8)?;
        out.write_u16::<LittleEndian>(wrong.len() as u16)?;
        let mut packed = vec![0u8; (side * side).div_ceil(8)];
        for k in 0..side * side {
            packed[k / 8] |= ((scan.rows()[k / side] >> (k % side) & 1) as u8) << (k % 8);
        }
        out.write_all(&packed)?;
        for &(position, grey) in wrong {
            out.write_u16::<LittleEndian>(position)?;
            out.write_u8(grey)?;
        }
        Ok(())
    }

    /// Reads a record; `None` at the end of the file.
    ///
    /// # Errors
    /// Those of `file`; [`ErrorKind::UnexpectedEof`] within a record; [`ErrorKind::InvalidData`] for a
    /// size that no scan has or a position outside the image.
    pub fn read(mut file: impl Read) -> io::Result<Option<Self>> {
        let mut first = [0; 1];
        if file.read(&mut first)? == 0 {
            return Ok(None);
        }
        let mut rest = [0; 3];
        file.read_exact(&mut rest)?;
        let index = u32::from_le_bytes([first[0], rest[0], rest[1], rest[2]]);
        let side = usize::from(file.read_u8()?);
        let corrections = file.read_u16::<LittleEndian>()?;
        if side == 0 && corrections == 0 {
            return Ok(Some(Record { index, solved: None }));
        }
        let mut packed = vec![0; (side * side).div_ceil(8)];
        file.read_exact(&mut packed)?;
        let pixel = |k: usize| u128::from(packed[k / 8] >> (k % 8) & 1);
        // Too large a size is refused below; its rows must not overflow before.
        let row = |y: usize| (0..side.min(128)).fold(0, |row, x| row | pixel(y * side + x) << x);
        let scan = Scan::new((0..side).map(row).collect()).ok_or(ErrorKind::InvalidData)?;
        let mut wrong = Vec::new();
        for _ in 0..corrections {
            let position = file.read_u16::<LittleEndian>()?;
            if usize::from(position) >= PIXELS {
                return Err(ErrorKind::InvalidData.into());
            }
            wrong.push((position, file.read_u8()?));
        }
        Ok(Some(Record { index, solved: Some(Solved { scan, wrong }) }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::Random;
    use super::super::{MAX_SIDE, MIN_SIDE};
    use super::*;

    fn records() -> Vec<Record> {
        let mut random = Random::new(1);
        let mut records = vec![Record { index: 7, solved: None }];
        for side in [MIN_SIDE, 47, MAX_SIDE] {
            let mask = u128::MAX >> (128 - side);
            let mut row = || u128::from(random.next()) << 61 ^ u128::from(random.next());
            let scan = Scan::new((0..side).map(|_| row() & mask).collect()).unwrap();
            let wrong = vec![(0, 9), (PIXELS as u16 - 1, 255)];
            records.push(Record { index: side as u32, solved: Some(Solved { scan, wrong }) });
        }
        records
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        records().iter().for_each(|r| r.write(&mut bytes).unwrap());
        let mut rest = &bytes[..];
        for record in records() {
            assert_eq!(Record::read(&mut rest).unwrap(), Some(record));
        }
        assert_eq!(Record::read(&mut rest).unwrap(), None);
    }

    #[test]
    fn torn_and_bad_records_are_errors() {
        let mut bytes = Vec::new();
        records()[1].write(&mut bytes).unwrap();
        for len in 1..bytes.len() {
            let error = Record::read(&bytes[..len]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{len}");
        }
        for side in [1, MIN_SIDE as u8 - 1, MAX_SIDE as u8 + 1, 255] {
            let mut bytes = vec![0; 10_000];
            bytes[4] = side;
            assert_eq!(Record::read(&bytes[..]).unwrap_err().kind(), ErrorKind::InvalidData);
        }
        let end = bytes.len() - 2;
        bytes[end] = 255;
        assert_eq!(Record::read(&bytes[..]).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
