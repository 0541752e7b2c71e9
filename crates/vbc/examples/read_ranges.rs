//! One image out of an archive by byte ranges: `read_ranges ARCHIVE.vbc NUMBER`.
//!
//! The core does no I/O: each range that it needs is printed, and read here from a file. Over HTTP
//! it would be a range request.

use std::error::Error;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use vbc::archive::{ArchiveCore, Need};
use vbc::{DecodeOptions, Error as VbcError};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(path), Some(number)) = (args.next(), args.next()) else {
        return Err("usage: read_ranges ARCHIVE.vbc NUMBER".into());
    };
    let number = number.parse()?;
    let mut file = File::open(path)?;
    let mut core = ArchiveCore::new(file.metadata()?.len(), DecodeOptions::default());
    let mut read = |range: Range<u64>| -> Result<Vec<u8>, VbcError> {
        println!("bytes {}..{} ({})", range.start, range.end, range.end - range.start);
        file.seek(SeekFrom::Start(range.start))?;
        let mut bytes = Vec::new();
        (&mut file).take(range.end - range.start).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    while let Need::Range(range) = core.open()? {
        core.supply(range.start, read(range)?);
    }
    let image = loop {
        match core.image(number)? {
            Need::Ready(image) => break image,
            Need::Range(range) => core.supply(range.start, read(range)?),
        }
    };
    println!("image {number} of {}: {:?}", core.images(), image.shape());
    Ok(())
}
