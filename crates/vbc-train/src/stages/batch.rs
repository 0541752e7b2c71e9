//! Batches of pixels, their contexts made by the codec's own integer code.

use anyhow::Result;
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use vbc::training::grid::Grid;
use vbc::training::{BYTE_INPUT_ONE, Contexts, Inputs, PIXEL_DENSE, ROW_DENSE, Sample};

use super::grids::GridCounts;
use super::tables::Tables;
use crate::data::Images;
use crate::models::PixelBatch;
use crate::ops::{HeadBatch, HotRows, NO_COPY, threads};
use crate::rng::Rng;

/// Images with what the integer transform makes of them.
#[derive(Debug)]
pub struct Dataset {
    /// The pixels.
    pub images: Images,
    /// Latents less their centres, m an image; empty without a latent.
    pub latents: Vec<i32>,
    /// x̂ of every image; zeros without a latent.
    pub previews: Vec<u8>,
    /// The grid of every image; empty where none has one.
    pub grids: Vec<Option<Grid>>,
    /// Whether the images are those whose greys the tables of grids were counted on.
    pub is_counted: bool,
}

impl Dataset {
    /// The first `n` images.
    pub fn first(&self, n: usize) -> Dataset {
        let n = n.min(self.images.n);
        let (len, m) = (self.images.image_len(), self.latent_len());
        let images =
            Images { n, pixels: self.images.pixels[..n * len].to_vec(), ..self.images.clone() };
        Dataset {
            images,
            latents: self.latents[..n * m].to_vec(),
            previews: self.previews[..n * len].to_vec(),
            grids: self.grids.iter().copied().take(n).collect(),
            is_counted: self.is_counted,
        }
    }

    /// m.
    pub fn latent_len(&self) -> usize {
        self.latents.len() / self.images.n
    }
}

/// Makes batches of one kind of image, on one device.
#[derive(Debug)]
pub struct BatchMaker {
    /// The codec's contexts.
    pub contexts: Contexts,
    /// The heads' functions of counts.
    pub tables: Tables,
    /// What grids say, for a model with grids.
    pub grids: Option<GridCounts>,
    /// Where the batches are wanted.
    pub device: Device,
}

/// Share of the images with a grid that are trained on as if they had none.
const WITHOUT_GRID: f64 = 0.02;

/// Gates of a head for what a grid says.
const GRID_GATES: usize = 2;

impl BatchMaker {
    /// Gates of the high head and of the low head.
    pub fn gates(&self) -> [usize; 2] {
        let more = if self.grids.is_some() { GRID_GATES } else { 0 };
        self.tables.gates().map(|gates| gates + more)
    }

    /// The active pixels of the images `items`, each kept with probability `keep`.
    ///
    /// # Errors
    /// Where candle cannot make a tensor.
    pub fn batch(
        &self,
        data: &Dataset,
        items: &[u32],
        keep: f64,
        rng: &mut Rng,
    ) -> Result<PixelBatch> {
        let m = data.latent_len();
        // A stream an image, so that the batch is the same for any number of threads.
        let seeds: Vec<(u32, u64)> = items.iter().map(|&item| (item, rng.next_u64())).collect();
        let make = |&(item, seed): &(u32, u64)| {
            self.image_pixels(data, item as usize, keep, &mut Rng::new(seed, 0))
        };
        let parts: Vec<Pixels> = if threads() > 1 {
            seeds.par_iter().map(make).collect()
        } else {
            seeds.iter().map(make).collect()
        };
        let mut all = self.no_pixels();
        let mut image = Vec::new();
        for (number, part) in (0..).zip(parts) {
            image.resize(image.len() + part.position.len(), number);
            all.append(part);
        }
        let Pixels { position, row, row_hot, pixel, pixel_hot, ink, high, low } = all;
        let n = image.len();
        let latents = if m == 0 {
            None
        } else {
            let z = items.iter().flat_map(|&i| &data.latents[i as usize * m..(i as usize + 1) * m]);
            let z: Vec<f32> = z.map(|&z| z.clamp(-127, 127) as f32).collect();
            Some(Tensor::from_vec(z, (items.len(), m), &self.device)?)
        };
        Ok(PixelBatch {
            latents,
            image,
            position,
            patch: None,
            row: Tensor::from_vec(row, (n, ROW_DENSE), &self.device)?,
            row_hot,
            pixel: Tensor::from_vec(pixel, (n, PIXEL_DENSE), &self.device)?,
            pixel_hot,
            ink,
            high,
            low,
        })
    }

    fn no_pixels(&self) -> Pixels {
        let [high, low] = self.gates().map(|gates| HeadBatch { gates, ..HeadBatch::default() });
        Pixels { high, low, ..Pixels::default() }
    }

    /// The active pixels of one image, each kept with probability `keep`.
    fn image_pixels(&self, data: &Dataset, item: usize, keep: f64, rng: &mut Rng) -> Pixels {
        let len = data.images.image_len();
        let range = item * len..(item + 1) * len;
        let (pixels, preview) = (&data.images.pixels[range.clone()], &data.previews[range]);
        let grid = data.grids.get(item).copied().flatten();
        let grid = grid.filter(|_| !data.is_counted || rng.uniform() >= WITHOUT_GRID);
        let cells = self.grids.as_ref().map(|g| g.cells_of(&data.images, item, grid));
        let wanted = || keep >= 1.0 || rng.uniform() < keep;
        let mut made = self.no_pixels();
        self.contexts.walk(pixels, preview, grid, wanted, |sample| {
            let Sample::Active { position, target, row, pixel, copies, high, low } = sample else {
                return;
            };
            made.position.push(position as u32);
            real(row, &mut made.row, &mut made.row_hot);
            real(pixel, &mut made.pixel, &mut made.pixel_hot);
            made.ink.push(target != 0);
            if target == 0 {
                return;
            }
            let (top, bottom) = (target >> 4, target & 15);
            made.high.targets.push(top);
            made.low.targets.push(bottom);
            self.tables.push_high(&high, &mut made.high.features);
            self.tables.push_low(&low, &mut made.low.features);
            if let (Some(grids), Some(cells)) = (&self.grids, &cells) {
                let weights = grids.weights(cells, position, data.is_counted);
                push_cell(&weights[0], &mut made.high.features);
                push_cell(&weights[1 + usize::from(top)], &mut made.low.features);
            }
            made.high.copies.extend(copies.map(|c| if c == 0 { NO_COPY } else { c >> 4 }));
            made.low
                .copies
                .extend(copies.map(|c| if c == 0 || c >> 4 != top { NO_COPY } else { c & 15 }));
        });
        made
    }
}

/// Pixels of an image or of several, as [`PixelBatch`] has them.
#[derive(Default)]
struct Pixels {
    position: Vec<u32>,
    row: Vec<f32>,
    row_hot: HotRows,
    pixel: Vec<f32>,
    pixel_hot: HotRows,
    ink: Vec<bool>,
    high: HeadBatch,
    low: HeadBatch,
}

impl Pixels {
    fn append(&mut self, more: Pixels) {
        self.position.extend(more.position);
        self.row.extend(more.row);
        self.row_hot.append(more.row_hot);
        self.pixel.extend(more.pixel);
        self.pixel_hot.append(more.pixel_hot);
        self.ink.extend(more.ink);
        self.high.append(more.high);
        self.low.append(more.low);
    }
}

/// Appends `[gate][symbol]` for a cell's weights: in units, and whether there is one.
fn push_cell(weights: &[u8; 16], out: &mut Vec<f32>) {
    out.extend(weights.iter().map(|&w| f32::from(w) / 16.0));
    out.extend(weights.iter().map(|&w| f32::from(u8::from(w > 0))));
}

/// Appends a pixel's inputs: the dense ones as real numbers, and the places of ones behind them.
fn real(inputs: Inputs, dense: &mut Vec<f32>, hot: &mut HotRows) {
    let unit = 1.0 / f32::from(BYTE_INPUT_ONE);
    dense.extend(inputs.dense.iter().map(|&v| f32::from(v) * unit));
    let first = inputs.dense.len();
    hot.places.extend(inputs.ones.iter().map(|&at| (at - first) as u32));
    hot.each = inputs.ones.len();
}
