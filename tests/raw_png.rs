//! PNG files chunk by chunk, for what no encoder writes when asked for pixels.

use std::io::Write;

use flate2::{Compression, Crc, write::ZlibEncoder};

/// A PNG from its header fields, its rows (each with its filter byte) and other chunks, which
/// stand between `IHDR` and `IDAT`.
pub fn png(
    width: u32,
    height: u32,
    depth: u8,
    colour: u8,
    chunks: &[(&[u8; 4], &[u8])],
    rows: &[u8],
) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([depth, colour, 0, 0, 0]);
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut out, b"IHDR", &header);
    for (name, data) in chunks {
        chunk(&mut out, name, data);
    }
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(rows).expect("memory");
    chunk(&mut out, b"IDAT", &zlib.finish().expect("memory"));
    chunk(&mut out, b"IEND", &[]);
    out
}

/// Length, name, data, checksum of name and data.
pub fn chunk(out: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    let mut crc = Crc::new();
    crc.update(name);
    crc.update(data);
    out.extend((data.len() as u32).to_be_bytes());
    out.extend(name);
    out.extend(data);
    out.extend(crc.sum().to_be_bytes());
}
