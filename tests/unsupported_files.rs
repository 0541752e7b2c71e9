//! Valid picture files that vbc refuses: each would lose pixels, or needs what vbc lacks.

use image::codecs::gif::GifEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, Frame, RgbaImage};

use crate::raw_png::png;
use crate::raw_tiff::{Page, tiff};

/// Name, bytes, and a word of the reason that the refusal must give.
pub fn files() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let cmyk = Page {
        width: 2,
        height: 1,
        photometric: 5,
        bits: 8,
        samples: 4,
        sample_format: 1,
        data: &[1, 2, 3, 4, 5, 6, 7, 8],
        more: &[],
    };
    let float = Page {
        photometric: 1,
        bits: 32,
        samples: 1,
        sample_format: 3,
        data: &[0, 0, 0, 0, 0, 0, 128, 63],
        ..cmyk
    };
    let grey = || Page { photometric: 1, samples: 1, data: &[7, 9], ..cmyk };
    let signed = Page { sample_format: 2, ..grey() };
    let two_pages = tiff(&[grey(), grey()]);
    let mut big_tiff = two_pages.clone();
    big_tiff[2] = 43;
    let pnm = b"P5\n2 1\n255\nab".repeat(2);
    vec![
        ("cmyk.tiff", tiff(&[Page { ..cmyk }]), "CMYK"),
        ("float.tiff", tiff(&[float]), "floating-point"),
        ("signed.tiff", tiff(&[signed]), "sample format"),
        ("two-pages.tiff", two_pages, "several pages"),
        ("big.tiff", big_tiff, "BigTIFF"),
        ("two-pictures.pgm", pnm, "several pictures"),
        ("animated.png", animated_png(), "animated PNG"),
        ("animated.gif", animated_gif(), "animated GIF"),
        ("animated.webp", animated_webp(), "animated WebP"),
        ("photo.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec(), "Jpeg"),
        ("text.txt", b"no picture\n".to_vec(), "first bytes"),
    ]
}

/// The default image is the first of two frames.
fn animated_png() -> Vec<u8> {
    let frames = [0, 0, 0, 2, 0, 0, 0, 0];
    let mut control = vec![0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1];
    control.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 10, 0, 0]);
    png(2, 1, 8, 0, &[(b"acTL", &frames), (b"fcTL", &control)], &[0, 7, 9])
}

fn animated_gif() -> Vec<u8> {
    let mut out = Vec::new();
    let mut gif = GifEncoder::new(&mut out);
    for grey in [0, 255] {
        let frame = RgbaImage::from_pixel(2, 1, image::Rgba([grey, grey, grey, 255]));
        gif.encode_frame(Frame::new(frame)).expect("memory");
    }
    drop(gif);
    out
}

/// One lossless frame, twice.
fn animated_webp() -> Vec<u8> {
    let mut still = Vec::new();
    WebPEncoder::new_lossless(&mut still)
        .encode(&[7, 7, 7, 9, 9, 9], 2, 1, ExtendedColorType::Rgb8)
        .expect("memory");
    // A still file is RIFF, its length, WEBP, and the one chunk that a frame wants.
    let bitstream = &still[12..];
    let mut frame = vec![0; 16];
    frame[6] = 1; // width − 1, 24 bits; x, y and height − 1 are 0
    frame[12] = 100; // milliseconds
    frame.extend(bitstream);
    let mut body = b"WEBP".to_vec();
    riff(&mut body, b"VP8X", &[2, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    riff(&mut body, b"ANIM", &[0; 6]);
    riff(&mut body, b"ANMF", &frame);
    riff(&mut body, b"ANMF", &frame);
    let mut out = Vec::new();
    riff(&mut out, b"RIFF", &body);
    out
}

fn riff(out: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    out.extend(name);
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    if data.len() % 2 == 1 {
        out.push(0);
    }
}
