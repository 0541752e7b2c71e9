//! How an archive's costs grow: `scale IMAGES OUT.vbc [IDX-FILE [fast]]`.
//!
//! Writes an archive of that many images, those of the IDX file over and over, at level `default` or
//! `fast`, or blank ones of 1 × 1 pixel; then opens it, reads images from all over it, and reads all of it once. Prints a
//! JSON object: seconds, bytes, reads, and the most memory that the process has had after each step.
#![expect(clippy::disallowed_types, reason = "seconds are measured, not coded")]

use std::cell::Cell;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom};
use std::time::Instant;

use vbc::{Archive, ArchiveWriter, DecodeOptions, EncodeOptions, IdxHeader, Image, Level};
use vbc::{PixelFormat, Shape};

/// Images read alone.
const ACCESSES: u64 = 200;

/// Counts what is read.
struct Counting<'a> {
    file: File,
    reads: &'a Cell<u64>,
    bytes: &'a Cell<u64>,
}

impl Read for Counting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.reads.set(self.reads.get() + 1);
        self.bytes.set(self.bytes.get() + read as u64);
        Ok(read)
    }
}

impl Seek for Counting<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.file.seek(to)
    }
}

/// The most memory the process has had, in MiB, where the system tells.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}

fn images(path: Option<String>) -> Result<Vec<Image>, Box<dyn Error>> {
    let Some(path) = path else {
        let shape = Shape { width: 1, height: 1, format: PixelFormat::Grey8 };
        return Ok(vec![Image::new(shape, vec![0])?]);
    };
    let file = std::fs::read(path)?;
    let mut rest = file.as_slice();
    let header = IdxHeader::read(&mut rest)?;
    let (shape, _) = header.image_shape().ok_or("not a stack of images")?;
    let size = usize::try_from(shape.bytes())?;
    Ok(rest.chunks_exact(size).map(|p| Image::new(shape, p.to_vec())).collect::<Result<_, _>>()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(count), Some(out)) = (args.next(), args.next()) else {
        return Err("usage: scale IMAGES OUT.vbc [IDX-FILE [fast]]".into());
    };
    let count: u64 = count.parse()?;
    let images = images(args.next())?;

    let mut options = EncodeOptions::default();
    match args.next().as_deref() {
        None => {}
        Some("fast") => options.level = Level::Fast,
        Some(other) => return Err(format!("level {other}: only fast can be chosen").into()),
    }
    options.threads = 1;
    let begun = Instant::now();
    let mut writer = ArchiveWriter::new(BufWriter::new(File::create(&out)?), options)?;
    for image in images.iter().cycle().take(usize::try_from(count)?) {
        writer.add_image(image, None)?;
    }
    let (file, summary) = writer.finish()?;
    file.into_inner()?.sync_all()?;
    let (write, write_peak) = (begun.elapsed().as_secs_f64(), peak());

    let (reads, bytes) = (Cell::new(0), Cell::new(0));
    let counting = || {
        let file = File::open(&out)?;
        Ok::<_, std::io::Error>(Counting { file, reads: &reads, bytes: &bytes })
    };
    let begun = Instant::now();
    let archive = Archive::open(counting()?, DecodeOptions::default())?;
    let open = begun.elapsed().as_secs_f64();
    let (open_reads, open_bytes) = (reads.take(), bytes.take());
    drop(archive);

    let mut seconds = Vec::new();
    let mut pixels = vec![0; images[0].data().len()];
    let accesses = ACCESSES.min(count);
    for k in 0..accesses {
        // Spread over all of it; each in an archive just opened, so nothing is remembered.
        let mut archive = Archive::open(counting()?, DecodeOptions::default())?;
        reads.take();
        bytes.take();
        let begun = Instant::now();
        archive.image_into(k.wrapping_mul(0x9E37_79B9) % count, &mut pixels)?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);

    let begun = Instant::now();
    let mut archive = Archive::open(File::open(&out)?, DecodeOptions::default())?;
    let mut sum = 0;
    for image in archive.images() {
        sum += image?.image.data().len();
    }
    let read = begun.elapsed().as_secs_f64();
    assert_eq!(sum as u64, count * pixels.len() as u64, "all of it comes back");
    println!(
        "{{\"images\": {count}, \"bytes\": {}, \"write_s\": {write:.4}, \"write_peak_mib\": \
         {write_peak:.1}, \"open_ms\": {:.3}, \"open_reads\": {open_reads}, \"open_bytes\": \
         {open_bytes}, \"access_ms\": {:.3}, \"access_reads\": {}, \"access_bytes\": {}, \
         \"read_s\": {read:.4}, \"peak_mib\": {:.1}}}",
        summary.archive_bytes,
        open * 1e3,
        seconds[seconds.len() / 2] * 1e3,
        reads.get(),
        bytes.get(),
        peak(),
    );
    Ok(())
}
