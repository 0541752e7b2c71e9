//! Archives: reading, checking, repairing and appending end with an answer for any bytes, and the
//! answers agree.

use std::io::Cursor;

use vbc::archive::{ArchiveCore, FileKind, Need, rebuild_index, salvage};
use vbc::{Archive, ArchiveWriter, EncodeOptions, Error, Image, PixelFormat, Shape};

use super::{check_error, decoding, metered, registry, small_limits};

/// Opens, reads at random and in order, verifies, salvages, rebuilds and appends.
pub fn archive_open(file: &[u8]) {
    metered(file.len(), || first(file));
    metered(file.len(), || read(file));
    metered(file.len(), || salvage_all(file));
    // A copy of the file is kept, and written to.
    metered(2 * file.len(), || rebuild(file));
    metered(2 * file.len(), || append(file));
}

/// The error of `result` after it was checked.
fn checked<T>(result: Result<T, Error>, len: u64) -> Option<T> {
    result.map_err(|error| check_error(&error, len)).ok()
}

/// The first image without the index.
fn first(file: &[u8]) {
    let mut core = ArchiveCore::new(file.len() as u64, decoding());
    loop {
        match checked(core.first_image(), file.len() as u64) {
            Some(Need::Range(range)) => {
                let bytes = &file[range.start as usize..range.end as usize];
                core.supply(range.start, bytes.to_vec());
            }
            Some(Need::Ready(_)) | None => return,
        }
    }
}

fn read(file: &[u8]) {
    let len = file.len() as u64;
    let opened = Archive::open(Cursor::new(file), decoding());
    let Some(mut archive) = checked(opened, len) else { return };
    let info = archive.info().expect("it is open");
    assert!(info.bytes + info.torn == len && info.images == archive.len());
    ask(&mut archive, len);
    let verified = checked(archive.verify(), len).is_some();
    if verified {
        assert_eq!(info.torn, 0, "bytes behind the footer pass for verified");
        let files = archive.files().expect("verified");
        for entry in files {
            if !matches!(entry.kind, FileKind::Image) {
                // An IDX may still claim images of another shape.
                checked(archive.read_file_into(&entry, &mut Vec::new()), len);
            }
        }
        assert!(archive.images().all(|image| image.is_ok()), "verified, yet an image is not there");
    }
}

/// Random access to the ends, and everything in order for as long as it lasts.
fn ask<R: std::io::Read + std::io::Seek>(archive: &mut Archive<R>, len: u64) {
    let images = archive.len();
    checked(archive.costs(), len);
    if let Some(files) = checked(archive.files(), len) {
        for entry in files.iter().filter(|e| !matches!(e.kind, FileKind::Image)) {
            checked(archive.read_file_into(entry, &mut std::io::sink()), len);
        }
    }
    for index in [0, images.saturating_sub(1)] {
        let image = checked(archive.image(index), len);
        checked(archive.name(index), len);
        checked(archive.latent(index), len);
        let preview = checked(archive.preview(index), len);
        if let (Some(image), Some(preview)) = (&image, preview) {
            assert_eq!(image.shape(), preview.shape());
        }
        if let Some(image) = image {
            let n = image.data().len();
            let mut out = vec![0xA5; n + 1];
            assert_eq!(archive.image_into(index, &mut out).ok(), Some(image.shape()));
            assert!(&out[..n] == image.data() && out[n] == 0xA5);
        }
    }
    assert!(matches!(archive.image(images), Err(Error::Input(_))));
    for (next, image) in (0..1 << 12).zip(archive.images()) {
        let Some(image) = checked(image, len) else { break };
        assert_eq!(image.index, next, "images come in order");
    }
}

fn salvage_all(file: &[u8]) {
    let len = file.len() as u64;
    let Some((mut archive, damage)) = checked(salvage(Cursor::new(file), decoding()), len) else {
        return;
    };
    let mut end = 0;
    for d in &damage {
        assert!(d.bytes.start >= end && d.bytes.end >= d.bytes.start && d.bytes.end <= len);
        end = d.bytes.end;
    }
    ask(&mut archive, len);
}

fn rebuild(file: &[u8]) {
    let mut storage = Cursor::new(file.to_vec());
    let Some(info) = checked(rebuild_index(&mut storage, &decoding()), file.len() as u64) else {
        return;
    };
    let once = storage.into_inner();
    let mut again = Cursor::new(once.clone());
    assert_eq!(rebuild_index(&mut again, &decoding()).ok(), Some(info), "a second rebuild");
    assert!(again.into_inner() == once, "a second rebuild changes the file");
}

fn append(file: &[u8]) {
    let len = file.len() as u64;
    let Some(mut archive) = checked(Archive::open(Cursor::new(file), decoding()), len) else {
        return;
    };
    let (before, first) = (archive.len(), archive.image(0).ok());
    let mut options = EncodeOptions::default();
    options.limits = small_limits();
    options.registry = registry().0;
    let storage = Cursor::new(file.to_vec());
    let Some(mut writer) = checked(ArchiveWriter::append(storage, options), len) else { return };
    let shape = Shape { width: 2, height: 1, format: PixelFormat::Grey16 };
    let image = Image::new(shape, vec![1, 2, 3, 4]).expect("four bytes");
    if checked(writer.add_image(&image, Some("new")), len).is_none() {
        return;
    }
    let (storage, summary) = writer.finish().expect("a buffer takes everything");
    assert_eq!((summary.images, summary.archive_bytes), (1, storage.get_ref().len() as u64));
    let mut grown = Archive::open(storage, decoding()).expect("just written");
    assert_eq!(grown.len(), before + 1);
    assert_eq!(grown.image(before).ok(), Some(image));
    assert_eq!(grown.name(before).ok().flatten().as_deref(), Some("new"));
    if let Some(first) = first {
        assert_eq!(grown.image(0).ok(), Some(first), "an append changes what was there");
    }
}
