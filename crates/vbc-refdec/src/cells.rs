//! Cells: images with a grid in models with cells (SPEC.md section 6.9).

use crate::grid::{Grid, Grids, gates, grey_weight, high_weight};
use crate::inputs::lc;
use crate::layer::Layer;
use crate::prior::Latent;
use crate::range_coder::Decoder;
use crate::refusal::{Kind, Result, demand, require};
use crate::softmax::frequencies;
use crate::tensors::Tensors;

/// Inputs before those of classes: section 6.9.2.
const INPUTS: usize = 4_853;

/// The seven pairs of section 6.9.2.
const PAIRS: [[(i64, i64); 2]; 7] = [
    [(0, -1), (-1, 0)],
    [(-1, -1), (-1, 1)],
    [(0, -2), (-2, 0)],
    [(-1, 0), (-1, 1)],
    [(0, -1), (-1, -1)],
    [(-1, -2), (-1, 2)],
    [(-2, -1), (-2, 1)],
];

/// The tensors `cells.*` of a model.
pub(crate) struct Cells {
    image: Option<Layer>,
    inputs: Layer,
    ink: Layer,
    head: Layer,
    low: Vec<i64>,
    plain: Vec<i64>,
    plain_preview: Vec<i64>,
}

/// An image with a grid, part-way.
struct Image {
    grid: Grid,
    /// x̂.
    preview: Vec<u8>,
    /// The outputs of `cells.image`.
    vector: Vec<i64>,
    /// The cell to be coded.
    i: i64,
    j: i64,
    /// The cells coded so far that are above 0: place, kind, value.
    ink: Vec<(i64, i64, usize, u8)>,
}

impl Cells {
    // 9.2
    pub(crate) fn load(t: &mut Tensors<'_>, grids: &Grids, m: Option<usize>) -> Result<Self> {
        let image = m.map(|m| t.layer("cells.image", m, |_| 8_128)).transpose()?;
        let e = image.as_ref().map_or(0, |layer| layer.outputs);
        demand(image.is_none() || e > 0, Kind::BadModel, "cells.image")?;
        let k = grids.classes();
        let largest = |i: usize| if (INPUTS..INPUTS + k).contains(&i) { 256 } else { 255 };
        let inputs = t.layer("cells.inputs", INPUTS + k + e, largest)?;
        let ink = t.layer("cells.ink", inputs.outputs, |_| 255)?;
        let head = t.layer("cells.head", inputs.outputs, |_| 255)?;
        demand(inputs.outputs > 0, Kind::BadModel, "cells.inputs")?;
        demand(ink.outputs == 1, Kind::BadModel, "cells.ink")?;
        demand(head.outputs == 23, Kind::BadModel, "cells.head")?;
        Ok(Cells {
            image,
            inputs,
            ink,
            head,
            low: t.flat("cells.low", 2, 256)?,
            plain: t.flat("cells.plain", 2, 800)?,
            plain_preview: t.flat("cells.plain.preview", 2, 16)?,
        })
    }

    /// The images of these grids, from their latents and x̂: step 3 of section 6.9.4.
    pub(crate) fn images(
        &self,
        grids: &Grids,
        parts: &[(Grid, &Latent, Option<Vec<u8>>)],
        coder: &mut Decoder<'_>,
    ) -> Result<Vec<Vec<u8>>> {
        let begun = |(grid, latent, preview): &(Grid, &Latent, Option<Vec<u8>>)| Image {
            grid: *grid,
            preview: preview.clone().unwrap_or_else(|| vec![0; 784]),
            vector: self.image.as_ref().map_or(Vec::new(), |layer| layer.byte_relu(&latent.0)),
            i: 0,
            j: 0,
            ink: Vec::new(),
        };
        let mut images: Vec<Image> = parts.iter().map(begun).collect();
        for n in 0..400 {
            images.iter_mut().for_each(|image| (image.i, image.j) = (n / 20, n % 20));
            let here = (0..images.len()).filter(|&k| images[k].pixel(0, 0).is_some());
            let (plain, others): (Vec<usize>, Vec<usize>) =
                here.partition(|&k| images[k].is_plain());
            let mut inked = Vec::new();
            for k in plain {
                let logits = [0, self.plain_logit(&images[k])];
                if coder.symbol(&frequencies(&logits))? == 1 {
                    inked.push((k, self.units(grids, &images[k])));
                }
            }
            for k in others {
                let units = self.units(grids, &images[k]);
                let l = self.ink.wide(&units)[0];
                let logits = [0, 16 * ((l + 8) >> 4).clamp(-1023, 1023)];
                if coder.symbol(&frequencies(&logits))? == 1 {
                    inked.push((k, units));
                }
            }
            let mut highs = Vec::new();
            for (k, units) in &inked {
                let o = self.head.saturated(units);
                highs.push(coder.symbol(&images[*k].high(grids, &o))? as u8);
            }
            for ((k, units), h) in inked.iter().zip(highs) {
                let (image, o) = (&mut images[*k], self.head.saturated(units));
                let l = coder.symbol(&image.low(grids, &o, h, &self.low))? as u8;
                require(16 * h + l > 0, "ink of value 0")?;
                let kind = image.kind(grids);
                image.ink.push((image.i, image.j, kind, 16 * h + l));
            }
        }
        Ok(images.iter().map(Image::pixels).collect())
    }

    // 6.9.1
    fn plain_logit(&self, image: &Image) -> i64 {
        let e = usize::from(!image.ink.is_empty());
        let around = (-1..=1).flat_map(|di| (-1..=1).map(move |dj| (di, dj)));
        let g = around.map(|(di, dj)| image.h(di, dj)).max().unwrap_or(0);
        self.plain[2 * (20 * image.i + image.j) as usize + e] + self.plain_preview[g]
    }

    // 6.9.3
    fn units(&self, grids: &Grids, image: &Image) -> Vec<i64> {
        let hot = image.inputs(grids).into_iter().map(|input| (input, 128));
        let first = self.inputs.inputs - image.vector.len();
        let vector = image.vector.iter().enumerate().map(|(n, &a)| (first + n, a));
        let outputs = self.inputs.wide_of(&hot.chain(vector).collect::<Vec<_>>());
        crate::layer::byte_relu(outputs)
    }
}

impl Image {
    /// Where the pixel of cell (i + di, j + dj) is in the image, if it is in it.
    fn pixel(&self, di: i64, dj: i64) -> Option<usize> {
        let (y, x) = (self.grid.top + self.i + di, self.grid.left + self.j + dj);
        let inside = (0..28).contains(&y) && (0..28).contains(&x);
        inside.then_some((28 * y + x) as usize)
    }

    fn c(&self, (di, dj): (i64, i64)) -> u8 {
        let at = (self.i + di, self.j + dj);
        self.ink.iter().find(|ink| (ink.0, ink.1) == at).map_or(0, |ink| ink.3)
    }

    fn b(&self, di: i64, dj: i64) -> usize {
        usize::from(self.c((di, dj)) > 0)
    }

    fn h(&self, di: i64, dj: i64) -> usize {
        self.pixel(di, dj).map_or(0, |p| usize::from(self.preview[p] >> 4))
    }

    fn kind(&self, grids: &Grids) -> usize {
        let place = (self.grid.left + self.j, self.grid.top + self.i);
        grids.kind(self.grid, place).unwrap_or(0)
    }

    fn greys<'a>(&self, grids: &'a Grids) -> &'a [(i64, i64)] {
        grids.greys(Some(self.grid), (self.grid.left + self.j, self.grid.top + self.i))
    }

    // 6.9.1
    fn is_plain(&self) -> bool {
        let above = (-2..=-1).flat_map(|di| (-2..=2).map(move |dj| (di, dj)));
        [(0, -2), (0, -1)].into_iter().chain(above).all(|at| self.c(at) == 0)
    }

    // 6.9.2
    fn inputs(&self, grids: &Grids) -> Vec<usize> {
        let level = |at: (i64, i64)| match self.c(at) {
            0 => 0,
            v => usize::from(v >> 4).max(1),
        };
        let mut inputs: Vec<usize> = PAIRS
            .iter()
            .enumerate()
            .map(|(k, &[a, b])| 256 * k + 16 * level(a) + level(b))
            .collect();
        let above: usize = (0..9).map(|n| self.b(-1, n - 4) << n).sum();
        let far: usize = (0..7).map(|n| self.b(-2, n - 3) << n).sum();
        let beside: usize = (0..3).map(|n| self.b(0, n - 3) << (n + 7)).sum();
        let rows_above = self.ink.iter().filter(|ink| ink.0 < self.i);
        let (ink, full) = (rows_above.clone().count(), rows_above.filter(|c| c.3 >= 240).count());
        inputs.extend([
            1_792 + above,
            2_304 + far + beside,
            3_328 + 16 * self.h(0, 0) + self.h(0, 1),
            3_584 + 16 * self.h(1, 0) + self.h(1, 1),
            3_840 + 16 * self.h(0, -1) + self.h(1, -1),
            4_096 + (20 * self.i + self.j) as usize,
            4_496 + self.grid.side - 20,
            4_597 + 16 * (ink / 16).min(15) + 16 * full / (ink + 1),
            INPUTS + grids.class(self.grid, self.i as usize),
            INPUTS + grids.class(self.grid, self.j as usize),
        ]);
        inputs
    }

    /// C(n) of section 6.9.3, for the cells of which `is` says so.
    fn counted(&self, is: impl Fn(u8) -> bool) -> i64 {
        16 * lc(self.ink.iter().filter(|ink| is(ink.3)).count().min(255))
    }

    // 6.9.3
    fn high(&self, grids: &Grids, o: &[i64]) -> Vec<u64> {
        let logit = |t: u8| {
            let [weight, known] = gates(high_weight(self.greys(grids), t));
            let count = self.counted(|v| v >> 4 == t);
            o[usize::from(t)] + ((128 + o[16] * count + o[17] * weight + o[18] * known) >> 8)
        };
        frequencies(&(0..16).map(logit).collect::<Vec<i64>>())
    }

    fn low(&self, grids: &Grids, o: &[i64], h: u8, low: &[i64]) -> Vec<u64> {
        let kind = self.kind(grids);
        let q = self.ink.iter().rev().find(|ink| ink.2 == kind).map(|ink| ink.3);
        let logit = |t: u8| {
            let value = 16 * h + t;
            let [weight, known] = gates(grey_weight(self.greys(grids), value));
            let count = self.counted(|v| v == value);
            let copied = if q == Some(value) { 256 } else { 0 };
            let sum = 128 + o[19] * count + o[20] * copied + o[21] * weight + o[22] * known;
            low[usize::from(value)] + (sum >> 8)
        };
        frequencies(&(0..16).map(logit).collect::<Vec<i64>>())
    }

    fn pixels(&self) -> Vec<u8> {
        let mut pixels = vec![0; 784];
        for &(i, j, _, value) in &self.ink {
            pixels[(28 * (self.grid.top + i) + self.grid.left + j) as usize] = value;
        }
        pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(ink: &[(i64, i64, u8)], (i, j): (i64, i64)) -> Image {
        Image {
            grid: Grid { side: 30, top: -2, left: 11 },
            preview: (0..784).map(|p| (p % 256) as u8).collect(),
            vector: Vec::new(),
            i,
            j,
            ink: ink.iter().map(|&(i, j, v)| (i, j, 0, v)).collect(),
        }
    }

    #[test]
    fn cells_lie_in_the_image_or_not() {
        let at = |i, j| image(&[], (i, j)).pixel(0, 0);
        assert_eq!(
            [at(0, 0), at(1, 5), at(2, 0), at(2, 16), at(2, 17)],
            [None, None, Some(11), Some(27), None]
        );
        assert_eq!(image(&[], (2, 0)).h(1, 1), (28 + 12) >> 4);
        assert_eq!(image(&[], (2, 0)).h(-1, 0), 0);
    }

    #[test]
    fn ink_near_is_twelve_cells() {
        let near = (0..20).flat_map(|i| (0..20).map(move |j| (i, j)));
        let near = near.filter(|&(i, j)| !image(&[(i, j, 9)], (10, 10)).is_plain());
        let expected = (8..10).flat_map(|i| (8..13).map(move |j| (i, j)));
        assert!(near.eq(expected.chain([(10, 8), (10, 9)])));
    }

    #[test]
    fn counts_are_logarithms() {
        let image = image(&[(2, 0, 250), (2, 1, 250), (2, 2, 255), (3, 0, 3)], (5, 5));
        assert_eq!(image.counted(|v| v >> 4 == 15), 16 * 32);
        assert_eq!([image.counted(|v| v == 250), image.counted(|v| v == 4)], [16 * 25, 0]);
        assert_eq!(image.pixels().iter().filter(|v| **v > 0).count(), 4);
    }
}
