//! Scans in a stream: sizes, pixels, corrections (SPEC.md sections 6.7.1, 6.7.4 and 6.7.6).

use crate::layer::byte_relu;
use crate::range_coder::Decoder;
use crate::refusal::{Result, require};
use crate::scan::Scans;
use crate::scan::bitmap::Bitmap;
use crate::scan::greys::picture;
use crate::scan::preview::grid;
use crate::softmax::frequencies;

impl Scans {
    /// The images of a lane or a single image that have a scan; `None` for the others.
    pub(crate) fn images(
        &self,
        previews: &[Option<Vec<u8>>],
        coder: &mut Decoder<'_>,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let sizes = previews.iter().map(|_| self.size(coder));
        let sizes: Vec<i64> = sizes.collect::<Result<_>>()?;
        let with: Vec<usize> = (0..sizes.len()).filter(|&i| sizes[i] > 0).collect();
        let counts = with.iter().map(|_| self.count(coder));
        let counts: Vec<i64> = counts.collect::<Result<_>>()?;
        let scan = |&i: &usize| {
            let m = sizes[i] + 19;
            Bitmap::new(m, previews[i].as_ref().map_or(Vec::new(), |preview| grid(preview, m)))
        };
        let mut scans: Vec<Bitmap> = with.iter().map(scan).collect();
        for y in 0..120 {
            for x in 0..120 {
                self.pixels(x.max(y), &mut scans, coder)?;
            }
        }
        let mut images = vec![None; sizes.len()];
        for ((i, scan), count) in with.into_iter().zip(scans).zip(counts) {
            let mut image = picture(scan.side, &scan.pixels);
            correct(&mut image, count, coder)?;
            images[i] = Some(image);
        }
        Ok(images)
    }

    // 6.7.4
    fn size(&self, coder: &mut Decoder<'_>) -> Result<i64> {
        let high = coder.symbol(&frequencies(&self.size_high))?;
        let low = coder.symbol(&frequencies(&self.size_low[16 * high..16 * high + 16]))?;
        let size = 16 * high + low;
        require(size <= 101, "a size above 101")?;
        Ok(size as i64)
    }

    fn count(&self, coder: &mut Decoder<'_>) -> Result<i64> {
        let symbol = coder.symbol(&frequencies(&self.corrections))? as i64;
        if symbol < 15 {
            return Ok(symbol);
        }
        let count = coder.bits(10)?;
        require((15..=784).contains(&count), "a number of corrections")?;
        Ok(count)
    }

    /// The pixels of one position, of the scans that reach as far as row and column `reach`.
    fn pixels(&self, reach: i64, scans: &mut [Bitmap], coder: &mut Decoder<'_>) -> Result<()> {
        let there = (0..scans.len()).filter(|&k| scans[k].side > reach);
        let there: Vec<(usize, Option<u8>)> = there.map(|k| (k, scans[k].plain())).collect();
        for (k, v) in there.iter().filter_map(|&(k, v)| Some((k, v?))) {
            let mut l = self.plain[scans[k].plain_place(v)];
            if !self.plain_preview.is_empty() {
                l += self.plain_preview[usize::from(scans[k].g(0, 0))];
            }
            scans[k].push(pixel(l, coder)?);
        }
        for &(k, _) in there.iter().filter(|(_, v)| v.is_none()) {
            let inputs = byte_relu(self.inputs.wide_of(&scans[k].inputs()));
            let l = self.ink.wide(&self.hidden.byte_relu(&inputs))[0];
            scans[k].push(pixel(l, coder)?);
        }
        Ok(())
    }
}

// 6.7.1
fn pixel(l: i64, coder: &mut Decoder<'_>) -> Result<u8> {
    let logit = 16 * ((l + 8) >> 4).clamp(-1023, 1023);
    Ok(coder.symbol(&frequencies(&[0, logit]))? as u8)
}

// 6.7.4
fn correct(image: &mut [u8], count: i64, coder: &mut Decoder<'_>) -> Result<()> {
    let mut least = 0;
    for _ in 0..count {
        let (position, grey) = (coder.bits(10)?, coder.bits(8)? as u8);
        require((least..784).contains(&position), "a position of a correction")?;
        least = position + 1;
        let pixel = &mut image[position as usize];
        require(*pixel != grey, "a correction to what the pixel is")?;
        *pixel = grey;
    }
    Ok(())
}
