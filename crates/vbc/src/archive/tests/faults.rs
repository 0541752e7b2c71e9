//! Appends and rebuilds on a disk that fails at every byte and every call.

use std::collections::BTreeSet;

use super::disk::{Disk, Fault};
use super::*;
use crate::archive::rebuild_index;
use crate::error::Error;

/// Images before the append, after it, and after the longest one that was cut short.
const OLD: u32 = 6;
const NEW: u32 = 11;
const FAR: u32 = 30;

/// An archive of [`OLD`] images, with a file among them.
fn old() -> Vec<u8> {
    let options = EncodeOptions { block_images: 4, ..toy_only() };
    write(options, |w| {
        some(w, 0..OLD);
        w.add_opaque("labels", b"0123").unwrap();
    })
    .0
}

/// What an append that never ended left behind: whole sections, and a part of one.
fn torn() -> Vec<u8> {
    let mut file = appended(old());
    file.truncate(file.len() - 20);
    file
}

/// The same of a longer append, so that it reaches beyond what is written over it.
fn torn_far() -> Vec<u8> {
    let mut writer = ArchiveWriter::append(Cursor::new(old()), toy_only()).unwrap();
    some(&mut writer, OLD..FAR);
    let mut file = writer.finish().unwrap().0.into_inner();
    file.truncate(file.len() - 20);
    assert!(file.len() > appended(old()).len());
    file
}

/// Adds images up to [`NEW`] of a model that the archive does not know yet, and a file.
fn append(disk: &mut Disk) -> Result<(), Error> {
    let options =
        EncodeOptions { model: ModelChoice::Fixed(toy::id(2)), embed_model: true, ..encoding() };
    let mut writer = ArchiveWriter::append(disk, options)?;
    // A caller may go on after an error: then the writer must not end the archive.
    let mut failed = None;
    for i in OLD..NEW {
        failed = failed.or(writer.add_image(&image(toy::SHAPE, i), None).err());
    }
    failed = failed.or(writer.add_opaque("more", b"456").err());
    let finished = writer.finish();
    assert!(failed.is_none() || finished.is_err(), "an archive without what failed");
    failed.map_or(finished.map(|_| ()), Err)
}

fn appended(file: Vec<u8>) -> Vec<u8> {
    let mut disk = Disk::sound(file);
    append(&mut disk).unwrap();
    disk.bytes.into_inner()
}

/// Opens what a failure left, and finds the images before the append, or all.
fn check(bytes: &[u8]) -> u32 {
    let mut archive = open(bytes);
    let images = archive.len() as u32;
    assert!(images == OLD || images == NEW, "{images} images");
    for (i, read) in (0..).zip(archive.images()) {
        assert_eq!(read.unwrap().image, image(toy::SHAPE, i));
    }
    images
}

/// An append to what a failure left succeeds, and so does a rebuild where it is no later damage.
fn check_onward(bytes: &[u8], next: &[u8]) {
    let images = check(bytes);
    if images == OLD {
        assert!(appended(bytes.to_vec()) == next, "another append than over the whole archive");
    } else {
        open(&appended(bytes.to_vec())).verify().unwrap();
    }
    let mut storage = Cursor::new(bytes.to_vec());
    match rebuild_index(&mut storage, &decoding()) {
        Ok(info) => assert!(info.images >= u64::from(images)),
        // Writes that a crash lost from the middle are no torn end.
        Err(Error::Corrupt { .. }) => assert!(storage.get_ref() == bytes),
        Err(other) => panic!("{other}"),
    }
    check_rebuilt(storage.get_ref());
}

/// After a rebuild the images may be any number from the old on.
fn check_rebuilt(bytes: &[u8]) {
    let mut archive = open(bytes);
    assert!((OLD..=FAR).contains(&(archive.len() as u32)));
    for (i, read) in (0..).zip(archive.images()) {
        assert_eq!(read.unwrap().image, image(toy::SHAPE, i));
    }
}

#[test]
fn an_append_that_fails_anywhere_keeps_the_old_images() {
    let next = appended(old());
    for before in [old(), torn(), torn_far()] {
        let mut sound = Disk::sound(before.clone());
        append(&mut sound).unwrap();
        assert!(sound.bytes.get_ref() == &next);
        let mut states = BTreeSet::new();
        for fault in [Fault::Broken, Fault::Once, Fault::Silent] {
            for budget in 0..sound.spent {
                let mut disk = Disk::failing(before.clone(), budget, fault).in_pieces(7);
                let done = append(&mut disk);
                assert_eq!(done.is_ok(), fault == Fault::Silent, "{fault:?} after {budget}");
                states.insert(disk.bytes.into_inner());
            }
        }
        states.iter().for_each(|bytes| check_onward(bytes, &next));
    }
}

#[test]
fn a_crash_at_any_call_keeps_the_old_images() {
    for before in [old(), torn(), torn_far()] {
        let mut disk = Disk::sound(before);
        disk.watch = Some(|disk| {
            let next = appended(old());
            disk.after_a_crash().for_each(|bytes| check_onward(&bytes, &next));
        });
        append(&mut disk).unwrap();
    }
}

#[test]
fn a_rebuild_that_fails_anywhere_keeps_the_old_images() {
    let before = torn();
    let rebuild = |disk: &mut Disk| rebuild_index(disk, &decoding()).map(|info| info.images);
    let mut sound = Disk::sound(before.clone());
    assert_eq!(rebuild(&mut sound).unwrap(), u64::from(NEW));
    for fault in [Fault::Broken, Fault::Once, Fault::Silent] {
        for budget in 0..sound.spent {
            let mut disk = Disk::failing(before.clone(), budget, fault).in_pieces(7);
            let done = rebuild(&mut disk);
            assert!(done.is_err() || fault == Fault::Silent, "{fault:?} after {budget}");
            check(disk.bytes.get_ref());
            let mut again = Disk::sound(disk.bytes.into_inner());
            assert_eq!(rebuild(&mut again).unwrap(), u64::from(NEW));
            assert!(again.bytes.get_ref() == sound.bytes.get_ref());
        }
    }
    let mut disk = Disk::sound(before);
    disk.watch = Some(|disk| disk.after_a_crash().for_each(|bytes| check_rebuilt(&bytes)));
    rebuild(&mut disk).unwrap();
}
