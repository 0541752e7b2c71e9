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
        // 6.9.4
        if let (Some(cells), Some(grids)) = (&self.cells, &self.grids) {
            let mut parts = Vec::new();
            for k in (0..images.len()).filter(|&k| images[k].is_none()).collect::<Vec<_>>() {
                parts.extend(self.grid(coder)?.map(|grid| (k, grid)));
            }
            let of = |&(k, grid): &(usize, Grid)| (grid, latents[k], previews[k].clone());
            let found = cells.images(grids, &parts.iter().map(of).collect::<Vec<_>>(), coder)?;
            for ((k, _), image) in parts.into_iter().zip(found) {
                images[k] = Some(image);
            }
        }
        let blank = vec![0; (self.size.0 * self.size.1) as usize];
        let parts = previews.into_iter().map(|p| p.unwrap_or_else(|| blank.clone())).zip(vectors);
        let without = parts.zip(&images).filter(|(_, image)| image.is_none());
        let without: Vec<(Vec<u8>, Vec<i64>)> = without.map(|(part, _)| part).collect();
        let mut others = self.grey(&without, coder)?.into_iter();
        Ok(images
            .into_iter()
            .map(|image| image.or_else(|| others.next()).unwrap_or_default())
            .collect())
    }

    fn grid(&self, coder: &mut Decoder<'_>) -> Result<Option<Grid>> {
        self.grids.as_ref().map_or(Ok(None), |grids| grids.symbols(coder))
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
        Ok(self.grid(&mut coder)?.map(|grid| grid.side))
    }

    /// Images without a scan, from their previews and the outputs of `image`.
    fn grey(&self, parts: &[(Vec<u8>, Vec<i64>)], coder: &mut Decoder<'_>) -> Result<Vec<Vec<u8>>> {
        let mut contexts = Vec::new();
        for (p, _) in parts {
            let grid = if self.cells.is_some() { None } else { self.grid(coder)? };
            contexts.push(Context { grid, ..Context::new(self.size, self.reach, p) });
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
