//! What a picture file holds besides one picture: the metadata that will be dropped, and the
//! frames that must not be.
//!
//! These walks follow a file's structure without decoding it. A structure that makes no sense
//! ends the walk: it is for the decoder to say what is wrong.

use std::collections::BTreeSet;

use super::read::Warning;
use crate::error::Error;

/// Names of what is dropped.
pub(super) type Dropped = BTreeSet<&'static str>;

/// Chunks of a PNG: length, type, data, checksum.
pub(super) fn png(bytes: &[u8], warnings: &mut Vec<Warning>) -> Result<Dropped, Error> {
    let mut dropped = Dropped::new();
    let mut rest = bytes.get(8..).unwrap_or(&[]);
    while let [l0, l1, l2, l3, t0, t1, t2, t3, ..] = *rest {
        let what = match &[t0, t1, t2, t3] {
            b"acTL" => return Err(animated("PNG")),
            b"iCCP" => "ICC profile",
            b"eXIf" => "EXIF",
            b"tEXt" | b"zTXt" | b"iTXt" => "text",
            b"gAMA" | b"cHRM" | b"cICP" | b"mDCV" | b"cLLI" | b"sRGB" => "colour space",
            b"IHDR" | b"PLTE" | b"tRNS" | b"IDAT" | b"IEND" => "",
            _ => "other metadata",
        };
        if !what.is_empty() {
            dropped.insert(what);
        }
        let length = u64::from(u32::from_be_bytes([l0, l1, l2, l3])) + 12;
        rest = skip(rest, length);
        if [t0, t1, t2, t3] == *b"IEND" {
            if !rest.is_empty() {
                warnings.push(Warning::Trailing { bytes: rest.len() as u64 });
            }
            break;
        }
    }
    Ok(dropped)
}

/// Chunks of a WebP: name, length, data, padding to an even length.
pub(super) fn webp(bytes: &[u8]) -> Result<Dropped, Error> {
    let mut dropped = Dropped::new();
    let mut rest = bytes.get(12..).unwrap_or(&[]);
    while let [t0, t1, t2, t3, l0, l1, l2, l3, ..] = *rest {
        match &[t0, t1, t2, t3] {
            b"VP8X" if rest.get(8).is_some_and(|flags| flags & 2 != 0) => {
                return Err(animated("WebP"));
            }
            b"ANIM" | b"ANMF" => return Err(animated("WebP")),
            b"ICCP" => drop(dropped.insert("ICC profile")),
            b"EXIF" => drop(dropped.insert("EXIF")),
            b"XMP " => drop(dropped.insert("XMP")),
            _ => {}
        }
        let length = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
        rest = skip(rest, 8 + length + (length & 1));
    }
    Ok(dropped)
}

/// Blocks of a GIF: extensions and images, each with a chain of sub-blocks.
pub(super) fn gif(bytes: &[u8]) -> Result<Dropped, Error> {
    let mut dropped = Dropped::new();
    let mut images = 0;
    let screen_flags = bytes.get(10).copied().unwrap_or(0);
    let mut rest = skip(bytes, 13 + colour_table(screen_flags));
    loop {
        rest = match *rest {
            [0x21, label, ..] => {
                if label == 0xFE {
                    dropped.insert("text");
                }
                sub_blocks(skip(rest, 2))
            }
            [0x2C, _, _, _, _, _, _, _, _, flags, ..] => {
                images += 1;
                // Descriptor, colour table, and the LZW code size before the sub-blocks.
                sub_blocks(skip(rest, 10 + colour_table(flags) + 1))
            }
            _ => break,
        };
    }
    if images > 1 { Err(animated("GIF")) } else { Ok(dropped) }
}

/// Bytes of the colour table that a flag byte announces.
fn colour_table(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

fn sub_blocks(mut rest: &[u8]) -> &[u8] {
    while let [length @ 1..=255, ..] = *rest {
        rest = skip(rest, 1 + u64::from(length));
    }
    skip(rest, 1)
}

/// The colour space field of a BMP with a version 5 header.
pub(super) fn bmp(bytes: &[u8]) -> Dropped {
    let header_len = bytes.get(14..18);
    let profile = matches!(bytes.get(70..74), Some(b"DEBM" | b"KNIL"));
    let v5 = header_len == Some(&[124, 0, 0, 0]);
    if v5 && profile { Dropped::from(["ICC profile"]) } else { Dropped::new() }
}

fn skip(bytes: &[u8], count: u64) -> &[u8] {
    usize::try_from(count).ok().and_then(|n| bytes.get(n..)).unwrap_or(&[])
}

fn animated(what: &str) -> Error {
    Error::Unsupported(format!("an animated {what}"))
}
