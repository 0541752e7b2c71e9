//! Bad files: every one is refused with its own error, in its place, without a panic and within
//! the limits on memory.

use std::io::Cursor;
use std::sync::{Mutex, MutexGuard, PoisonError};

use vbc::archive::{ArchiveCore, Need};
use vbc::{
    Archive, ArchiveWriter, DecodeOptions, Error, IdxHeader, Image, Limits, Model, PixelFormat,
    Registry, Shape,
};
use vbc_tests::bad_files::{self, Answer, Bad, Kind, archive, files, readme, single};
use vbc_tests::meter::{Meter, peak};
use vbc_tests::{fixup, properties, synthetic};

#[global_allocator]
static METER: Meter = Meter;

/// The allocator counts for all threads, so tests that measure take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn decoding() -> DecodeOptions {
    let mut options = DecodeOptions::default();
    options.registry = bad_files::encoding(true).registry;
    options
}

/// Reads a whole archive.
fn archive_whole(file: &[u8], options: DecodeOptions) -> Result<Vec<Image>, Error> {
    let mut archive = Archive::open(Cursor::new(file), options)?;
    archive.files()?;
    archive.verify()?;
    archive.images().map(|image| Ok(image?.image)).collect()
}

fn refusal(bad: &Bad) -> Option<Error> {
    let bytes = &bad.bytes;
    match bad.kind {
        Kind::Single => vbc::decode(bytes, &decoding()).err(),
        Kind::Archive => archive_whole(bytes, decoding()).err(),
        Kind::Model => Model::from_bytes(bytes, &Limits::default()).err(),
        Kind::Idx => {
            IdxHeader::parse(bytes).and_then(|h| h.check_file_len(bytes.len() as u64)).err()
        }
    }
}

#[test]
fn each_bad_file_gives_its_own_error() {
    let _alone = alone();
    decoding();
    for bad in files() {
        let (error, peak) = peak(|| refusal(&bad));
        let name = bad.name;
        let error = error.unwrap_or_else(|| panic!("{name} is accepted"));
        match (bad.answer, &error) {
            (Answer::Corrupt(section), Error::Corrupt { place, .. }) => {
                assert_eq!(place.section, section, "{name}: {error}");
                let start = place.bytes.clone().unwrap_or_else(|| panic!("{name}: {error}")).start;
                assert!(start <= bad.bytes.len() as u64, "{name}: {error}");
            }
            (Answer::Model(at), Error::Model { tensor, .. }) => {
                assert_eq!(tensor, at, "{name}: {error}");
            }
            (Answer::Unsupported, Error::Unsupported(_))
            | (Answer::Limit, Error::Limit { .. })
            | (Answer::Input, Error::Input(_)) => {}
            (Answer::UnknownModel, Error::UnknownModel { id }) => {
                let text = error.to_string();
                assert!(text.contains(&id.to_string()) && text.contains("--model"), "{text}");
            }
            (expected, _) => panic!("{name}: {expected:?} expected, got {error:?}"),
        }
        assert!(peak < 1 << 20, "{name}: {peak} bytes of memory to be refused");
    }
}

#[test]
fn bad_files_are_those_of_the_folder() {
    let all = files();
    let folder = vbc_tests::path("bad");
    for bad in &all {
        let stored = std::fs::read(folder.join(bad.name));
        assert!(
            stored.is_ok_and(|s| s == bad.bytes),
            "{}: `cargo xtask bad-files` writes it anew",
            bad.name
        );
    }
    let text = std::fs::read_to_string(folder.join("README.md")).unwrap_or_default();
    assert_eq!(text, readme(&all), "`cargo xtask bad-files` writes it anew");
    let entries = std::fs::read_dir(folder).expect("the folder is there").count();
    assert_eq!(entries, all.len() + 1, "a file that no list names");
}

/// The three ways to code, each as a single image, and two archives.
fn good() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("raw", single("raw", None)),
        ("named raw", single("raw", Some("n"))),
        ("generic", single("generic", None)),
        ("model", single("model", None)),
        ("generic archive", archive(false, false)),
        ("model archive", archive(true, false)),
    ]
}

#[test]
fn every_length_is_refused() {
    let _alone = alone();
    for (what, file) in good() {
        let single = !what.contains("archive");
        for len in 0..file.len() {
            let cut = &file[..len];
            let error = if single {
                vbc::decode(cut, &decoding()).err()
            } else {
                archive_whole(cut, decoding()).err()
            };
            let error = error.unwrap_or_else(|| panic!("{what} cut at {len} is accepted"));
            assert!(matches!(error, Error::Corrupt { .. }), "{what} cut at {len}: {error}");
            properties::check_error(&error, len as u64);
        }
    }
}

/// What a flipped bit may give, by where it is; everything else must be corrupt.
fn allowed(what: &str, byte: usize, bit: u32, error: &Error) -> bool {
    match error {
        Error::Corrupt { .. } => true,
        // The version of a single image or archive, an archive's letter in a single image, and the
        // types of sections.
        Error::Unsupported(_) => match what.contains("archive") {
            false => byte == 2 && (5..7).contains(&bit),
            true => byte == 8 || byte >= 20,
        },
        // The id, and the method that says there is one.
        Error::UnknownModel { .. } => match what.contains("archive") {
            false => (2..7).contains(&byte),
            true => byte >= 20,
        },
        // A shape grown beyond the limits, or a length.
        Error::Limit { .. } => byte >= 3,
        _ => false,
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let _alone = alone();
    let mut limited = decoding();
    limited.limits = properties::small_limits();
    for (what, file) in good() {
        let single = !what.contains("archive");
        for byte in 0..file.len() {
            for bit in 0..8 {
                let mut bad = file.clone();
                bad[byte] ^= 1 << bit;
                let at = format!("{what}, bit {bit} of byte {byte}");
                let (error, peak) = peak(|| {
                    if single {
                        vbc::decode(&bad, &limited).err()
                    } else {
                        archive_whole(&bad, limited.clone()).err()
                    }
                });
                let error = error.unwrap_or_else(|| panic!("{at} is accepted"));
                assert!(allowed(what, byte, bit, &error), "{at}: {error}");
                properties::check_error(&error, bad.len() as u64);
                let bound = 2 * (1 << 20) + (1 << 18);
                assert!(peak < bound, "{at}: {peak} bytes of memory");
            }
        }
    }
}

#[test]
fn a_changed_model_is_refused_or_another() {
    let _alone = alone();
    let file = synthetic::model(1);
    let limits = Limits::default();
    let id = Model::from_bytes(&file, &limits).expect("valid").id();
    let coded = single("model", None);
    let header = 8 + u64::from_le_bytes(file[..8].try_into().expect("8 bytes")) as usize;
    let mut others = 0;
    let bytes = (0..header)
        .map(|at| (at, 1u8 << (at % 7)))
        .chain((header..file.len()).step_by(37).flat_map(|at| [(at, 1), (at, 0x80), (at, 0x55)]));
    for (at, mask) in bytes {
        let mut bad = file.clone();
        bad[at] ^= mask;
        match Model::from_bytes(&bad, &limits) {
            Err(Error::Model { .. } | Error::Unsupported(_)) => {}
            Err(error) => panic!("byte {at}: {error}"),
            Ok(model) if model.id() == id => {
                // Only what does not decide a bit may change and keep the id: the name, and how
                // the header is written.
                assert!(at < header, "byte {at} does not count");
                let mut options = decoding();
                options.registry = registry_of(&bad);
                assert!(vbc::decode(&coded, &options).is_ok(), "byte {at} changes the pixels");
            }
            Ok(_) => {
                others += 1;
                let mut options = decoding();
                options.registry = registry_of(&bad);
                let error = vbc::decode(&coded, &options).expect_err("another model");
                assert!(matches!(error, Error::UnknownModel { .. }), "byte {at}: {error}");
            }
        }
    }
    assert!(others > 100, "only {others} changes made another model");
    for len in 0..file.len() {
        let error = Model::from_bytes(&file[..len], &limits).expect_err("cut");
        assert!(matches!(error, Error::Model { .. }), "cut at {len}: {error}");
    }
}

fn registry_of(file: &[u8]) -> Registry {
    let mut registry = Registry::empty();
    registry.add_file(file, &Limits::default()).expect("loaded before");
    registry
}

#[test]
fn an_embedded_model_is_under_its_checksum() {
    let _alone = alone();
    let file = archive(true, true);
    let mut options = decoding();
    options.registry = Registry::empty();
    archive_whole(&file, options.clone()).expect("the archive holds its model");
    for at in (0..file.len()).step_by(53) {
        let mut bad = file.clone();
        bad[at] ^= 1 << (at % 8);
        let error = archive_whole(&bad, options.clone()).expect_err("a flipped bit");
        assert!(allowed("model archive", at, (at % 8) as u32, &error), "byte {at}: {error}");
    }
}

#[test]
fn limits_hold_against_honest_files() {
    let _alone = alone();
    let image = vbc_tests::pattern(100, 100, vbc::PixelFormat::Rgb8);
    let file = vbc::encode(&image, None, &bad_files::encoding(false)).expect("within the limits");
    let mut options = decoding();
    options.limits.pixels = 9_999;
    let refused = |options: &DecodeOptions| match vbc::decode(&file, options) {
        Err(Error::Limit { found, limit, .. }) => (found, limit),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&options), (10_000, 9_999));
    options.limits = Limits::default();
    options.limits.memory = 29_999;
    assert_eq!(refused(&options), (30_000, 29_999));
    options.limits.memory = 30_000;
    let (decoded, peak) = peak(|| vbc::decode(&file, &options));
    assert_eq!(decoded.ok(), Some(image));
    assert!(peak <= 2 * 30_000 + (1 << 12), "{peak} bytes");
}

#[test]
fn a_model_works_within_the_limits() {
    let _alone = alone();
    let mut options = bad_files::encoding(true);
    options.block_images = 256;
    let file = {
        let mut writer = ArchiveWriter::new(Vec::new(), options.clone()).expect("in range");
        let images = bad_files::images(255);
        images.iter().for_each(|i| writer.add_image(i, None).expect("within the limits"));
        writer.finish().expect("a buffer takes everything").0
    };
    let mut decoding = decoding();
    assert_eq!(archive_whole(&file, decoding.clone()).expect("just written").len(), 255);
    // Pixels of 6 kB, but a state of several times as much for each image.
    decoding.limits.memory = 1 << 20;
    let (error, peak) = peak(|| archive_whole(&file, decoding.clone()).expect_err("too much"));
    assert!(matches!(error, Error::Limit { .. }) && peak < 1 << 20, "{error}, {peak} bytes");
    // An encoder under the same limits writes what such a decoder reads.
    options.limits.memory = 1 << 20;
    let mut writer = ArchiveWriter::new(Vec::new(), options).expect("in range");
    bad_files::images(255).iter().for_each(|i| writer.add_image(i, None).expect("within limits"));
    let (file, _) = writer.finish().expect("a buffer takes everything");
    assert_eq!(archive_whole(&file, decoding).expect("just written").len(), 255);
}

#[test]
fn the_list_of_files_is_within_the_limits() {
    let _alone = alone();
    let shape = Shape { width: 1, height: 1, format: PixelFormat::Grey8 };
    let image = Image::new(shape, vec![0]).expect("one pixel");
    let mut options = bad_files::encoding(false);
    options.block_images = 1 << 15;
    let mut writer = ArchiveWriter::new(Vec::new(), options).expect("in range");
    (0..1 << 15).for_each(|_| writer.add_image(&image, None).expect("within the limits"));
    let (file, _) = writer.finish().expect("a buffer takes everything");
    assert!(file.len() < 300, "{} bytes", file.len());
    let mut decoding = decoding();
    decoding.limits.memory = 1 << 20;
    let mut archive = Archive::open(Cursor::new(&file), decoding).expect("just written");
    assert_eq!(archive.image(9_999).ok(), Some(image));
    let (error, peak) = peak(|| archive.files().expect_err("3 MB of entries"));
    assert!(matches!(error, Error::Limit { .. }) && peak < 1 << 20, "{error}, {peak} bytes");
}

/// A zstd frame of `mib` × 2²⁰ zeros.
fn zeros(mib: u8) -> Vec<u8> {
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0xA0];
    frame.extend((u32::from(mib) << 20).to_le_bytes());
    for block in 0..u32::from(mib) * 8 {
        let last = u32::from(block + 1 == u32::from(mib) * 8);
        // Run length, 2¹⁷ bytes.
        frame.extend_from_slice(&(last | 1 << 1 | 1 << 20).to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

#[test]
fn the_first_image_unpacks_one_model_at_most() {
    let _alone = alone();
    let mut file = archive(false, false)[..20].to_vec();
    let mut put = |ty: u8, body: &[u8]| {
        let len = body.len() + 4;
        file.push(ty);
        if len >= 128 {
            file.push((len & 0x7F) as u8 | 0x80);
        }
        file.push((len >> if len < 128 { 0 } else { 7 }) as u8);
        file.extend_from_slice(body);
        file.extend([0; 4]);
    };
    let frame = zeros(8);
    for method in 2..100 {
        put(0x81, &[&[method, 1][..], &[method; 32]].concat());
        // Encoding, decoded length of 2²³, data.
        put(0x82, &[&[method, 1, 0x80, 0x80, 0x80, 4][..], &frame].concat());
    }
    put(0x06, &[0, 0]);
    fixup::fix(&mut file);
    let mut core = ArchiveCore::new(file.len() as u64, decoding());
    let (error, peak) = peak(|| {
        loop {
            match core.first_image() {
                Ok(Need::Range(r)) => {
                    core.supply(r.start, file[r.start as usize..r.end as usize].to_vec());
                }
                Ok(Need::Ready(_)) => panic!("there is no image"),
                Err(error) => break error,
            }
        }
    });
    assert!(matches!(error, Error::Input(_)), "{error}");
    assert!(peak < 1 << 20, "{peak} bytes");
}
