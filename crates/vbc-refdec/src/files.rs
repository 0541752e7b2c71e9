//! Input files that come back byte for byte (SPEC.md section 8.6).

use crate::archive::Archive;
use crate::container::section;
use crate::elements::{Bytes, crc, packed, plus};
use crate::image::{Image, Shape};
use crate::refusal::{Result, require};

impl Archive<'_> {
    // 8.6
    /// The input files that have a FILE section, as names and bytes.
    ///
    /// # Errors
    /// Where SPEC.md says to refuse the file.
    pub fn files(&self, images: &[Image]) -> Result<Vec<(String, Vec<u8>)>> {
        let (mut files, mut end) = (Vec::new(), 0);
        for &place in &self.files {
            let mut b = section(self.file, place, 0x83)?;
            let (kind, len) = (b.number(1)?, b.varint()?);
            let (name, first) = (b.name(len)?, b.varint()?);
            require(kind < 2 && first >= end, "a reserved kind of file, or files that overlap")?;
            let mut bytes = b.0.to_vec();
            end = first;
            if kind == 1 {
                let checksum = b.number(4)?;
                bytes = packed(b, 1 << 30)?;
                require(crc(&[&bytes]) == checksum, "the CRC of a file")?;
            } else {
                let (shape, count) = idx(b)?;
                end = plus(first, count)?;
                let own = images.iter().skip(first as usize).take(count as usize);
                for image in own {
                    require(image.shape == shape, "an image of another shape in an IDX file")?;
                    bytes.extend(&image.data);
                }
            }
            require(end <= self.images, "a file of more images than there are")?;
            files.push((name, bytes));
        }
        Ok(files)
    }
}

fn idx(mut b: Bytes<'_>) -> Result<(Shape, u64)> {
    require(b.take(3)? == [0, 0, 8], "no IDX of bytes")?;
    let rank = b.number(1)?;
    require(rank == 3 || rank == 4, "no IDX of images")?;
    let mut counts = [1u32; 4];
    for count in &mut counts[..rank as usize] {
        *count = b.take(4)?.iter().fold(0, |n, &d| n << 8 | u32::from(d));
    }
    b.end()?;
    let product = counts.iter().try_fold(1u64, |p, &c| p.checked_mul(u64::from(c)));
    let [images, height, width, samples] = counts;
    require(product.is_some_and(|p| p > 0) && samples <= 4, "an IDX of no images")?;
    Ok((Shape { width, height, format: samples as u8 - 1 }, u64::from(images)))
}
