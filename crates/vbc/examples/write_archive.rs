//! Streams images into an archive: `write_archive OUT.vbc IDX-FILE`.
//!
//! The IDX file is read a few images at a time, so memory does not grow with it.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read};

use vbc::{ArchiveWriter, EncodeOptions, IdxHeader};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(out), Some(path)) = (args.next(), args.next()) else {
        return Err("usage: write_archive OUT.vbc IDX-FILE".into());
    };
    let mut input = BufReader::new(File::open(&path)?);
    let header = IdxHeader::read(&mut input)?;
    let (shape, images) = header.image_shape().ok_or("not a stack of images")?;

    let mut options = EncodeOptions::default();
    options.threads = 2;
    let mut writer = ArchiveWriter::new(File::create(&out)?, options)?;
    writer.begin_idx(&path, &header)?;
    let mut image = vec![0; usize::try_from(shape.bytes())?];
    for _ in 0..images {
        input.read_exact(&mut image)?;
        writer.add_pixels(&image)?;
    }
    writer.end_idx()?;
    let (file, summary) = writer.finish()?;
    file.sync_all()?;
    println!("{} images in {} bytes", summary.images, summary.archive_bytes);
    Ok(())
}
