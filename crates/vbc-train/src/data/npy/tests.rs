//! Files written here, right and wrong.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::data::read_images;

/// A `.npy` file as NumPy lays it out.
fn npy(descr: &str, fortran: &str, shape: &str, pixels: &[u8]) -> Vec<u8> {
    with_text(
        &format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"),
        pixels,
    )
}

fn with_text(text: &str, pixels: &[u8]) -> Vec<u8> {
    let text = format!("{text:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(pixels);
    bytes
}

fn counted(n: usize) -> Vec<u8> {
    (0..n).map(|i| i as u8).collect()
}

fn good() -> Vec<u8> {
    npy("'|u1'", "False", "(2, 3, 4)", &counted(24))
}

fn npz(arrays: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// What a file of these bytes gives by [`read_images`].
fn read(bytes: &[u8], array: Option<&str>) -> Result<Images, ArrayError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    read_images(&path, array).map_err(|e| match e {
        DataError::Array { source, .. } => source,
        e => panic!("{e}"),
    })
}

fn refused(bytes: &[u8]) -> ArrayError {
    read(bytes, None).unwrap_err()
}

#[test]
fn both_ranks_both_orders_all_versions() {
    let expected = Images { n: 2, height: 3, width: 4, channels: 1, pixels: counted(24) };
    assert_eq!(read(&good(), None).unwrap(), expected);
    for (shape, channels) in [("(2, 3, 4, 1)", 1), ("(2, 3, 2, 2)", 2)] {
        let images = read(&npy("'<u1'", "False", shape, &counted(24)), None).unwrap();
        assert_eq!((images.n, images.height, images.channels), (2, 3, channels));
        assert_eq!(images.pixels, counted(24));
    }
    // As NumPy writes numpy.asfortranarray of the counted 2 · 3 · 2 · 2 array.
    let first_fastest: Vec<u8> = (0..24u8)
        .map(|at| {
            let (i, y, x, c) = (at % 2, at / 2 % 3, at / 6 % 2, at / 12);
            c + 2 * (x + 2 * (y + 3 * i))
        })
        .collect();
    let images = read(&npy("'|u1'", "True", "(2, 3, 2, 2)", &first_fastest), None).unwrap();
    assert_eq!(images.pixels, counted(24));
    for version in [2, 3] {
        let mut bytes = good();
        bytes[6] = version;
        bytes.splice(10..10, [0, 0]);
        assert_eq!(read(&bytes, None).unwrap(), expected);
    }
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = good();
    // Below six bytes nothing tells that it was to be a NumPy file.
    for len in 6..bytes.len() {
        match refused(&bytes[..len]) {
            ArrayError::HeaderEnd => assert!(len < 128, "{len}"),
            ArrayError::Length { wanted: 24, found, .. } => assert_eq!(found as usize, len - 128),
            e => panic!("{len}: {e}"),
        }
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(matches!(refused(&longer), ArrayError::Length { found: 25, .. }));
}

#[test]
fn every_changed_byte_of_the_header_is_survived() {
    let bytes = good();
    for at in 0..128 {
        for value in 0..=255 {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            if let Ok(layout) = read_layout(&mut &bytes[..]) {
                let _ = read_pixels(&bytes[layout.header as usize..], layout, bytes.len() as u64);
            }
        }
    }
}

#[test]
fn lies_about_the_shape_reserve_nothing() {
    for shape in ["(2000000000, 3000, 4000)", "(2, 3, 5)", "(1, 1, 1)"] {
        let e = refused(&npy("'|u1'", "False", shape, &counted(24)));
        assert!(matches!(e, ArrayError::Length { found: 24, .. }), "{shape}: {e}");
    }
    for shape in
        ["(0, 3, 4)", "(4294967296, 1, 1)", "(4294967295, 4294967295, 4294967295)", "(2, 3, 4, 0)"]
    {
        let e = refused(&npy("'|u1'", "False", shape, &counted(24)));
        assert!(matches!(e, ArrayError::Sizes(_)), "{shape}: {e}");
    }
    for shape in ["(24,)", "(6, 4)", "(1, 2, 3, 2, 2)", "()"] {
        let e = refused(&npy("'|u1'", "False", shape, &counted(24)));
        assert!(matches!(e, ArrayError::Rank(_)), "{shape}: {e}");
    }
    for shape in ["(-2, 3, 4)", "((((((((((2))))))))))"] {
        let e = refused(&npy("'|u1'", "False", shape, &counted(24)));
        assert!(matches!(e, ArrayError::HeaderText), "{shape}: {e}");
    }
    for shape in ["(99999999999999999999, 3, 4)", "24", "(2.0, 3, 4)", "(2, 3, 4"] {
        let e = refused(&npy("'|u1'", "False", shape, &counted(24)));
        assert!(matches!(e, ArrayError::Header(_)), "{shape}: {e}");
    }
}

#[test]
fn other_headers_are_refused() {
    let text = |text: &str| refused(&with_text(text, &counted(24)));
    assert!(matches!(text("{'descr': '|u1', 'shape': (2, 3, 4), }"), ArrayError::Header(_)));
    assert!(matches!(text("[1, 2]"), ArrayError::Header(_)));
    assert!(matches!(text("{1e999+1e999j: 1}"), ArrayError::HeaderText));
    // What the parser would try again at every depth.
    assert!(matches!(text(&"{".repeat(90)), ArrayError::HeaderText));
    let mut bytes = good();
    bytes[6] = 4;
    assert!(matches!(refused(&bytes), ArrayError::Version(4, 0)));
    let four_gib = b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}";
    assert!(matches!(refused(four_gib), ArrayError::HeaderLength(u32::MAX)));
}

#[test]
fn other_types_are_refused_and_told_what_is_taken() {
    for descr in ["'<f4'", "'>f8'", "'>u2'", "'|i1'", "'|b1'", "'|O'", "[('a', '|u1')]"] {
        let e = refused(&npy(descr, "False", "(2, 3, 4)", &counted(24)));
        assert!(matches!(e, ArrayError::Type(_)), "{descr}: {e}");
    }
    let e = refused(&npy("'<f4'", "False", "(2, 3, 4)", &[0; 96]));
    assert_eq!(
        e.to_string(),
        "elements of type '<f4'; unsigned bytes (numpy.uint8, '|u1') are accepted"
    );
}

#[test]
fn an_archive_gives_its_one_array_of_images_or_the_named_one() {
    let labels = npy("'|u1'", "False", "(2,)", &[1, 2]);
    let floats = npy("'<f4'", "False", "(2, 3, 4)", &[0; 96]);
    let other = npy("'|u1'", "False", "(1, 2, 2)", &counted(4));
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let one = npz(&[("y.npy", &labels), ("x.npy", &good()), ("f.npy", &floats)], method);
        assert_eq!(read(&one, None).unwrap().pixels, counted(24));
        assert_eq!(read(&one, Some("x")).unwrap().n, 2);
        assert!(matches!(read(&one, Some("y")), Err(ArrayError::Rank(_))));
        let e = read(&one, Some("z")).unwrap_err();
        assert_eq!(e.to_string(), "no array z; there is y, x, f");

        let two = npz(&[("train.npy", &good()), ("test.npy", &other)], method);
        let e = refused(&two);
        assert!(matches!(&e, ArrayError::Several(names) if names == "train, test"), "{e}");
        assert_eq!(read(&two, Some("test")).unwrap().pixels, counted(4));

        let none = npz(&[("y.npy", &labels), ("readme.txt", b"x")], method);
        assert!(matches!(refused(&none), ArrayError::NoImages(_)));
        assert!(matches!(refused(&npz(&[], method)), ArrayError::NoImages(_)));
    }
    assert!(matches!(read(&good(), Some("x")), Err(ArrayError::NoNames(_))));
}

#[test]
fn damaged_archives_are_errors() {
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let bytes = npz(&[("x.npy", &good())], method);
        for len in 6..bytes.len() {
            assert!(matches!(refused(&bytes[..len]), ArrayError::Zip(_)), "{len}");
        }
        // No change is taken for other pixels: there is a checksum.
        for at in 4..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x55;
            if let Ok(images) = read(&bytes, None) {
                assert_eq!(images.pixels, counted(24), "{at}");
            }
        }
    }
}

#[test]
fn an_archive_that_lies_about_its_sizes_is_an_error() {
    // Array and directory say 16 MB, and there are 24 bytes.
    let lie = npy("'|u1'", "False", "(2000, 200, 40)", &counted(24));
    let mut bytes = npz(&[("x.npy", &lie)], CompressionMethod::Deflated);
    let claimed = (16_000_000u32 + 128).to_le_bytes();
    let directory = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    for at in [22, directory + 24] {
        assert_eq!(bytes[at..at + 4], (lie.len() as u32).to_le_bytes());
        bytes[at..at + 4].copy_from_slice(&claimed);
    }
    let e = refused(&bytes);
    assert!(matches!(e, ArrayError::Length { found: 24, .. } | ArrayError::Io(_)), "{e}");
}
