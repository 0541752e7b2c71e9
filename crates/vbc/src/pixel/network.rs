//! The pixel network's layers, and their weights in the order that its two parts read them
//! (SPEC.md 6.3).

use fearless_simd::dispatch;

use super::blank::Blank;
use super::gated::Seen;
use super::geometry::Reach;
use super::head::Head;
use super::ink::Ink;
use super::inputs::{Hot, INPUT_FRAC, Layout, PIXEL_DENSE, PIXEL_HOT, ROW_DENSE, ROW_HOT};
use super::state::ImageState;
use crate::error::Error;
use crate::grid::{CellTable, Grids, NOT_IN_A_CELL, Placed};
use crate::nn::{Act, ByteLayer, Linear, Pair, Quads, TableRows, as_quads};

/// The layers, by the names that the model file gives them.
#[derive(Debug)]
pub(crate) struct Layers {
    /// latent → image vector; `None` without a latent.
    pub image: Option<Linear>,
    /// row inputs and image vector → row vector.
    pub row: ByteLayer<'static>,
    /// row vector and pixel inputs → first hidden layer.
    pub pixel: ByteLayer<'static>,
    /// → whether there is ink.
    pub ink: Ink,
    /// → last hidden layer, of ink alone.
    pub hidden: ByteLayer<'static>,
    pub head: Head,
    pub blank: Blank,
    /// What there is to know of grids, in a model with grids.
    pub grids: Option<Grids>,
}

/// A pixel model for one image size.
#[derive(Debug)]
pub(crate) struct PixelModel {
    pub layout: Layout,
    pub reach: Reach,
    pub layers: Layers,
    /// The row part's inputs.
    pub row: InputWeights<ROW_DENSE, ROW_HOT>,
    /// The image vector in the row part.
    image: Quads,
    /// The row vector in the pixel part.
    pub row_vector: Quads,
    /// The pixel part's other inputs.
    pub pixel: InputWeights<PIXEL_DENSE, PIXEL_HOT>,
    /// The last hidden layer.
    pub hidden: Quads,
}

/// The weights of a part's inputs: those that are multiplied as a matrix, and those of which the
/// ones are looked up.
#[derive(Debug)]
pub(crate) struct InputWeights<const N: usize, const H: usize> {
    dense: Quads,
    hot: TableRows,
}

/// The inputs of some positions.
#[derive(Debug)]
pub(crate) struct InputRows<const N: usize, const H: usize> {
    /// As many positions as there ever were: those behind `count` mean nothing.
    dense: Vec<[u8; N]>,
    hot: Vec<Hot<H>>,
    count: usize,
}

impl<const N: usize, const H: usize> Default for InputRows<N, H> {
    fn default() -> Self {
        InputRows { dense: Vec::new(), hot: Vec::new(), count: 0 }
    }
}

impl<const N: usize, const H: usize> InputRows<N, H> {
    pub fn clear(&mut self) {
        self.count = 0;
    }

    pub fn len(&self) -> usize {
        self.count
    }

    /// Adds a position: its dense inputs, all to be given, and its hot ones.
    #[inline(always)]
    pub fn push(&mut self) -> (&mut [u8; N], &mut Hot<H>) {
        let k = self.count;
        if self.dense.len() == k {
            self.dense.push([0; N]);
            self.hot.push([0; H]);
        }
        self.count += 1;
        (&mut self.dense[k], &mut self.hot[k])
    }
}

impl<const N: usize, const H: usize> InputWeights<N, H> {
    /// Of a layer whose inputs from `first` on are the `N` dense inputs of a part, then the hot ones.
    fn new(layer: &ByteLayer, first: usize, len: usize) -> Self {
        InputWeights {
            dense: layer.quads(first..first + N),
            hot: layer.table(first + N..first + len),
        }
    }

    /// What some hot inputs add to `start`, as accumulators behind those in `starts`.
    pub fn push_start<const K: usize>(
        &self,
        layer: &ByteLayer,
        start: &[i32],
        hot: &Hot<K>,
        starts: &mut Vec<i32>,
    ) {
        let first = starts.len();
        starts.resize(first + start.len(), 0);
        dispatch!(layer.level(), simd => {
            self.hot.sum(simd, start, hot, INPUT_FRAC, &mut starts[first..]);
        });
    }

    /// Fills `acc` with the accumulators of each position: `start(k)` of position k and what its
    /// inputs weigh.
    #[inline(always)]
    pub fn sums<'a>(
        &self,
        layer: &ByteLayer,
        rows: &InputRows<N, H>,
        start: impl Fn(usize) -> &'a [i32],
        acc: &mut Vec<i32>,
    ) {
        let padded = self.dense.padded();
        let acc = grown(acc, rows.count * padded);
        dispatch!(layer.level(), simd => {
            for (k, (acc, hot)) in acc.chunks_exact_mut(padded).zip(&rows.hot).enumerate() {
                self.hot.sum(simd, start(k), hot, INPUT_FRAC, acc);
            }
        });
        self.dense.product(as_quads(rows.dense[..rows.count].as_flattened()), acc);
    }
}

/// What the latents of images make of a layer's accumulators, one row an image: `start`, and what the image
/// vector, made of a latent by the one of `layer`, weighs by the other. `latents` are the prior's inputs, each
/// padded to pairs.
pub(crate) fn image_terms(
    start: &[i32],
    layer: Option<(&Linear, &Quads)>,
    images: usize,
    latents: &[Pair],
) -> Vec<i32> {
    let mut terms = start.repeat(images);
    if let Some((layer, weights)) = layer {
        let (mut acc, mut vectors) = (Vec::new(), Vec::new());
        layer.forward(Act::Relu, latents, &mut acc, &mut vectors);
        let stride = layer.outputs().next_multiple_of(2);
        let mut bytes = vec![0; images * 4 * weights.quads()];
        let rows = bytes.chunks_exact_mut(4 * weights.quads().max(1));
        for (bytes, vector) in rows.zip(vectors.chunks_exact(stride.max(1))) {
            bytes.iter_mut().zip(vector).for_each(|(to, &v)| *to = v.clamp(0, 255) as u8);
        }
        weights.product(as_quads(&bytes), &mut terms);
    }
    terms
}

/// The first `len` of a buffer that only grows; what they hold means nothing.
#[inline(always)]
pub(crate) fn grown<T: Clone + Default>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
    &mut buffer[..len]
}

impl PixelModel {
    /// # Errors
    /// [`Error::Model`] where the layers' widths do not fit each other, the layout or the latent.
    pub fn new(
        layout: Layout,
        reach: Reach,
        latent_len: usize,
        layers: Layers,
    ) -> Result<Self, Error> {
        let image_len = layers.image.as_ref().map_or(0, Linear::outputs);
        let expected = [
            ("image", layers.image.as_ref().map_or(0, Linear::inputs), latent_len),
            ("row", layers.row.inputs(), layout.row_len() + image_len),
            ("pixel", layers.pixel.inputs(), layers.row.outputs() + layout.pixel_len()),
            ("ink", layers.ink.inputs(), layers.pixel.outputs()),
            ("hidden", layers.hidden.inputs(), layers.pixel.outputs()),
            ("head.high", layers.head.inputs(), layers.hidden.outputs()),
        ];
        for (name, found, expected) in expected {
            if found != expected {
                return Err(Error::model(name, format!("{found} inputs, {expected} expected")));
            }
        }
        let image = layers.image.as_ref().map(|l| ("image", l.outputs()));
        let widths = [("row", layers.row.outputs()), ("pixel", layers.pixel.outputs())];
        let widths = image.into_iter().chain(widths).chain([("hidden", layers.hidden.outputs())]);
        for (name, outputs) in widths {
            if outputs == 0 {
                return Err(Error::model(name, "no outputs"));
            }
        }
        let (row, pixel, row_outputs) = (&layers.row, &layers.pixel, layers.row.outputs());
        Ok(PixelModel {
            row: InputWeights::new(row, 0, layout.row_len()),
            image: row.quads(layout.row_len()..row.inputs()),
            row_vector: pixel.quads(0..row_outputs),
            pixel: InputWeights::new(pixel, row_outputs, layout.pixel_len()),
            hidden: layers.hidden.quads(0..layers.hidden.inputs()),
            layout,
            reach,
            layers,
        })
    }

    /// What the grid of an image, if it has one, says of the pixel of column `x`.
    #[inline(always)]
    pub fn cell(&self, s: &ImageState, x: usize) -> &CellTable {
        self.cell_at(s.grid.as_ref(), s.y, x)
    }

    /// What a grid says of the pixel of row `y` and column `x`.
    #[inline(always)]
    pub fn cell_at(&self, grid: Option<&Placed>, y: usize, x: usize) -> &CellTable {
        let table = self.layers.grids.as_ref().zip(grid).and_then(|(grids, placed)| {
            grids.side(placed.grid.side.into()).tables.get(placed.cell(y, x)?)
        });
        table.unwrap_or(&NOT_IN_A_CELL)
    }

    /// Bytes that an image takes besides its state: what the latent says, alone and with what a row has in common, and
    /// what the row part says of each pixel of a row; as much again for what grows.
    pub fn bytes_per_image(&self) -> usize {
        let width = self.layout.width();
        12 * self.image.padded()
            + 8 * width * self.row_vector.padded()
            + Seen::bytes(self.layers.head.gated(), width)
    }

    /// What the latent contributes to every pixel: the row part's accumulators after bias and image
    /// vector, one row an image. `latents` are the prior's inputs, each padded to pairs.
    pub fn image_terms(&self, images: usize, latents: &[Pair]) -> Vec<i32> {
        let layer = self.layers.image.as_ref().map(|layer| (layer, &self.image));
        image_terms(self.layers.row.start(), layer, images, latents)
    }
}
