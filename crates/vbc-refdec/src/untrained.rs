//! Coders without a model: raw and generic (SPEC.md section 10).

use crate::elements::{Bytes, unzstd};
use crate::image::Shape;
use crate::refusal::{Result, require};

/// `size` bytes of images by the raw or the generic coder.
pub(crate) fn untrained(raw: bool, shape: Shape, size: u64, stream: &[u8]) -> Result<Vec<u8>> {
    if raw {
        require(stream.len() as u64 == size, "another number of raw bytes")?;
        return Ok(stream.to_vec());
    }
    let mut b = Bytes(stream);
    let (flags, channels) = (b.number(1)?, shape.channels());
    require(matches!(flags, 0 | 1) || (flags == 3 && channels >= 3), "reserved flags")?;
    if flags == 0 {
        return unzstd(b.0, size);
    }
    let (width, height, wide) = (shape.width as usize, shape.height as usize, shape.format >= 4);
    let rows = size / shape.bytes()? * (channels * height) as u64;
    let data = unzstd(b.0, size + rows)?;
    let (filters, residuals) = data.split_at(rows as usize);
    require(filters.iter().all(|&f| f < 6), "a reserved filter")?;
    let modulus = if wide { 1 << 16 } else { 1 << 8 };
    let plane_bytes = width * height * if wide { 2 } else { 1 };
    let mut planes: Vec<Vec<i64>> = Vec::new();
    for (filters, bytes) in filters.chunks(height).zip(residuals.chunks(plane_bytes)) {
        let (high, low) = bytes.split_at(plane_bytes - width * height);
        let mut samples: Vec<i64> = Vec::new();
        for (n, &low) in low.iter().enumerate() {
            let (x, y) = (n % width, n / width);
            let at = |dx, dy| if dx > x || dy > y { 0 } else { samples[n - dy * width - dx] };
            let p = prediction(filters[y], at(1, 0), at(0, 1), at(1, 1));
            let high = high.get(n).map_or(0, |&h| i64::from(h));
            samples.push((p + 256 * high + i64::from(low)) % modulus);
        }
        planes.push(samples);
    }
    let mut out = Vec::new();
    for planes in planes.chunks(channels) {
        for n in 0..width * height {
            for (channel, plane) in planes.iter().enumerate() {
                let shifted = flags == 3 && (channel == 0 || channel == 2);
                let sample = plane[n] + if shifted { planes[1][n] } else { 0 };
                out.extend(&(sample % modulus).to_le_bytes()[..if wide { 2 } else { 1 }]);
            }
        }
    }
    Ok(out)
}

fn prediction(filter: u8, a: i64, b: i64, c: i64) -> i64 {
    let p = a + b - c;
    match filter {
        0 => 0,
        1 => a,
        2 => b,
        3 => (a + b) / 2,
        4 => [a, b, c].into_iter().min_by_key(|v| (v - p).abs()).unwrap_or(0),
        _ => p.clamp(a.min(b), a.max(b)),
    }
}
