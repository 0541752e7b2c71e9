//! A model's pixels and streams (SPEC.md sections 6.3 to 6.6, 6.7.6, 6.8 and 6.9.4).

use crate::cells::Cells;
use crate::context::Context;
use crate::flow::Transform;
use crate::grid::{Grid, Grids, grey_weight, high_weight};
use crate::head::Head;
use crate::image::Shape;
use crate::layer::Layer;
use crate::prior::{Latent, Prior};
use crate::range_coder::Decoder;
use crate::refusal::{Result, require};
use crate::scan::Scans;
use crate::softmax::frequencies;

/// A loaded model.
pub struct Model {
    pub(crate) id: [u8; 32],
    pub(crate) size: (i64, i64),
    /// D and B of section 6.2.1.
    pub(crate) reach: (i64, i64),
    pub(crate) latent: Option<(Transform, Prior, Layer)>,
    pub(crate) row: Layer,
    pub(crate) pixel: Layer,
    pub(crate) ink: Layer,
    pub(crate) hidden: Layer,
    pub(crate) high: Head,
    pub(crate) low: Head,
    pub(crate) position: Vec<i64>,
    pub(crate) preview: Vec<i64>,
    pub(crate) blank_high: Vec<i64>,
    pub(crate) blank_low: Vec<i64>,
    pub(crate) scans: Option<Scans>,
    pub(crate) grids: Option<Grids>,
    pub(crate) cells: Option<Cells>,
}

/// The last hidden layer, and the high nibble.
type Inked = (Vec<i64>, u8);

/// Of an image without a scan: x̂, the outputs of `image`, and the grid.
type Part = (Vec<u8>, Vec<i64>, Option<Grid>);

impl Model {
    pub fn id(&self) -> [u8; 32] {
        self.id
    }

    pub fn shape(&self) -> Shape {
        Shape { width: self.size.0 as u32, height: self.size.1 as u32, format: 0 }
    }

    // 6.3 and 6.4: the outputs of `pixel` where there is ink
    fn ink(
        &self,
        c: &Context<'_>,
        vector: &[i64],
        coder: &mut Decoder<'_>,
    ) -> Result<Option<Vec<i64>>> {
        let grids = self.grids.as_ref().filter(|_| self.cells.is_none());
        let told = grids.map(|grids| grids.inputs(c.grid, c.here()));
        let told = told.unwrap_or_default();
        let row = self.row.byte_relu(&[&c.row_inputs()[..], &told, vector].concat());
        let pixel = self.pixel.byte_relu(&[row, c.pixel_inputs()].concat());
        let l = self.ink.wide(&pixel)[0];
        let logit = 16 * ((l + 8) >> 4).clamp(-1023, 1023);
        let ink = coder.symbol(&frequencies(&[0, logit]))? == 1;
        Ok(ink.then_some(pixel))
    }

    // 6.8.2
    fn greys(&self, c: &Context<'_>) -> &[(i64, i64)] {
        self.grids.as_ref().map_or(&[], |grids| grids.greys(c.grid, c.here()))
    }

    fn high(&self, c: &Context<'_>, pixel: &[i64], coder: &mut Decoder<'_>) -> Result<Inked> {
        let hidden = self.hidden.byte_relu(pixel);
        let copies = c.copies();
        let entry = |kind: usize, t: u8| match kind {
            0 => c.count_high(0, t).min(63) * 17 + c.distinct(t),
            _ => c.count_high(kind, t).min(31),
        };
        let (copy, weight) = (|q| Some(q >> 4), |t| high_weight(self.greys(c), t));
        let o = self.high.layers[0].saturated(&hidden);
        let h = coder.symbol(&self.high.frequencies(&o, &copies, entry, copy, weight))? as u8;
        Ok((hidden, h))
    }

    fn low(&self, c: &Context<'_>, inked: &Inked, coder: &mut Decoder<'_>) -> Result<u8> {
        let (hidden, h) = (&inked.0, inked.1);
        let copies = c.copies();
        let entry =
            |kind: usize, t: u8| c.count(kind, 16 * h + t).min(if kind == 0 { 63 } else { 31 });
        let copy = |q: u8| (q >> 4 == h).then_some(q & 15);
        let weight = |t: u8| grey_weight(self.greys(c), 16 * h + t);
        let o = self.low.layers[usize::from(h)].saturated(hidden);
        let l = coder.symbol(&self.low.frequencies(&o, &copies, entry, copy, weight))? as u8;
        require(16 * h + l > 0, "ink of value 0")?;
        Ok(16 * h + l)
    }

    // 6.5
    fn blank(&self, c: &Context<'_>, coder: &mut Decoder<'_>) -> Result<u8> {
        let i = usize::from(c.coded(0).next().is_some());
        let around = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dy, dx)));
        let largest = around.map(|offset| c.p(offset)).max().unwrap_or(0);
        let j = 8 - largest.leading_zeros() as usize;
        let logit = self.position[2 * c.pixels.len() + i] + self.preview[j];
        if coder.symbol(&frequencies(&[0, logit]))? == 0 {
            return Ok(0);
        }
        let h = coder.symbol(&frequencies(&self.blank_high))?;
        let l = coder.symbol(&frequencies(&self.blank_low[16 * h..16 * h + 16]))?;
        require(16 * h + l > 0, "ink of value 0")?;
        Ok((16 * h + l) as u8)
    }

    // 6.6
    fn latents(&self, images: usize, coder: &mut Decoder<'_>) -> Result<Vec<Latent>> {
        let mut latents = vec![Latent::default(); images];
        if let Some((_, prior, _)) = &self.latent {
            for _ in 0..prior.centre.len() {
                latents.iter_mut().try_for_each(|latent| prior.symbol(latent, coder))?;
            }
        }
        Ok(latents)
    }

    fn pixels(&self, latents: &[&Latent], coder: &mut Decoder<'_>) -> Result<Vec<Vec<u8>>> {
        let parts = latents.iter().map(|(inputs, z)| match &self.latent {
            Some((transform, _, image)) => (Some(transform.preview(z)), image.byte_relu(inputs)),
            None => (None, Vec::new()),
        });
        let (previews, vectors): (Vec<Option<Vec<u8>>>, Vec<Vec<i64>>) = parts.unzip();
        // 6.7.6
        let mut images = vec![None; latents.len()];
        if let Some(scans) = &self.scans {
            images = scans.images(&previews, coder)?;
        }
        // 6.8.3 and 6.8.5
        let mut found = vec![None; images.len()];
        for k in (0..images.len()).filter(|&k| images[k].is_none()) {
            found[k] = self.grid(latents[k], coder)?;
        }
        // 6.9.4
        if let (Some(cells), Some(grids)) = (&self.cells, &self.grids) {
            let with: Vec<usize> = (0..images.len()).filter(|&k| found[k].is_some()).collect();
            let of = |&k: &usize| Some((found[k]?, latents[k], previews[k].clone()));
            let parts: Vec<_> = with.iter().filter_map(of).collect();
            for (k, image) in with.into_iter().zip(cells.images(grids, &parts, coder)?) {
                images[k] = Some(image);
            }
        }
        let blank = vec![0; (self.size.0 * self.size.1) as usize];
        let previews = previews.into_iter().map(|p| p.unwrap_or_else(|| blank.clone()));
        let parts = previews.zip(vectors).zip(found).map(|((p, vector), grid)| (p, vector, grid));
        let without = parts.zip(&images).filter(|(_, image)| image.is_none());
        let without: Vec<Part> = without.map(|(part, _)| part).collect();
        let mut others = self.grey(&without, coder)?.into_iter();
        Ok(images
            .into_iter()
            .map(|image| image.or_else(|| others.next()).unwrap_or_default())
            .collect())
    }

    fn grid(&self, latent: &Latent, coder: &mut Decoder<'_>) -> Result<Option<Grid>> {
        self.grids.as_ref().map_or(Ok(None), |grids| grids.grid(latent, coder))
    }

    /// The side of the grid of a single image without a scan, from its stream.
    ///
    /// # Errors
    /// Where its symbols are to be refused.
    pub fn side_of_grid(&self, stream: &[u8]) -> Result<Option<usize>> {
        let mut coder = Decoder::new(stream);
        let latent = self.latents(1, &mut coder)?;
        if let Some(scans) = &self.scans {
            let previews = self.latent.as_ref().map(|(t, _, _)| t.preview(&latent[0].1));
            require(scans.images(&[previews], &mut coder)? == [None], "a scan")?;
        }
        Ok(self.grid(&latent[0], &mut coder)?.map(|grid| grid.side))
    }

    /// Images by pixels with and without context.
    fn grey(&self, parts: &[Part], coder: &mut Decoder<'_>) -> Result<Vec<Vec<u8>>> {
        let mut contexts = Vec::new();
        for (p, _, grid) in parts {
            contexts.push(Context { grid: *grid, ..Context::new(self.size, self.reach, p) });
        }
        for _ in 0..self.size.0 * self.size.1 {
            let mut values = vec![0; contexts.len()];
            let coded = (0..contexts.len()).filter(|&i| contexts[i].is_coded());
            let (with, without): (Vec<usize>, Vec<usize>) =
                coded.partition(|&i| contexts[i].has_context());
            for i in without {
                values[i] = self.blank(&contexts[i], coder)?;
            }
            let mut inked = Vec::new();
            for i in with {
                let pixel = self.ink(&contexts[i], &parts[i].1, coder)?;
                inked.extend(pixel.map(|pixel| (i, pixel)));
            }
            let highs = inked.iter().map(|(i, pixel)| self.high(&contexts[*i], pixel, coder));
            let highs: Vec<Inked> = highs.collect::<Result<_>>()?;
            for (&(i, _), high) in inked.iter().zip(&highs) {
                values[i] = self.low(&contexts[i], high, coder)?;
            }
            contexts.iter_mut().zip(values).for_each(|(c, value)| c.push(value));
        }
        Ok(contexts.into_iter().map(|c| c.pixels).collect())
    }

    pub(crate) fn alone<'s>(&self, stream: &'s [u8]) -> Result<(Vec<u8>, Decoder<'s>)> {
        let mut coder = Decoder::new(stream);
        let latents = self.latents(1, &mut coder)?;
        Ok((self.pixels(&[&latents[0]], &mut coder)?.concat(), coder))
    }

    /// An image drawn from the model by random bytes, and the stream that an encoder makes of it.
    ///
    /// # Errors
    /// Where the bytes are no symbols: try others.
    pub fn draw(&self, random: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
        let (pixels, coder) = self.alone(random)?;
        Ok((pixels, coder.canonical()))
    }

    pub(crate) fn block(&self, images: usize, latent: &[u8], lanes: &[&[u8]]) -> Result<Vec<u8>> {
        let mut coder = Decoder::new(latent);
        let latents = self.latents(images, &mut coder)?;
        coder.finish()?;
        let mut out = vec![Vec::new(); images];
        for (lane, stream) in lanes.iter().enumerate() {
            let mine: Vec<&Latent> = latents.iter().skip(lane).step_by(lanes.len()).collect();
            let mut coder = Decoder::new(stream);
            for (k, pixels) in self.pixels(&mine, &mut coder)?.into_iter().enumerate() {
                out[lane + k * lanes.len()] = pixels;
            }
            coder.finish()?;
        }
        Ok(out.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiny::Tiny;

    const GROUPS: [&[&str]; 2] = [&["grid", "told"], &["grid", "told", "cells"]];

    /// Bits as bytes, with 0 behind them.
    fn stream(bits: &str) -> Vec<u8> {
        let bits: Vec<u8> = bits.bytes().filter(|b| *b != b' ').map(|b| b - b'0').collect();
        let byte = |bits: &[u8]| (0..8).fold(0, |n, k| 2 * n + bits.get(k).unwrap_or(&0));
        bits.chunks(8).map(byte).collect()
    }

    /// The nibbles of latent symbols, position-major.
    fn latent(z: &[[i64; 4]]) -> String {
        let all = (0..4).flat_map(|j| z.iter().map(move |z| z[j]));
        all.map(|z| format!("{:04b}", z + 7)).collect()
    }

    fn ink(image: &[u8]) -> Vec<(usize, u8)> {
        image.iter().copied().enumerate().filter(|&(_, v)| v > 0).collect()
    }

    #[test]
    fn told_sides_of_single_images() {
        for groups in GROUPS {
            let model = Tiny::new(true, groups).load().expect("a model");
            // Row 2 and column 3, and ink in the first cell; or ink in the first pixel.
            for (z, side) in [
                ([1, 0, 0, 0], Some(20)),
                ([-1, 2, 0, 0], Some(20)),
                ([0, 3, 0, 1], Some(120)),
                ([0, 0, 0, 1], None),
                ([1, 1, 0, 0], None),
                ([1, 1, 1, 0], None),
                ([0, 1, 1, 0], Some(20)),
                ([5, 0, -5, 7], Some(120)),
            ] {
                let grid = if side.is_some() { "0101 0110" } else { "" };
                let stream = stream(&format!("{} {grid} 1 1111 0001", latent(&[z])));
                assert_eq!(model.side_of_grid(&stream), Ok(side), "{z:?}");
                let (pixels, coder) = model.alone(&stream).expect("an image");
                let place = if side.is_some() { 28 * 2 + 3 } else { 0 };
                assert_eq!(ink(&pixels), [(place, 0xF1)], "{z:?}");
                assert_eq!(model.alone(&coder.canonical()).expect("an image").0, pixels);
            }
        }
    }

    #[test]
    fn told_sides_of_a_block() {
        // In lane 0 all have a grid, that of image 2 further down; in lane 1 none has one.
        let z = [[1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [2, -1, 2, 1]];
        let grids = "0101 0110  1010 0100  0101 0110";
        let without = "1 1100 0100  1 1011 0101";
        for (groups, values) in GROUPS.into_iter().zip([
            // Nothing is known around these pixels: symbols of one stay together.
            "1 1111 0001  1 1101 0011",
            // The first cells of all three come together.
            "101 1111 1101 0001 0011",
        ]) {
            let model = Tiny::new(true, groups).load().expect("a model");
            let raw = stream(&latent(&z));
            let mut coder = Decoder::new(&raw);
            let latents = model.latents(5, &mut coder).expect("latents");
            assert!(latents.iter().map(|latent| &latent.1[..]).eq(z.iter().map(|z| &z[..])));
            let lane = |bits: &str, first: usize| {
                let (bits, mine) = (stream(bits), latents.iter().skip(first).step_by(2));
                let mut coder = Decoder::new(&bits);
                model.pixels(&mine.collect::<Vec<_>>(), &mut coder).expect("a lane");
                coder.canonical()
            };
            let lanes = [lane(&format!("{grids} {values}"), 0), lane(without, 1)];
            let pixels = model.block(5, &coder.canonical(), &[&lanes[0], &lanes[1]]);
            let pixels = pixels.expect("a block");
            let found: Vec<Vec<(usize, u8)>> = pixels.chunks(784).map(ink).collect();
            let first = 28 * 2 + 3;
            let expected = [(first, 0xF1), (0, 0xC4), (0, 0), (0, 0xB5), (first, 0xD3)];
            let expected = expected.map(|one| if one.1 > 0 { vec![one] } else { Vec::new() });
            assert_eq!(found, expected);
        }
    }

    /// Of three images that all tell a side, the second is white by a scan of side 20.
    #[test]
    fn what_a_latent_tells_of_a_scan_means_nothing() {
        let sizes = "0000 0000  0000 0001  0000 0000";
        let (corrections, pixels) = ("0000", "0".repeat(400));
        for (groups, values) in GROUPS.into_iter().zip(["1 1111 0001", "10 1111 0001"]) {
            let groups = [groups, &["scan"]].concat();
            let model = Tiny::new(true, &groups).load().expect("a model");
            let z = [[1, 0, 0, 0]; 3];
            let raw = stream(&latent(&z));
            let latents = model.latents(3, &mut Decoder::new(&raw)).expect("latents");
            let grids = "0101 0110  1010 0100";
            let lane = stream(&format!("{sizes} {corrections} {pixels} {grids} {values}"));
            let latents: Vec<&Latent> = latents.iter().collect();
            let images = model.pixels(&latents, &mut Decoder::new(&lane)).expect("three images");
            let found: Vec<Vec<(usize, u8)>> = images.iter().map(|image| ink(image)).collect();
            assert_eq!(found, [vec![(28 * 2 + 3, 0xF1)], vec![], vec![]]);
        }
    }
}
