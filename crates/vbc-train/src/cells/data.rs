//! Images with a grid, and batches of their cells.

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use vbc::training::cells::{Cell, walk};
use vbc::training::grid::{Grid, GridTables, GridTensors};
use vbc::training::{TABLE_ONE, Transform};

use super::network::CellBatch;
use crate::data::Images;
use crate::ops::{HeadBatch, NO_COPY};
use crate::rng::Rng;
use crate::stages::{GridCounts, centre};

/// Images whose cells are coded, with what the model says of them.
#[derive(Debug)]
pub struct Data {
    images: Images,
    /// Latents less their centres, m an image; empty without a latent.
    latents: Vec<i32>,
    previews: Vec<u8>,
    grids: Vec<Option<Grid>>,
    /// The images whose ink is all in the cells of their grid.
    pub whole: Vec<u32>,
}

/// A place beyond any table.
const NOTHING: u32 = u32::MAX;

/// Gates of the head for the high nibble, and for the low one.
pub const HIGH_GATES: usize = 3;
pub const LOW_GATES: usize = 4;

impl Data {
    /// # Errors
    /// Where the model file has not the tensors of a transform and its prior.
    pub fn new(images: Images, model: &[u8], tables: &GridTables) -> Result<Self> {
        let len = images.image_len();
        let grids = grids_of(tables, &images);
        let file = SafeTensors::deserialize(model)?;
        let (mut latents, mut previews) = (Vec::new(), vec![0; images.pixels.len()]);
        if file.tensor("prior.centre").is_ok() {
            let transform = Transform::from_bytes(model)?;
            latents = transform.picked(&images.pixels, len, &grids);
            previews = transform.previews(&latents, len);
            let centres: Vec<i32> = numbers(&file, "prior.centre", i32::from_le_bytes)?;
            centre(&mut latents, &centres);
        }
        let is_whole = |i: &u32| {
            let i = *i as usize;
            grids[i].is_some_and(|grid| grid.holds(images.image(i)))
        };
        let whole = (0..images.n as u32).filter(is_whole).collect();
        Ok(Data { images, latents, previews, grids, whole })
    }

    /// How often the greys of each cell are those of the images.
    ///
    /// # Errors
    /// Where they make no tables.
    pub fn counts(&self) -> Result<GridCounts> {
        Ok(GridCounts::new(&self.images, &self.grids)?)
    }

    /// m.
    pub fn latent_len(&self) -> usize {
        self.latents.len() / self.images.n.max(1)
    }

    /// Calls `sink` for the cells of one of the images that are whole.
    fn walk(
        &self,
        tables: &GridTables,
        item: u32,
        wanted: impl FnMut() -> bool,
        sink: impl FnMut(Cell),
    ) {
        let item = item as usize;
        let image = |of: &[u8]| of.as_chunks().0[item];
        let (pixels, x_hat) = (image(&self.images.pixels), image(&self.previews));
        if let Some(grid) = self.grids[item] {
            walk(tables, grid, (&pixels, &x_hat), wanted, sink);
        }
    }

    /// The cells of the images `items` that the network codes, each kept with probability `keep`, and the inputs of a
    /// network of values hidden with probability `hide`. With
    /// `counts`, which are those of these images, a cell's weights are counted on the others; else they are the
    /// model's.
    ///
    /// # Errors
    /// Where candle cannot make a tensor.
    pub fn batch(
        &self,
        tables: &GridTables,
        counts: Option<&GridCounts>,
        items: &[u32],
        [keep, hide]: [f64; 2],
        rng: &mut Rng,
        device: &Device,
    ) -> Result<CellBatch> {
        let head = |gates: usize| HeadBatch { gates, ..HeadBatch::default() };
        let (high, low) = (head(HIGH_GATES), head(LOW_GATES));
        let mut batch = CellBatch { high, low, ..CellBatch::default() };
        for (number, &item) in (0..).zip(items) {
            let Some(grid) = self.grids[item as usize] else { continue };
            let counts = counts.map(|c| (c, c.cells_of(&self.images, item as usize, Some(grid))));
            let mut hiding = (hide > 0.0).then(|| Rng::new(rng.next_u64(), 1));
            let wanted = || keep >= 1.0 || rng.uniform() < keep;
            self.walk(tables, item, wanted, |cell| {
                if let Some((place, level)) = cell.plain {
                    batch.plain_place.push(place as u32);
                    batch.plain_level.push(level as u32);
                    batch.plain_ink.push(cell.target != 0);
                }
                if cell.ones.is_empty() {
                    return;
                }
                let row = batch.image.len() as u32;
                batch.image.push(number);
                batch.hot.each = cell.ones.len();
                batch.hot.places.extend(cell.ones);
                if cell.plain.is_none() {
                    batch.asked.push(row);
                    batch.ink.push(cell.target != 0);
                }
                if cell.target != 0 {
                    let weights = match &counts {
                        Some((counts, cells)) => counts.weights(cells, cell.position, true),
                        None => {
                            let width = self.images.width;
                            tables.weights(grid, cell.position / width, cell.position % width)
                        }
                    };
                    batch.inked.push(row);
                    batch.inked_image.push(number);
                    batch.value_hot.each = cell.value_ones.len();
                    let shown = |&one: &u32| {
                        let is_hidden = hiding.as_mut().is_some_and(|rng| rng.uniform() < hide);
                        if is_hidden { NOTHING } else { one }
                    };
                    batch.value_hot.places.extend(cell.value_ones.iter().map(shown));
                    push_values(&cell, &weights, &mut batch);
                }
            });
        }
        let m = self.latent_len();
        if m > 0 {
            let z = items.iter().flat_map(|&i| &self.latents[i as usize * m..(i as usize + 1) * m]);
            let z: Vec<f32> = z.map(|&z| z.clamp(-127, 127) as f32).collect();
            batch.latents = Some(Tensor::from_vec(z, (items.len(), m), device)?);
        }
        Ok(batch)
    }
}

/// Appends a cell's nibbles, and what a head is given of them.
fn push_values(cell: &Cell, weights: &[[u8; 16]; 17], batch: &mut CellBatch) {
    let (high, low) = (cell.target >> 4, cell.target & 15);
    let count = |f: &i16| f32::from(*f) / TABLE_ONE as f32;
    let weight = |w: &u8| f32::from(*w) / 16.0;
    let known = |w: &u8| f32::from(u8::from(*w > 0));
    let of_high = &weights[0];
    let features = &mut batch.high.features;
    features.extend(cell.high_counts.iter().map(count));
    features.extend(of_high.iter().map(weight).chain(of_high.iter().map(known)));
    batch.high.targets.push(high);
    let of_low = &weights[1 + usize::from(high)];
    let features = &mut batch.low.features;
    features.extend(cell.low_counts.iter().map(count));
    let copied = if cell.last != 0 && cell.last >> 4 == high { cell.last & 15 } else { NO_COPY };
    features.extend((0..16).map(|t| f32::from(u8::from(t == copied))));
    features.extend(of_low.iter().map(weight).chain(of_low.iter().map(known)));
    batch.low.targets.push(low);
}

/// Grids as the codec finds them.
pub fn grids_of(tables: &GridTables, images: &Images) -> Vec<Option<Grid>> {
    let each = images.pixels.chunks_exact(images.image_len());
    each.map(|pixels| tables.find(pixels)).collect()
}

/// Tables of the grids of a model file.
///
/// # Errors
/// Where it has none.
pub fn grid_tables(model: &[u8]) -> Result<GridTables> {
    let file = SafeTensors::deserialize(model)?;
    let bytes = |name: &str| numbers(&file, name, |[byte]: [u8; 1]| byte);
    let tensors = GridTensors {
        counts: bytes("grid.counts").context("a model with grids is wanted")?,
        greys: bytes("grid.greys")?,
        weights: bytes("grid.weights")?,
        ..GridTensors::default()
    };
    Ok(GridTables::new(&tensors)?)
}

fn numbers<T, const N: usize>(
    file: &SafeTensors,
    name: &str,
    number: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>> {
    let tensor = file.tensor(name).with_context(|| format!("no tensor {name}"))?;
    Ok(tensor.data().as_chunks().0.iter().copied().map(number).collect())
}
