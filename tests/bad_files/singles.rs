//! Single images.

use super::{Answer, Bad, Kind, archive, list, single, with};
use vbc::Section;

/// A file of each kind of fault.
pub fn singles() -> Vec<Bad> {
    use Answer::{Corrupt, Input, Limit, UnknownModel, Unsupported};
    use Section::{Header, Pixels, Residual};

    let raw = || single("raw", None);
    let huge = &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F];
    list(
        Kind::Single,
        vec![
            ("single-empty.vbc", vec![], Corrupt(Header), "No bytes at all."),
            ("single-magic.vbc", with(raw(), |f| f[1] = b'C'), Corrupt(Header), "Not the magic."),
            (
                "single-neither.vbc",
                with(raw(), |f| f[2] &= 0x7F),
                Corrupt(Header),
                "Neither an archive nor a single image.",
            ),
            (
                "single-archive.vbc",
                archive(false, false),
                Input,
                "An archive where a single image is expected.",
            ),
            (
                "single-version-2.vbc",
                with(raw(), |f| f[2] ^= 0x60),
                Unsupported,
                "A version of the future.",
            ),
            (
                "single-reserved-bit.vbc",
                with(raw(), |f| f[2] |= 1),
                Corrupt(Header),
                "The reserved bit is set.",
            ),
            (
                "single-method-3.vbc",
                with(raw(), |f| f[2] |= 0x18),
                Corrupt(Header),
                "The reserved method.",
            ),
            (
                "single-no-shape.vbc",
                with(raw(), |f| f[2] &= !4),
                Corrupt(Header),
                "A raw image without a shape.",
            ),
            (
                "single-model-with-shape.vbc",
                with(single("model", None), |f| {
                    f[2] |= 4;
                    f.splice(7..7, [0, 6, 4]);
                }),
                Corrupt(Header),
                "A shape where the model implies it.",
            ),
            (
                "single-format-8.vbc",
                shape(8, &[1], &[1]),
                Corrupt(Header),
                "A reserved pixel format.",
            ),
            (
                "single-width-0.vbc",
                shape(0, &[0], &[1]),
                Corrupt(Header),
                "An image without pixels.",
            ),
            (
                "single-long-varint.vbc",
                shape(0, &[0x81, 0], &[1]),
                Corrupt(Header),
                "A width that is not in its shortest form.",
            ),
            (
                "single-wide-varint.vbc",
                shape(0, &[0xFF; 11], &[1]),
                Corrupt(Header),
                "A width of more than 64 bits.",
            ),
            (
                "single-too-large.vbc",
                shape(7, huge, huge),
                Limit,
                "2⁶⁴ pixels: beyond every limit.",
            ),
            (
                "single-too-many-bytes.vbc",
                shape(7, &[0x80, 0x80, 1], &[0x80, 0x80, 1]),
                Limit,
                "Pixels within their limit, bytes beyond the memory's.",
            ),
            (
                "single-name-utf8.vbc",
                with(single("raw", Some("ab")), |f| f[7] = 0xFF),
                Corrupt(Header),
                "A name that is not UTF-8.",
            ),
            (
                "single-name-long.vbc",
                with(single("raw", Some("ab")), |f| {
                    f.splice(6..7, [0x81, 0x20]);
                }),
                Corrupt(Header),
                "A name of 4097 bytes.",
            ),
            (
                "single-unknown-model.vbc",
                with(single("model", None), |f| f[3] ^= 0x55),
                UnknownModel,
                "A model that nobody has.",
            ),
            (
                "single-raw-short.vbc",
                with(raw(), |f| f.truncate(f.len() - 1)),
                Corrupt(Residual),
                "A pixel is missing.",
            ),
            (
                "single-raw-long.vbc",
                with(raw(), |f| f.push(0)),
                Corrupt(Residual),
                "A byte that no pixel accounts for.",
            ),
            (
                "single-generic-flags.vbc",
                with(single("generic", None), |f| f[10] |= 0x80),
                Corrupt(Residual),
                "A reserved flag of the generic coder.",
            ),
            (
                "single-generic-green.vbc",
                with(single("generic", None), |f| f[10] = 3),
                Corrupt(Residual),
                "Green subtracted from a grey image.",
            ),
            (
                "single-model-tail.vbc",
                with(single("model", None), |f| f.push(0)),
                Corrupt(Residual),
                "A byte behind the coder's tail.",
            ),
            (
                "single-checksum.vbc",
                with(raw(), |f| f[6] ^= 1),
                Corrupt(Pixels),
                "A checksum of other pixels.",
            ),
        ],
    )
    .collect()
}

/// A raw single image that states a shape, and no pixels.
fn shape(format: u8, width: &[u8], height: &[u8]) -> Vec<u8> {
    [b"VB\xA4", &[format][..], width, height, &[0; 4]].concat()
}
