//! The scans behind the training images, searched for once and kept in a file.

use std::fs::OpenOptions;
use std::io::{BufReader, Cursor, ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use rayon::prelude::*;
use vbc::training::scan::{Effort, PIXELS, Record, Solved, solve};

use crate::data::Images;
use crate::interrupt;
use crate::log::Live;

/// Images that are searched for side by side between two writes.
const AT_ONCE: usize = 256;

/// The scan of every image, or `None` where none was found: from the file as far as it has them, which
/// then has all.
///
/// # Errors
/// Those of the file; where it is of other images; [`Interrupted`](interrupt::Interrupted), after which
/// the next call goes on.
pub fn solved(path: &Path, images: &Images) -> Result<Vec<Option<Solved>>> {
    let pixels: &[[u8; PIXELS]] = images.pixels.as_chunks().0;
    ensure!(pixels.len() == images.n, "images of 28 × 28 pixels expected");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .with_context(|| path.display().to_string())?;
    let mut all = vec![None; images.n];
    let mut reader = BufReader::new(&file);
    let mut end = 0;
    loop {
        match Record::read(&mut reader) {
            Ok(Some(Record { index, solved })) => {
                let index = index as usize;
                let image = pixels.get(index);
                let fits = |s: &Solved| image == Some(&s.image());
                ensure!(
                    image.is_some() && solved.as_ref().is_none_or(fits),
                    "{}: what it has of image {index} is of other images",
                    path.display()
                );
                all[index] = Some(solved);
                end = reader.stream_position()?;
            }
            Ok(None) => break,
            // What an interrupted write left.
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => break,
            Err(e) => return Err(e).with_context(|| path.display().to_string()),
        }
    }
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    let missing: Vec<usize> = (0..images.n).filter(|&i| all[i].is_none()).collect();
    let live = Live::new(images.n as u64, (images.n - missing.len()) as u64);
    let mut done = images.n - missing.len();
    for some in missing.chunks(AT_ONCE) {
        let found: Vec<Option<Solved>> =
            some.par_iter().map(|&i| solve(&pixels[i], &Effort::default(), 0)).collect();
        let mut bytes = Cursor::new(Vec::new());
        for (&index, solved) in some.iter().zip(found) {
            Record { index: index as u32, solved: solved.clone() }.write(&mut bytes)?;
            all[index] = Some(solved);
        }
        file.write_all(bytes.get_ref())?;
        done += some.len();
        live.update(done as u64, "scans");
        if interrupt::requested() {
            live.finish();
            bail!("stopped after {done} of {} scans; the same command goes on", images.n);
        }
    }
    live.finish();
    Ok(all.into_iter().map(Option::flatten).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use vbc::training::scan::{IMAGE, Scan};

    fn images() -> Images {
        let rows = |from: u32| (0..40).map(|y| ((1u128 << 30) - 1) << (from + y % 3)).collect();
        let mut pixels = Vec::new();
        for from in 0..3 {
            pixels.extend(Scan::new(rows(from)).unwrap().render());
        }
        pixels.extend([0; PIXELS]);
        Images { n: 4, height: IMAGE, width: IMAGE, channels: 1, pixels }
    }

    #[test]
    fn it_goes_on_where_it_stopped_and_knows_its_images() {
        let dir = tempfile::tempdir().unwrap();
        let (path, images) = (dir.path().join("scans"), images());
        let first = solved(&path, &images).unwrap();
        assert!(first.last().unwrap().is_none());
        assert!(first[..3].iter().all(|s| s.as_ref().is_some_and(|s| s.wrong.is_empty())));
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(solved(&path, &images).unwrap(), first);
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        let mut others = images;
        others.pixels.reverse();
        assert!(solved(&path, &others).unwrap_err().to_string().contains("other images"));
    }
}
