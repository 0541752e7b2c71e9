//! The pixel network's layers, and their weights in the order that its two parts read them
//! (SPEC.md 6.3).

use fearless_simd::dispatch;

use super::blank::Blank;
use super::gated::Seen;
use super::head::Head;
use super::inputs::{INPUT_FRAC, Layout, PIXEL_DENSE, ROW_DENSE, Sink};
use crate::error::Error;
use crate::nn::{Act, Linear, Packed, Pair, TableRows};

/// The layers, by the names that the model file gives them.
#[derive(Debug)]
pub(crate) struct Layers {
    /// latent → image vector, ReLU; `None` without a latent.
    pub image: Option<Linear>,
    /// row inputs and image vector → row vector, ReLU.
    pub row: Linear,
    /// row vector and pixel inputs → first hidden layer, ReLU.
    pub pixel: Linear,
    /// → last hidden layer, ReLU.
    pub hidden: Linear,
    pub head: Head,
    pub blank: Blank,
}

/// A pixel model for one image size.
#[derive(Debug)]
pub(crate) struct PixelModel {
    pub layout: Layout,
    pub layers: Layers,
    /// The row part's inputs.
    pub row: InputWeights<ROW_DENSE>,
    /// The image vector in the row part.
    image: Packed,
    /// The row vector in the pixel part.
    pub row_vector: Packed,
    /// The pixel part's other inputs.
    pub pixel: InputWeights<PIXEL_DENSE>,
}

/// The weights of a part's inputs: `N` pairs that are summed as a matrix product, and those that are
/// 0 or 1.0, of which only the ones are looked at.
#[derive(Debug)]
pub(crate) struct InputWeights<const N: usize> {
    dense: Packed,
    hot: TableRows,
    /// The first input that is 0 or 1.0, and their number; both even.
    split: (usize, usize),
}

/// The inputs of some positions.
#[derive(Debug, Default)]
pub(crate) struct InputRows {
    /// As many positions as there ever were: those behind `count` mean nothing.
    dense: Vec<Pair>,
    hot: Vec<Hot>,
    count: usize,
}

/// The numbers of a position's inputs that are 1.0: the first `count` of them.
#[derive(Clone, Copy, Debug, Default)]
struct Hot {
    inputs: [u32; HOT_ROOM],
    count: usize,
}

impl InputRows {
    pub fn clear(&mut self) {
        self.count = 0;
    }
}

impl<const N: usize> InputWeights<N> {
    /// Of a layer whose inputs from `first` (even) on are the `len` inputs of the part.
    fn new(layer: &Linear, first: usize, len: usize, split: (usize, usize)) -> Self {
        let (before, hot) = (first + split.0, split.1);
        let dense = (first / 2..before / 2).chain((before + hot) / 2..(first + len) / 2);
        InputWeights {
            dense: layer.weights().select(dense),
            hot: TableRows::new(layer.weights(), before..before + hot),
            split,
        }
    }

    /// Adds a position to `rows`; `fill` gives its inputs, all that are dense among them.
    #[inline(always)]
    pub fn push<T>(&self, rows: &mut InputRows, fill: impl FnOnce(&mut RowSink<'_, N>) -> T) -> T {
        let first = rows.count * N;
        if rows.hot.len() == rows.count {
            rows.hot.push(Hot::default());
        }
        if rows.dense.len() < first + N {
            rows.dense.resize(first + N, [0; 2]);
        }
        let mut none = [[0; 2]; N];
        let dense = rows.dense[first..].first_chunk_mut().unwrap_or(&mut none);
        let hot = &mut rows.hot[rows.count];
        hot.count = 0;
        rows.count += 1;
        fill(&mut RowSink { dense, hot, split: self.split })
    }

    /// Fills `acc` with the accumulators of each position: `start(k)` of position k and what its
    /// inputs weigh.
    #[inline(always)]
    pub fn sums<'a>(
        &self,
        rows: &InputRows,
        start: impl Fn(usize) -> &'a [i32],
        acc: &mut Vec<i32>,
    ) {
        let padded = self.dense.padded();
        acc.resize(rows.count * padded, 0);
        dispatch!(self.hot.level(), simd => {
            for (k, (acc, hot)) in acc.chunks_exact_mut(padded).zip(&rows.hot).enumerate() {
                let inputs = &hot.inputs[..hot.count.min(HOT_ROOM)];
                self.hot.sum(simd, start(k), inputs, INPUT_FRAC, acc);
            }
        });
        self.dense.product(&rows.dense[..rows.count * N], acc);
    }
}

/// Most inputs of one position that are 1.0: two for each of ten neighbours, the saturated value,
/// and the position.
const MOST_HOT: usize = 24;

/// A power of two that holds them and two more.
const HOT_ROOM: usize = 32;
const _: () = assert!(MOST_HOT + 2 <= HOT_ROOM);

/// Sorts a position's inputs into the two kinds.
pub(crate) struct RowSink<'a, const N: usize> {
    dense: &'a mut [Pair; N],
    hot: &'a mut Hot,
    split: (usize, usize),
}

impl<const N: usize> Sink for RowSink<'_, N> {
    #[inline(always)]
    fn pair(&mut self, first: usize, pair: Pair) {
        let (before, hot) = self.split;
        self.dense[if first < before { first } else { first - hot } / 2] = pair;
    }

    #[inline(always)]
    fn pairs<const M: usize>(&mut self, first: usize, pairs: &[Pair; M]) {
        let (before, hot) = self.split;
        let at = if first < before { first } else { first - hot } / 2;
        self.dense[at..at + M].copy_from_slice(pairs);
    }

    #[inline(always)]
    fn one(&mut self, at: usize) {
        self.hot.inputs[self.hot.count % HOT_ROOM] = (at - self.split.0) as u32;
        self.hot.count += 1;
    }

    /// Without a branch, which would be mispredicted at every second edge of a stroke.
    #[inline(always)]
    fn nibbles(&mut self, first: usize, value: u8) {
        let count = self.hot.count;
        self.one(first + usize::from(value >> 4));
        self.one(first + 16 + usize::from(value & 15));
        self.hot.count = count + if value != 0 { 2 } else { 0 };
    }
}

impl PixelModel {
    /// # Errors
    /// [`Error::Model`] where the layers' widths do not fit each other, the layout or the latent.
    pub fn new(layout: Layout, latent_len: usize, layers: Layers) -> Result<Self, Error> {
        let image_len = layers.image.as_ref().map_or(0, Linear::outputs);
        let expected = [
            ("image", layers.image.as_ref().map_or(0, Linear::inputs), latent_len),
            ("row", layers.row.inputs(), layout.row_len() + image_len),
            ("pixel", layers.pixel.inputs(), layers.row.outputs() + layout.pixel_len()),
            ("hidden", layers.hidden.inputs(), layers.pixel.outputs()),
            ("head.high", layers.head.inputs(), layers.hidden.outputs()),
        ];
        for (name, found, expected) in expected {
            if found != expected {
                return Err(Error::model(name, format!("{found} inputs, {expected} expected")));
            }
        }
        let row_outputs = layers.row.outputs();
        if !row_outputs.is_multiple_of(2) {
            return Err(Error::model("row", "an odd number of outputs"));
        }
        let (row, pixel) = (&layers.row, &layers.pixel);
        Ok(PixelModel {
            row: InputWeights::new(row, 0, layout.row_len(), layout.row_split()),
            image: row.weights().select(layout.row_len() / 2..row.weights().pairs()),
            row_vector: pixel.weights().select(0..row_outputs / 2),
            pixel: InputWeights::new(pixel, row_outputs, layout.pixel_len(), layout.pixel_split()),
            layout,
            layers,
        })
    }

    /// Bytes that an image takes besides its state: what the latent and the row part say of each
    /// pixel of a row, and as much again for what grows.
    pub fn bytes_per_image(&self) -> usize {
        let width = self.layout.width();
        8 * (self.image.padded() + width * self.row_vector.padded())
            + Seen::bytes(self.layers.head.gated(), width)
    }

    /// What the latent contributes to every pixel: the row part's accumulators after bias and image
    /// vector, one row an image. `latents` are the prior's inputs, each padded to pairs.
    pub fn image_terms(&self, images: usize, latents: &[Pair]) -> Vec<i32> {
        let mut terms = Vec::new();
        self.layers.row.start(images, &mut terms);
        if let Some(layer) = &self.layers.image {
            let (mut acc, mut vectors) = (Vec::new(), Vec::new());
            layer.forward(Act::Relu, latents, &mut acc, &mut vectors);
            self.image.product(vectors.as_chunks().0, &mut terms);
        }
        terms
    }
}
