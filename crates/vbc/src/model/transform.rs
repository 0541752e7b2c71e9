//! Image to latent and latent to preview: flow, bottleneck and steps together.

use crate::flow::{Flow, to_pixel, to_state};
use crate::latent::{Bottleneck, Second, Steps};

/// f, what is kept of f(x), and how finely.
#[derive(Debug)]
pub(crate) struct Transform {
    pub flow: Flow,
    pub bottleneck: Box<dyn Bottleneck>,
    pub steps: Steps,
}

/// What f makes of images, before it is decided which integers stand for it.
#[derive(Debug)]
pub(crate) struct Doubts {
    pub nearest: Vec<i32>,
    pub second: Vec<Second>,
    /// What the second ones cost more, in 1/64 bit; empty where nobody has weighed them.
    pub costs: Vec<i32>,
}

/// Images that go through the flow side by side.
const BATCH: usize = 16;

impl Transform {
    /// The latents of images, one behind the other.
    pub fn latents(&self, pixels: &[u8], image_len: usize) -> Vec<i32> {
        let mut all = vec![0; pixels.len() / image_len * self.len()];
        let mut rest = all.chunks_exact_mut(self.len());
        self.each(pixels, image_len, |sums, sum_of| {
            if let Some(z) = rest.next() {
                self.steps.quantise(sums, sum_of, z);
            }
        });
        all
    }

    /// The latents of images, and for each of their integers the next nearest.
    pub fn doubts(&self, pixels: &[u8], image_len: usize) -> Doubts {
        let len = pixels.len() / image_len * self.len();
        let mut doubts =
            Doubts { nearest: vec![0; len], second: Vec::with_capacity(len), costs: Vec::new() };
        let mut rest = doubts.nearest.chunks_exact_mut(self.len());
        self.each(pixels, image_len, |sums, sum_of| {
            if let Some(z) = rest.next() {
                self.steps.quantise(sums, sum_of, z);
                self.steps.second(sums, sum_of, z, &mut doubts.second);
            }
        });
        doubts
    }

    /// Calls `of_image` with what the bottleneck keeps of each image: sums of so many values.
    fn each(&self, pixels: &[u8], image_len: usize, mut of_image: impl FnMut(&[i64], i64)) {
        let (mut states, mut sums) = (Vec::new(), Vec::new());
        for images in pixels.chunks(BATCH * image_len) {
            states.clear();
            states.extend(images.iter().map(|&p| to_state(p)));
            self.flow.forward(&mut states);
            for state in states.chunks_exact(image_len) {
                self.bottleneck.squeeze(state, &mut sums);
                of_image(&sums, self.bottleneck.sum_of());
            }
        }
    }

    /// x̂ = f⁻¹(z · step, expanded), as pixels.
    pub fn previews(&self, z: &[i32], image_len: usize, out: &mut [u8]) {
        let len = self.steps.len();
        let (mut states, mut values) = (Vec::new(), Vec::new());
        for (z, out) in z.chunks(BATCH * len).zip(out.chunks_mut(BATCH * image_len)) {
            states.resize(out.len(), 0);
            for (z, state) in z.chunks_exact(len).zip(states.chunks_exact_mut(image_len)) {
                self.steps.dequantise(z, &mut values);
                self.bottleneck.expand(&values, state);
            }
            self.pixels(&mut states, out);
        }
    }

    /// f⁻¹ of the states of images, as pixels.
    pub fn pixels(&self, states: &mut [i32], out: &mut [u8]) {
        self.flow.inverse(states);
        for (pixel, &s) in out.iter_mut().zip(&*states) {
            *pixel = to_pixel(s);
        }
    }

    /// Number of latent integers of an image.
    pub fn len(&self) -> usize {
        self.steps.len()
    }
}
