//! Bits that flip, bytes that are missing.

use super::*;
use crate::archive::{rebuild_index, salvage};
use crate::{Error, Place};

fn verify(file: &[u8]) -> Result<(), Error> {
    Archive::open(Cursor::new(file), decoding())?.verify()
}

#[test]
fn every_bit_counts() {
    for options in [
        EncodeOptions { embed_model: true, ..toy_only() },
        EncodeOptions { model: ModelChoice::None, ..encoding() },
    ] {
        let file = mixed(options);
        verify(&file).unwrap();
        let whole: Vec<_> = open(&file).images().map(|i| i.unwrap()).collect();
        for bit in 0..file.len() * 8 {
            let mut bad = file.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let error = verify(&bad).expect_err("a flipped bit");
            assert!(
                matches!(
                    error,
                    Error::Corrupt { .. }
                        | Error::Unsupported(_)
                        | Error::UnknownModel { .. }
                        | Error::Limit { .. }
                ),
                "bit {bit}: {error}"
            );
            // Never other pixels.
            if let Ok(mut archive) = Archive::open(Cursor::new(&bad), decoding()) {
                for (i, entry) in whole.iter().enumerate() {
                    if let Ok(image) = archive.image(i as u64) {
                        assert_eq!(image, entry.image, "bit {bit}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_length_is_refused() {
    let file = mixed(toy_only());
    for len in 0..file.len() {
        let error = Archive::open(Cursor::new(&file[..len]), decoding()).expect_err("cut");
        assert!(matches!(error, Error::Corrupt { .. }), "{len}: {error}");
    }
}

#[test]
fn errors_name_the_place() {
    let (file, _) = write(toy_only(), |w| some(w, 0..200));
    let at = open(&file).ask(|core| core.locate_block(2)).unwrap();
    let mut bad = file.clone();
    bad[at.range().end as usize - 3] ^= 1;
    let error = open(&bad).image(150).expect_err("damaged");
    let Error::Corrupt { place: Place { section, block, bytes, .. }, .. } = error else {
        panic!("{error}")
    };
    assert_eq!((section, block), (crate::Section::Residual, Some(2)));
    assert!(bytes.is_some_and(|r| r.end == at.range().end));
    assert!(open(&bad).image(0).is_ok());
}

#[test]
fn rebuilding_gives_the_writers_bytes() {
    let small = Shape { width: 1, height: 1, format: crate::PixelFormat::Grey8 };
    let many = write(EncodeOptions { block_images: 1, ..encoding() }, |w| {
        for i in 0..1030u32 {
            w.add_image(&Image::new(small, vec![i as u8]).unwrap(), None).unwrap();
        }
    });
    for file in [mixed(toy_only()), many.0] {
        let state = open(&file);
        let root = &state.core.state().unwrap().root;
        let last = root.pages.last().unwrap();
        // Cut anywhere from the start of the last page: the same file comes back.
        for len in last.offset as usize..=file.len() {
            let mut torn = Cursor::new(file[..len].to_vec());
            rebuild_index(&mut torn, &decoding()).unwrap();
            assert!(torn.get_ref() == &file, "{len}");
        }
    }
}

#[test]
fn rebuilding_after_a_cut_anywhere() {
    let (file, _) = write(EncodeOptions { block_images: 2, ..toy_only() }, |w| some(w, 0..5));
    for len in crate::container::header::LEN..file.len() {
        let mut torn = Cursor::new(file[..len].to_vec());
        let info = rebuild_index(&mut torn, &decoding()).unwrap();
        let bytes = torn.into_inner();
        verify(&bytes).unwrap();
        for i in 0..info.images {
            assert_eq!(open(&bytes).image(i).unwrap(), image(toy::SHAPE, i as u32));
        }
    }
}

#[test]
fn salvage_finds_the_intact_blocks() {
    let (file, _) = write(EncodeOptions { block_images: 2, ..toy_only() }, |w| some(w, 0..8));
    let (mut archive, damage) = salvage(Cursor::new(&file), decoding()).unwrap();
    assert!(damage.is_empty());
    assert_eq!(archive.len(), 8);
    assert_eq!(archive.name(3).unwrap().as_deref(), Some("digit 3.png"));
    let second = open(&file).ask(|core| core.locate_block(1)).unwrap();
    let range = second.range();
    for at in range.clone() {
        let mut bad = file.clone();
        bad[at as usize] ^= 0x10;
        let (mut archive, damage) = salvage(Cursor::new(&bad), decoding()).unwrap();
        assert_eq!(damage.len(), 1, "{at}");
        assert_eq!(damage[0].bytes, range, "{at}");
        assert_eq!(archive.len(), 6);
        assert_eq!(archive.image(2).unwrap(), image(toy::SHAPE, 4));
    }
    // Bytes that are lost move everything behind them.
    let mut bad = file.clone();
    bad.drain(range.start as usize + 5..range.start as usize + 9);
    let (mut archive, damage) = salvage(Cursor::new(&bad), decoding()).unwrap();
    assert_eq!(damage.first().map(|d| d.bytes.clone()), Some(range.start..range.end - 4));
    assert_eq!(archive.image(5).unwrap(), image(toy::SHAPE, 7));
    // No header at all.
    let mut bad = file;
    bad[..20].fill(0);
    let (mut archive, damage) = salvage(Cursor::new(&bad), decoding()).unwrap();
    assert_eq!((archive.len(), damage.len()), (8, 1));
    assert_eq!(archive.image(7).unwrap(), image(toy::SHAPE, 7));
}

#[test]
fn a_broken_length_in_a_large_archive_costs_one_block() {
    let shape = Shape { width: 700, height: 700, format: crate::PixelFormat::Grey8 };
    let noise = |seed: u64| {
        let byte = |i: u64| {
            let x = (i + seed * 1_000_003).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            ((x ^ x >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as u8
        };
        Image::new(shape, (0..shape.bytes()).map(byte).collect()).unwrap()
    };
    let options = EncodeOptions { block_images: 1, model: ModelChoice::None, ..encoding() };
    let (file, _) = write(options, |w| {
        (0..20).for_each(|i| w.add_image(&noise(i), None).unwrap());
        w.add_opaque("noise", noise(99).data()).unwrap();
    });
    let at = open(&file).ask(|core| core.locate_block(3)).unwrap();
    let mut bad = file;
    // The length is now another.
    bad[at.range().start as usize + 1] ^= 0x15;
    let (mut archive, damage) = salvage(Cursor::new(&bad), decoding()).unwrap();
    assert_eq!((archive.len(), damage.len()), (19, 1));
    assert_eq!(damage[0].bytes, at.range());
    assert_eq!(archive.image(3).unwrap(), noise(4));
    assert_eq!(archive.files().unwrap().len(), 20);
    let mut storage = Cursor::new(bad.clone());
    assert!(matches!(rebuild_index(&mut storage, &decoding()), Err(Error::Corrupt { .. })));
    assert!(storage.get_ref() == &bad, "a rebuild that is refused changes nothing");
}

/// A buffer that counts what is read from it.
struct Counting(Cursor<Vec<u8>>, u64);

impl std::io::Read for Counting {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.read(buf)?;
        self.1 += n as u64;
        Ok(n)
    }
}

impl std::io::Seek for Counting {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn many_small_faults_read_little_each() {
    let (whole, _) = write(encoding(), |_| ());
    let mut file = whole[..crate::container::header::LEN].to_vec();
    for _ in 0..500 {
        // A page that could be, and a byte of no section.
        file.extend(crate::container::section::encode(crate::container::section::PAGE, &[1]));
        file.push(0xFF);
    }
    let noise: Vec<u8> =
        (0..1u32 << 19).map(|i| (i.wrapping_mul(0x9E37_79B9) >> 13) as u8).collect();
    file.extend(crate::container::file::encode_opaque("noise", 0, &noise).unwrap());
    let mut counting = Counting(Cursor::new(file), 0);
    let (_, damage) = salvage(&mut counting, decoding()).unwrap();
    assert_eq!(damage.len(), 500);
    assert!(counting.1 < 500 * (1 << 15) + 3 * noise.len() as u64, "{} bytes read", counting.1);
}
