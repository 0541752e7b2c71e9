//! Picture files in and out, pixel by pixel.

use vbc::{Error, Image, ImageFileFormat, Limits, PixelFormat, Warning, read_image, write_image};
use vbc_tests::pattern;
use vbc_tests::raw_png::png;
use vbc_tests::raw_tiff::{Page, tiff};

fn read(bytes: &[u8]) -> (Image, Vec<Warning>) {
    read_image(bytes, &Limits::default()).expect("a good file")
}

/// The image's pixels, of a file without warnings.
fn pixels(bytes: &[u8], format: PixelFormat) -> Vec<u8> {
    let (image, warnings) = read(bytes);
    assert_eq!(warnings, []);
    assert_eq!(image.shape().format, format);
    image.into_data()
}

#[test]
fn every_kind_gives_back_what_it_holds() {
    for kind in ImageFileFormat::ALL {
        for format in PixelFormat::ALL {
            for (width, height) in [(1, 1), (28, 28), (3, 17), (40, 1)] {
                let image = pattern(width, height, format);
                match write_image(&image, kind) {
                    Ok(bytes) => {
                        assert!(kind.holds(format), "{kind} {format:?}");
                        assert_eq!(read(&bytes), (image, vec![]), "{kind} {format:?}");
                    }
                    Err(Error::Input(why)) => {
                        assert!(!kind.holds(format), "{kind} {format:?}: {why}");
                        assert!(why.contains("PNG"), "{why}");
                    }
                    Err(e) => panic!("{kind} {format:?}: {e}"),
                }
            }
        }
    }
}

#[test]
fn extensions() {
    for kind in ImageFileFormat::ALL {
        assert_eq!(ImageFileFormat::from_extension(kind.extension()), Some(kind));
    }
    assert_eq!(ImageFileFormat::from_extension("TIF"), Some(ImageFileFormat::Tiff));
    assert_eq!(ImageFileFormat::from_extension("jpg"), None);
}

#[test]
fn limits_hold_before_decoding() {
    let image = pattern(9, 9, PixelFormat::Rgb8);
    for kind in ImageFileFormat::ALL.into_iter().filter(|k| k.holds(PixelFormat::Rgb8)) {
        let bytes = write_image(&image, kind).expect("RGB");
        let mut limits = Limits::default();
        limits.pixels = 80;
        let refused = read_image(&bytes, &limits);
        assert!(matches!(refused, Err(Error::Limit { found: 81, limit: 80, .. })), "{kind}");
        let mut limits = Limits::default();
        limits.memory = 242;
        let refused = read_image(&bytes, &limits);
        assert!(matches!(refused, Err(Error::Limit { limit: 242, .. })), "{kind}: {refused:?}");
    }
    // 2³¹ − 1 pixels square, without the pixels.
    let huge = png(i32::MAX as u32, i32::MAX as u32, 8, 0, &[], &[]);
    assert!(matches!(read_image(&huge, &Limits::default()), Err(Error::Limit { .. })));
    let huge = b"P5\n4000000000 4000000000\n255\n";
    assert!(matches!(read_image(huge, &Limits::default()), Err(Error::Limit { .. })));
}

#[test]
fn png_palettes_and_small_depths() {
    let rows = [0, 0b1010_0000];
    assert_eq!(pixels(&png(3, 1, 1, 0, &[], &rows), PixelFormat::Grey8), [255, 0, 255]);
    let rows = [0, 0b0001_1011];
    assert_eq!(pixels(&png(4, 1, 2, 0, &[], &rows), PixelFormat::Grey8), [0, 85, 170, 255]);
    let rows = [0, 0x5f];
    assert_eq!(pixels(&png(2, 1, 4, 0, &[], &rows), PixelFormat::Grey8), [0x55, 0xff]);
    let palette: &[u8] = &[1, 2, 3, 4, 5, 6];
    let rows = [0, 0b1000_0000];
    let opaque = png(2, 1, 1, 3, &[(b"PLTE", palette)], &rows);
    assert_eq!(pixels(&opaque, PixelFormat::Rgb8), [4, 5, 6, 1, 2, 3]);
    let clear = png(2, 1, 1, 3, &[(b"PLTE", palette), (b"tRNS", &[9])], &rows);
    assert_eq!(pixels(&clear, PixelFormat::Rgba8), [4, 5, 6, 255, 1, 2, 3, 9]);
    let deep = png(1, 1, 16, 0, &[], &[0, 0x12, 0x34]);
    assert_eq!(pixels(&deep, PixelFormat::Grey16), [0x34, 0x12]);
}

#[test]
fn png_metadata_is_named() {
    let chunks: &[(&[u8; 4], &[u8])] = &[
        (b"gAMA", &[0, 0, 177, 143]),
        (b"tEXt", b"Title\0four"),
        (b"eXIf", b"MM\0*\0\0\0\x08\0\0"),
        (b"pHYs", &[0, 0, 0, 1, 0, 0, 0, 1, 0]),
    ];
    let mut file = png(1, 1, 8, 0, chunks, &[0, 77]);
    file.extend(b"tail");
    let (image, warnings) = read(&file);
    assert_eq!(image.data(), [77]);
    let text: Vec<String> = warnings.iter().map(Warning::to_string).collect();
    assert_eq!(
        text,
        [
            "4 bytes behind the picture are not stored",
            "EXIF is not stored",
            "colour space is not stored",
            "other metadata is not stored",
            "text is not stored",
        ]
    );
}

#[test]
fn pnm_of_every_kind() {
    assert_eq!(pixels(b"P1\n3 1\n1 0 1\n", PixelFormat::Grey8), [0, 255, 0]);
    assert_eq!(pixels(b"P4\n3 1\n\xa0", PixelFormat::Grey8), [0, 255, 0]);
    assert_eq!(pixels(b"P2\n# a comment\n2 1\n255\n7 9\n", PixelFormat::Grey8), [7, 9]);
    assert_eq!(pixels(b"P3 1 1 65535 1 2 515 ", PixelFormat::Rgb16), [1, 0, 2, 0, 3, 2]);
    let bw = b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 1\nTUPLTYPE BLACKANDWHITE\nENDHDR\n\0\x01";
    assert_eq!(read(bw).0.data(), [0, 255]);
    let (image, warnings) = read(b"P5\n4 1\n15\n\0\x01\x07\x0f");
    assert_eq!(image.data(), [0, 17, 119, 255]);
    assert_eq!(warnings, [Warning::Scaled { maxval: 15 }]);
    let (image, warnings) = read(b"P5\n2 1\n1023\n\x03\xff\0\x01");
    assert_eq!(image.data(), [255, 255, 64, 0]);
    assert_eq!(warnings, [Warning::Scaled { maxval: 1023 }]);
    assert_eq!(read(b"P5\n1 1\n255\nab").1, [Warning::Trailing { bytes: 1 }]);
}

#[test]
fn bmp_palettes() {
    let bmp = |palette: [[u8; 4]; 2]| {
        let mut out = b"BM\x46\0\0\0\0\0\0\0\x3e\0\0\0".to_vec();
        for field in [40u32, 3, 1, 1 | 1 << 16, 0, 4, 0, 0, 2, 0] {
            out.extend(field.to_le_bytes());
        }
        out.extend(palette.concat());
        out.extend([0b0100_0000, 0, 0, 0]);
        out
    };
    let grey = bmp([[3, 3, 3, 0], [200, 200, 200, 0]]);
    assert_eq!(pixels(&grey, PixelFormat::Grey8), [3, 200, 3]);
    let colour = bmp([[3, 2, 1, 0], [200, 200, 200, 0]]);
    assert_eq!(pixels(&colour, PixelFormat::Rgb8), [1, 2, 3, 200, 200, 200, 1, 2, 3]);
}

#[test]
fn a_still_gif_is_rgba() {
    let mut file = Vec::new();
    let frame = image::RgbaImage::from_pixel(2, 1, image::Rgba([9, 8, 7, 255]));
    let mut gif = image::codecs::gif::GifEncoder::new(&mut file);
    gif.encode_frame(image::Frame::new(frame)).expect("memory");
    drop(gif);
    assert_eq!(pixels(&file, PixelFormat::Rgba8), [9, 8, 7, 255, 9, 8, 7, 255]);
}

#[test]
fn tiff_greys_and_tags() {
    let page = |photometric, bits, data| Page {
        width: 2,
        height: 1,
        photometric,
        bits,
        samples: 1,
        sample_format: 1,
        data,
        more: &[],
    };
    assert_eq!(pixels(&tiff(&[page(1, 8, &[7, 9])]), PixelFormat::Grey8), [7, 9]);
    assert_eq!(pixels(&tiff(&[page(0, 8, &[7, 9])]), PixelFormat::Grey8), [248, 246]);
    assert_eq!(pixels(&tiff(&[page(1, 1, &[0b0100_0000])]), PixelFormat::Grey8), [0, 255]);
    let deep = tiff(&[page(1, 16, &[1, 2, 3, 4])]);
    assert_eq!(pixels(&deep, PixelFormat::Grey16), [1, 2, 3, 4]);
    let tagged = Page { more: &[(34665, 0)], ..page(1, 8, &[7, 9]) };
    assert_eq!(read(&tiff(&[tagged])).1, [Warning::Dropped { what: "EXIF" }]);
}

/// Cut anywhere, a file is an error or, where only metadata or padding is gone, the same pixels.
#[test]
fn cut_files_never_give_other_pixels() {
    let image = pattern(5, 4, PixelFormat::Rgb8);
    for kind in ImageFileFormat::ALL.into_iter().filter(|k| k.holds(PixelFormat::Rgb8)) {
        let bytes = write_image(&image, kind).expect("RGB");
        for len in 0..bytes.len() {
            match read_image(&bytes[..len], &Limits::default()) {
                Ok((cut, _)) => assert_eq!(cut, image, "{kind} cut to {len} of {}", bytes.len()),
                Err(Error::Corrupt { .. } | Error::Unsupported(_)) => {}
                Err(e) => panic!("{kind} cut to {len}: {e}"),
            }
        }
    }
}
