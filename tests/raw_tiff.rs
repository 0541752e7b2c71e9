//! Small uncompressed TIFF files, tag by tag.

/// One page of `width × height` pixels.
pub struct Page<'a> {
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// 0 white is zero, 1 black is zero, 2 RGB, 5 CMYK.
    pub photometric: u16,
    /// Bits of a sample.
    pub bits: u16,
    /// Samples of a pixel; 1 or more than 2, so that the list of their bits is never inline.
    pub samples: u16,
    /// 1 unsigned, 2 signed, 3 floating point.
    pub sample_format: u16,
    /// The one strip of pixels.
    pub data: &'a [u8],
    /// Further tags, each a short; above 339.
    pub more: &'a [(u16, u16)],
}

/// A little-endian TIFF of these pages.
pub fn tiff(pages: &[Page]) -> Vec<u8> {
    let mut out = b"II*\0\0\0\0\0".to_vec();
    let mut link = 4;
    for page in pages {
        let strip = out.len() as u32;
        out.extend(page.data);
        let repeated = |out: &mut Vec<u8>, value: u16| {
            if page.samples == 1 {
                return u32::from(value);
            }
            let at = out.len() as u32;
            (0..page.samples).for_each(|_| out.extend(value.to_le_bytes()));
            at
        };
        let bits = repeated(&mut out, page.bits);
        let formats = repeated(&mut out, page.sample_format);
        if out.len() % 2 == 1 {
            out.push(0);
        }
        const SHORT: u16 = 3;
        const LONG: u16 = 4;
        let n = u32::from(page.samples);
        let mut entries = vec![
            (256, SHORT, 1, u32::from(page.width)),
            (257, SHORT, 1, u32::from(page.height)),
            (258, SHORT, n, bits),
            (259, SHORT, 1, 1),
            (262, SHORT, 1, u32::from(page.photometric)),
            (273, LONG, 1, strip),
            (277, SHORT, 1, n),
            (278, SHORT, 1, u32::from(page.height)),
            (279, LONG, 1, page.data.len() as u32),
            (339, SHORT, n, formats),
        ];
        entries.extend(page.more.iter().map(|&(tag, value)| (tag, SHORT, 1, u32::from(value))));
        let directory = (out.len() as u32).to_le_bytes();
        out[link..link + 4].copy_from_slice(&directory);
        out.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in entries {
            out.extend(u16::to_le_bytes(tag));
            out.extend(u16::to_le_bytes(kind));
            out.extend(u32::to_le_bytes(count));
            out.extend(u32::to_le_bytes(value));
        }
        link = out.len();
        out.extend([0; 4]);
    }
    out
}
