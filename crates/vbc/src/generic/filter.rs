//! Prediction of each sample from its neighbours, a filter a row and channel (SPEC.md 10.2).
//!
//! Filtered data is, for all images in order, the filters (channel by channel, a byte a row), then
//! the residuals: channel by channel a plane of low bytes, and for 16-bit samples one of high
//! bytes before it. A residual is the sample minus its prediction, modulo 2⁸ or 2¹⁶.

use fearless_simd::dispatch;

use crate::image::Shape;

/// Number of filters: none, left, up, average, Paeth, MED.
const FILTERS: u8 = 6;

/// Filtered data and how large its residuals are.
pub(super) struct Filtered {
    pub bytes: Vec<u8>,
    /// Sum of absolute residuals.
    pub cost: u64,
}

struct Layout {
    width: usize,
    height: usize,
    channels: usize,
    wide: bool,
}

impl Layout {
    fn of(shape: Shape) -> Self {
        Layout {
            width: shape.width as usize,
            height: shape.height as usize,
            channels: shape.format.channels() as usize,
            wide: shape.format.sample_bytes() == 2,
        }
    }

    fn image(&self) -> usize {
        self.width * self.height * self.channels * if self.wide { 2 } else { 1 }
    }

    fn rows(&self) -> usize {
        self.height * self.channels
    }

    fn mask(&self) -> u16 {
        if self.wide { 0xFFFF } else { 0xFF }
    }
}

/// Bytes of the filtered form of `pixels` bytes of images of `shape`.
pub(super) fn filtered_len(shape: Shape, pixels: usize) -> usize {
    let layout = Layout::of(shape);
    // At most one byte for each sample is added, to pixels that are in memory.
    pixels + pixels / layout.image().max(1) * layout.rows()
}

/// The prediction of filter `filter` from left, up and the sample between them.
#[inline(always)]
fn predict(filter: u8, left: u16, up: u16, corner: u16) -> u16 {
    let (a, b, c) = (i32::from(left), i32::from(up), i32::from(corner));
    let value = match filter {
        0 => 0,
        1 => a,
        2 => b,
        3 => (a + b) >> 1,
        4 => {
            let p = a + b - c;
            let (pa, pb, pc) = ((p - a).abs(), (p - b).abs(), (p - c).abs());
            if pa <= pb && pa <= pc {
                a
            } else if pb <= pc {
                b
            } else {
                c
            }
        }
        _ => (a + b - c).clamp(a.min(b), a.max(b)),
    };
    // Every filter gives a value between 0 and the largest sample.
    value as u16
}

/// The sum of a row's magnitudes under a filter: rows begin with the sample before the first, 0.
#[inline(always)]
fn price<const FILTER: u8>(row: &[u16], up: &[u16], mask: u16) -> u64 {
    let len = row.len().min(up.len()).saturating_sub(1);
    let (left, corner) = (&row[..len], &up[..len]);
    let (row, up) = (&row[row.len() - len..], &up[up.len() - len..]);
    let mut sum = 0u64;
    // Sums of 16 bits' magnitudes fit 32 bits for this many.
    for start in (0..len).step_by(1 << 15) {
        let part = start..len.min(start + (1 << 15));
        let mut some = 0u32;
        for i in part {
            let residual = row[i].wrapping_sub(predict(FILTER, left[i], up[i], corner[i])) & mask;
            some += u32::from(residual.min(residual.wrapping_neg() & mask));
        }
        sum += u64::from(some);
    }
    sum
}

/// The filter that leaves a row the least residuals, and their sum. Of equal ones the first is taken.
fn cheapest(row: &[u16], up: &[u16], mask: u16) -> (u64, u8) {
    let prices: [u64; FILTERS as usize] = dispatch!(crate::nn::level(), _simd => [
        price::<0>(row, up, mask),
        price::<1>(row, up, mask),
        price::<2>(row, up, mask),
        price::<3>(row, up, mask),
        price::<4>(row, up, mask),
        price::<5>(row, up, mask),
    ]);
    prices.into_iter().zip(0..).min().unwrap_or_default()
}

/// Predictions of a row of samples: outside the image every sample is 0.
fn row_predictions(filter: u8, row: &[u16], up: &[u16], mut each: impl FnMut(u16, u16)) {
    let (mut left, mut corner) = (0, 0);
    for (&sample, &up) in row.iter().zip(up) {
        each(sample, predict(filter, left, up, corner));
        (left, corner) = (sample, up);
    }
}

/// The samples of one image, channel by channel.
fn planes(layout: &Layout, image: &[u8], green: bool) -> Vec<Vec<u16>> {
    let mut planes = vec![Vec::with_capacity(layout.width * layout.height); layout.channels];
    let bytes = if layout.wide { 2 } else { 1 };
    for pixel in image.chunks_exact(bytes * layout.channels) {
        for (plane, sample) in planes.iter_mut().zip(pixel.chunks_exact(bytes)) {
            plane.push(match *sample {
                [low, high] => u16::from_le_bytes([low, high]),
                [low] => u16::from(low),
                _ => 0,
            });
        }
    }
    if green {
        shift_by_green(&mut planes, layout.mask(), u16::wrapping_sub);
    }
    planes
}

/// Adds green to red and blue, or subtracts it.
fn shift_by_green(planes: &mut [Vec<u16>], mask: u16, op: fn(u16, u16) -> u16) {
    if let [red, green, blue, ..] = planes {
        for plane in [red, blue] {
            plane.iter_mut().zip(green.iter()).for_each(|(x, &g)| *x = op(*x, g) & mask);
        }
    }
}

/// Filters whole images of `shape`.
pub(super) fn apply(shape: Shape, pixels: &[u8], green: bool) -> Filtered {
    let layout = Layout::of(shape);
    let mask = layout.mask();
    let (mut filters, mut residuals, mut cost) = (Vec::new(), Vec::new(), 0);
    for image in pixels.chunks_exact(layout.image().max(1)) {
        for plane in planes(&layout, image, green) {
            // Rows with the 0 before their first sample.
            let mut padded = [vec![0; layout.width + 1], vec![0; layout.width + 1]];
            let (mut low, mut high) = (Vec::new(), Vec::new());
            for row in plane.chunks_exact(layout.width.max(1)) {
                let [up, this] = &mut padded;
                this[1..].copy_from_slice(row);
                let (price, filter) = cheapest(this, up, mask);
                cost += price;
                filters.push(filter);
                row_predictions(filter, row, &up[1..], |sample, p| {
                    let [l, h] = (sample.wrapping_sub(p) & mask).to_le_bytes();
                    low.push(l);
                    high.push(h);
                });
                padded.swap(0, 1);
            }
            if layout.wide {
                residuals.append(&mut high);
            }
            residuals.append(&mut low);
        }
    }
    filters.append(&mut residuals);
    Filtered { bytes: filters, cost }
}

/// Undoes [`apply`] into `out`; `filtered` is [`filtered_len`] long.
pub(super) fn undo(
    shape: Shape,
    filtered: &[u8],
    out: &mut [u8],
    green: bool,
) -> Result<(), String> {
    let layout = Layout::of(shape);
    let image_len = layout.image().max(1);
    let (filters, residuals) = filtered
        .split_at_checked(out.len() / image_len * layout.rows())
        .ok_or("filtered rows are too short")?;
    if let Some(bad) = filters.iter().find(|&&f| f >= FILTERS) {
        return Err(format!("row filter {bad}, 0 to {} expected", FILTERS - 1));
    }
    let images = out.chunks_exact_mut(image_len);
    let filters = filters.chunks_exact(layout.rows().max(1));
    for ((image, filters), residuals) in images.zip(filters).zip(residuals.chunks_exact(image_len))
    {
        let mut planes: Vec<Vec<u16>> = Vec::with_capacity(layout.channels);
        let plane_len = image_len / layout.channels;
        for (bytes, filters) in
            residuals.chunks_exact(plane_len).zip(filters.chunks_exact(layout.height))
        {
            planes.push(undo_plane(&layout, bytes, filters));
        }
        if green {
            shift_by_green(&mut planes, layout.mask(), u16::wrapping_add);
        }
        put_planes(&layout, &planes, image);
    }
    Ok(())
}

fn undo_plane(layout: &Layout, bytes: &[u8], filters: &[u8]) -> Vec<u16> {
    let (high, low) = if layout.wide { bytes.split_at(bytes.len() / 2) } else { (&[][..], bytes) };
    let mut high = high.iter();
    let mut plane = Vec::with_capacity(low.len());
    let mut up = vec![0; layout.width];
    for (row, &filter) in low.chunks_exact(layout.width).zip(filters) {
        let (mut left, mut corner) = (0u16, 0);
        for (&low, up) in row.iter().zip(&mut up) {
            let residual = u16::from_le_bytes([low, high.next().copied().unwrap_or_default()]);
            let p = predict(filter, left, *up, corner);
            let sample = residual.wrapping_add(p) & layout.mask();
            plane.push(sample);
            corner = std::mem::replace(up, sample);
            left = sample;
        }
    }
    plane
}

fn put_planes(layout: &Layout, planes: &[Vec<u16>], image: &mut [u8]) {
    let bytes = if layout.wide { 2 } else { 1 };
    for (channel, plane) in planes.iter().enumerate() {
        let samples = image.chunks_exact_mut(bytes).skip(channel).step_by(layout.channels);
        for (to, sample) in samples.zip(plane) {
            to.iter_mut().zip(sample.to_le_bytes()).for_each(|(to, from)| *to = from);
        }
    }
}
