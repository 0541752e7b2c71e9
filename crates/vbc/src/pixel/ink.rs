//! Whether a pixel with context is ink: one output of the network (SPEC.md section 6.4).

use crate::entropy::Distribution;
use crate::error::Error;
use crate::nn::ByteLayer;

/// Logits are taken in units of 1/64 bit, at most this many of either sign.
const MOST: i32 = 1023;

/// The layer, and the distribution of each logit.
#[derive(Debug)]
pub(crate) struct Ink {
    layer: ByteLayer<'static>,
    distributions: Vec<Distribution<2>>,
}

impl Ink {
    /// # Errors
    /// [`Error::Model`] where the layer has not one output.
    pub fn new(layer: ByteLayer<'static>) -> Result<Self, Error> {
        if layer.outputs() != 1 {
            return Err(Error::model("ink", format!("{} outputs, 1 expected", layer.outputs())));
        }
        let distributions = (-MOST..=MOST).map(|k| Distribution::new(&[0, 16 * k])).collect();
        Ok(Ink { layer, distributions })
    }

    pub fn inputs(&self) -> usize {
        self.layer.inputs()
    }

    /// The distribution of blank and ink after a row of activations.
    #[inline(always)]
    pub fn distribution(&self, row: &[u8]) -> &Distribution<2> {
        let products = row.iter().zip(self.layer.row(0));
        let sum: i32 = products.map(|(&a, &w)| i32::from(a) * i32::from(w)).sum();
        self.of_sum(sum + self.layer.start()[0])
    }

    /// The layer's weights, and what its sum begins with.
    pub fn weights(&self) -> &[i8] {
        self.layer.row(0)
    }

    pub fn start(&self) -> i32 {
        self.layer.start()[0]
    }

    /// The distribution of blank and ink by the layer's finished sum.
    #[inline(always)]
    pub fn of_sum(&self, sum: i32) -> &Distribution<2> {
        self.of(self.layer.output(sum, 0))
    }

    /// The distribution of two symbols of which the second has this logit and the first 0.
    #[inline(always)]
    pub fn of(&self, logit: i32) -> &Distribution<2> {
        let index = (logit.saturating_add(8) >> 4).clamp(-MOST, MOST) + MOST;
        &self.distributions[index as usize]
    }
}
