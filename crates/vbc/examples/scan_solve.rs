//! Finds the scans behind digits: `scan_solve IDX-FILE FIRST COUNT [--out FILE] [--costs FILE]
//! [--tries N] [--sweeps N] [--repairs N] [--repair-sweeps N]`.
//!
//! Prints how many images a scan gives exactly, the pixels that are wrong, and milliseconds an image,
//! all told and by the scan's size. With `--out` each result is appended to FILE as it is found, in
//! the format of [`Record`], and images that FILE has are not searched for again. With `--costs` the
//! costs of patterns that the exact scans of this run and of `--out` teach are written.
#![expect(clippy::disallowed_types, reason = "milliseconds and shares are measured, not coded")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, ErrorKind, Seek, SeekFrom, Write};
use std::time::Instant;

use vbc::IdxHeader;
use vbc::training::scan::{Effort, IMAGE, PIXELS, Record, Solved, learn_costs, solve};

const USAGE: &str = "usage: scan_solve IDX-FILE FIRST COUNT [--out FILE] [--costs FILE] [--tries N] \
                     [--sweeps N] [--repairs N] [--repair-sweeps N]";

/// Sizes of scans are counted in ranges of this.
const RANGE: usize = 10;

/// Results so far, of all images or of a range of sizes.
#[derive(Default)]
struct Tally {
    images: u32,
    exact: u32,
    wrong: usize,
    milliseconds: f64,
}

impl Tally {
    fn add(&mut self, solved: Option<&Solved>, milliseconds: f64) {
        self.images += 1;
        self.exact += u32::from(solved.is_some_and(|s| s.wrong.is_empty()));
        self.wrong += solved.map_or(0, |s| s.wrong.len());
        self.milliseconds += milliseconds;
    }

    fn print(&self, what: &str) {
        let images = f64::from(self.images.max(1));
        println!(
            "{what:<12}{:>6} images {:>7.2} % exact {:>7.3} wrong {:>8.2} ms an image",
            self.images,
            100.0 * f64::from(self.exact) / images,
            self.wrong as f64 / images,
            self.milliseconds / images,
        );
    }
}

/// What became of each image so far.
type Known = BTreeMap<u32, Option<Solved>>;

/// Results in a file, and the file ready to take more: a record that was cut off is dropped.
fn resume(path: &str) -> Result<(Known, File), Box<dyn Error>> {
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let (mut known, mut whole) = (Known::new(), 0);
    let mut reader = BufReader::new(&file);
    loop {
        match Record::read(&mut reader) {
            Ok(Some(record)) => known.insert(record.index, record.solved),
            Ok(None) => break,
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => break,
            Err(e) => return Err(e.into()),
        };
        whole = reader.stream_position()?;
    }
    file.set_len(whole)?;
    file.seek(SeekFrom::End(0))?;
    Ok((known, file))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(path), Some(first), Some(count)) = (args.next(), args.next(), args.next()) else {
        return Err(USAGE.into());
    };
    let (first, count): (u32, u32) = (first.parse()?, count.parse()?);
    let (mut out, mut costs, mut effort) = (None, None, Effort::default());
    while let Some(option) = args.next() {
        let value = args.next().ok_or(USAGE)?;
        match option.as_str() {
            "--out" => out = Some(value),
            "--costs" => costs = Some(value),
            "--tries" => effort.tries = value.parse()?,
            "--sweeps" => effort.sweeps = value.parse()?,
            "--repairs" => effort.repairs = value.parse()?,
            "--repair-sweeps" => effort.repair_sweeps = value.parse()?,
            _ => return Err(USAGE.into()),
        }
    }
    let bytes = std::fs::read(path)?;
    let mut rest = bytes.as_slice();
    let (shape, _) = IdxHeader::read(&mut rest)?.image_shape().ok_or("not a stack of images")?;
    if (shape.width as usize, shape.height as usize, shape.bytes()) != (IMAGE, IMAGE, PIXELS as u64)
    {
        return Err("not images of 28 × 28 greys".into());
    }

    let (mut known, mut file) = match &out {
        Some(path) => resume(path).map(|(known, file)| (known, Some(file)))?,
        None => (Known::new(), None),
    };
    let (mut all, mut ranges) = (Tally::default(), BTreeMap::<usize, Tally>::new());
    let images = (0..).zip(rest.as_chunks::<PIXELS>().0);
    for (index, pixels) in images.skip(first as usize).take(count as usize) {
        if known.contains_key(&index) {
            continue;
        }
        let begun = Instant::now();
        let solved = solve(pixels, &effort, u64::from(index));
        let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
        all.add(solved.as_ref(), milliseconds);
        if let Some(solved) = &solved {
            let range = ranges.entry(solved.scan.side() / RANGE).or_default();
            range.add(Some(solved), milliseconds);
        }
        if !solved.as_ref().is_some_and(|s| s.wrong.is_empty()) {
            let wrong = solved.as_ref().map(|s| (s.scan.side(), s.wrong.len()));
            println!("image {index}: size and wrong pixels {wrong:?}, {milliseconds:.0} ms");
        }
        let record = Record { index, solved };
        if let Some(file) = &mut file {
            // One write a record, so that a run that is killed leaves whole records.
            let mut bytes = Vec::new();
            record.write(&mut bytes)?;
            file.write_all(&bytes)?;
        }
        known.insert(index, record.solved);
    }
    for (range, tally) in &ranges {
        tally.print(&format!("{}..={}", range * RANGE, range * RANGE + RANGE - 1));
    }
    all.print("all");
    if let Some(path) = costs {
        let exact = known.values().flatten().filter(|s| s.wrong.is_empty());
        std::fs::write(path, learn_costs(exact.map(|s| &s.scan)))?;
    }
    Ok(())
}
