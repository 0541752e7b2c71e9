//! The pixel network: row part, pixel part, head; and the steps of coding one pixel.

use super::blank::Blank;
use super::head::Head;
use super::inputs::{Inputs, Layout};
use super::state::ImageState;
use crate::entropy::{Decoder, Distribution, Encoder};
use crate::error::Error;
use crate::nn::{Linear, Scratch};

/// Encoder and decoder as one: the same steps run in both directions.
pub(crate) trait Coder {
    /// Codes a symbol. An encoder writes `symbol` and returns it; a decoder ignores it and returns
    /// what it reads.
    fn symbol<const N: usize>(&mut self, distribution: &Distribution<N>, symbol: usize) -> usize;

    /// Marks what was read as something no encoder writes.
    fn refuse(&mut self) {}
}

impl Coder for Encoder {
    fn symbol<const N: usize>(&mut self, distribution: &Distribution<N>, symbol: usize) -> usize {
        distribution.encode(symbol, self);
        symbol
    }
}

impl Coder for Decoder<'_> {
    fn symbol<const N: usize>(&mut self, distribution: &Distribution<N>, _: usize) -> usize {
        distribution.decode(self)
    }

    fn refuse(&mut self) {
        Decoder::refuse(self);
    }
}

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
    layout: Layout,
    layers: Layers,
}

/// What the latent contributes to every pixel of an image: the row part's accumulators after bias
/// and image vector.
#[derive(Clone, Debug, Default)]
pub(crate) struct ImageTerm(Vec<i32>);

/// Buffers of one evaluation.
#[derive(Debug, Default)]
pub(crate) struct PixelScratch {
    nn: Scratch,
    inputs: Inputs,
    image: Vec<i16>,
    row: Vec<i16>,
    pixel: Vec<i16>,
    hidden: Vec<i16>,
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
        if !layers.row.outputs().is_multiple_of(2) {
            return Err(Error::model("row", "an odd number of outputs"));
        }
        Ok(PixelModel { layout, layers })
    }

    /// Bytes of an [`ImageTerm`].
    pub fn term_bytes(&self) -> usize {
        size_of::<ImageTerm>() + self.layers.row.bytes()
    }

    /// The latent's term of an image; `latent` are the prior's inputs, empty without a latent.
    pub fn image_term(&self, latent: &[i16], scratch: &mut PixelScratch) -> ImageTerm {
        let mut acc = Vec::new();
        self.layers.row.start(&mut acc);
        if let Some(layer) = &self.layers.image {
            scratch.image.resize(layer.outputs(), 0);
            layer.forward_relu(latent, &mut scratch.nn, &mut scratch.image);
            let (active, _) = scratch.nn.parts();
            self.layers.row.add(self.layout.row_len(), &scratch.image, active, &mut acc);
        }
        ImageTerm(acc)
    }

    /// Codes the pixel at the state's position (`value` counts for an encoder only) and takes it
    /// into the state.
    pub fn code(
        &self,
        s: &mut ImageState,
        image: &ImageTerm,
        scratch: &mut PixelScratch,
        coder: &mut impl Coder,
        value: u8,
    ) -> u8 {
        let value = if s.has_context() {
            self.code_with_context(s, image, scratch, coder, value)
        } else {
            self.layers.blank.code(s, coder, value)
        };
        s.push(value);
        value
    }

    fn code_with_context(
        &self,
        s: &ImageState,
        image: &ImageTerm,
        scratch: &mut PixelScratch,
        coder: &mut impl Coder,
        value: u8,
    ) -> u8 {
        let PixelScratch { nn, inputs, row, pixel, hidden, .. } = scratch;
        let l = &self.layers;
        self.layout.row(s, inputs);
        let (active, acc) = nn.parts();
        acc.clear();
        acc.extend_from_slice(&image.0);
        l.row.add_active(0, &inputs.0, acc);
        row.resize(l.row.outputs(), 0);
        l.row.relu(acc, row);

        let copies = self.layout.pixel(s, inputs);
        l.pixel.start(acc);
        l.pixel.add(0, row, active, acc);
        l.pixel.add_active(l.row.outputs(), &inputs.0, acc);
        pixel.resize(l.pixel.outputs(), 0);
        l.pixel.relu(acc, pixel);

        hidden.resize(l.hidden.outputs(), 0);
        l.hidden.forward_relu(pixel, nn, hidden);

        let logits = l.head.high(hidden, s, &copies, nn);
        let high = coder.symbol(&Distribution::new(&logits), usize::from(value >> 4));
        let logits = l.head.low(hidden, s, &copies, high, nn);
        let low = coder.symbol(&Distribution::new(&logits), usize::from(value & 15));
        (high << 4 | low) as u8
    }
}
