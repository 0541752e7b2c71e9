//! Image to latent and latent to preview: flow, bottleneck and steps together.

use crate::flow::{Flow, FlowScratch, to_pixel, to_state};
use crate::latent::{Bottleneck, Steps};

/// f, what is kept of f(x), and how finely.
#[derive(Debug)]
pub(crate) struct Transform {
    pub flow: Flow,
    pub bottleneck: Box<dyn Bottleneck>,
    pub steps: Steps,
}

impl Transform {
    /// The latents of images, one behind the other.
    pub fn latents(&self, pixels: &[u8], image_len: usize) -> Vec<i32> {
        let len = self.steps.len();
        let mut z = vec![0; pixels.len() / image_len * len];
        let (mut state, mut sums, mut scratch) = (Vec::new(), Vec::new(), FlowScratch::default());
        for (image, z) in pixels.chunks_exact(image_len).zip(z.chunks_exact_mut(len)) {
            state.clear();
            state.extend(image.iter().map(|&p| to_state(p)));
            self.flow.forward(&mut state, &mut scratch);
            self.bottleneck.squeeze(&state, &mut sums);
            self.steps.quantise(&sums, self.bottleneck.sum_of(), z);
        }
        z
    }

    /// x̂ = f⁻¹(z · step, expanded), as pixels.
    pub fn previews(&self, z: &[i32], image_len: usize, out: &mut [u8]) {
        let (mut values, mut state, mut scratch) =
            (Vec::new(), vec![0; image_len], FlowScratch::default());
        for (z, out) in z.chunks_exact(self.steps.len()).zip(out.chunks_exact_mut(image_len)) {
            self.steps.dequantise(z, &mut values);
            self.bottleneck.expand(&values, &mut state);
            self.flow.inverse(&mut state, &mut scratch);
            for (pixel, &s) in out.iter_mut().zip(&state) {
                *pixel = to_pixel(s);
            }
        }
    }

    /// Number of latent integers of an image.
    pub fn len(&self) -> usize {
        self.steps.len()
    }
}
