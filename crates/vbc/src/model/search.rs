//! Looking for latents that make images smaller: any integers decode, so an encoder may choose them.
//!
//! What f makes of an image is the latent nearest to it, not the one that is cheapest together with the pixels.
//! Here each integer is changed by 1 and the image coded once more.

use super::Model;
use super::coder::{Found, Known};
use crate::entropy::Encoder;

/// Latents that are tried side by side.
const TOGETHER: usize = 64;

impl Model {
    /// The latents of an encoder's images, after so many passes over each of them.
    pub(super) fn searched_latents(&self, known: Known<'_>, passes: u32) -> Vec<i32> {
        let mut z = self.latents(known.pixels);
        let m = self.latent_len();
        if passes == 0 || m == 0 {
            return z;
        }
        let images = known.pixels.chunks_exact(self.image_len()).zip(known.found);
        for (z, (pixels, found)) in z.chunks_exact_mut(m).zip(images) {
            let copies = Copies::new(self, pixels, found);
            for _ in 0..passes {
                if !copies.pass(z) {
                    break;
                }
            }
        }
        z
    }
}

/// One image, as often as latents are tried with it.
struct Copies<'a> {
    model: &'a Model,
    pixels: Vec<u8>,
    found: Vec<Found>,
}

impl<'a> Copies<'a> {
    fn new(model: &'a Model, pixels: &[u8], found: &Found) -> Self {
        Copies { model, pixels: pixels.repeat(TOGETHER), found: vec![found.clone(); TOGETHER] }
    }

    /// What the image takes with each of some latents, in units of information.
    fn costs(&self, z: &[i32]) -> Vec<u64> {
        let (m, len) = (self.model.latent_len(), self.model.image_len());
        let mut costs = Vec::with_capacity(z.len() / m);
        for z in z.chunks(TOGETHER * m) {
            let images = z.len() / m;
            let mut encoders: Vec<Encoder> = (0..images).map(|_| Encoder::new()).collect();
            if let Some(l) = &self.model.latent {
                l.prior.encode_each(z, &mut encoders);
            }
            let (pixels, found) = (&self.pixels[..images * len], &self.found[..images]);
            self.model.code((z, images), &mut encoders, Known { pixels, found }, &mut []);
            costs.extend(encoders.iter().map(|encoder| encoder.bits().units()));
        }
        costs
    }

    /// Changes each integer of a latent by 1 and keeps what makes the image smaller, the best changes first; says
    /// whether there was any.
    fn pass(&self, z: &mut [i32]) -> bool {
        let changes: Vec<(usize, i32)> = (0..z.len())
            .flat_map(|j| [-1, 1].map(|by| (j, by)))
            .filter_map(|(j, by)| Some((j, z[j].checked_add(by)?)))
            .collect();
        let changed = |&(j, value): &(usize, i32)| {
            let mut z = z.to_vec();
            z[j] = value;
            z
        };
        let mut tried = z.to_vec();
        tried.extend(changes.iter().flat_map(changed));
        let costs = self.costs(&tried);
        let Some((&first, costs)) = costs.split_first() else { return false };
        let mut better: Vec<(u64, (usize, i32))> =
            costs.iter().copied().zip(changes).filter(|change| change.0 < first).collect();
        better.sort_unstable();
        let mut least = first;
        for (_, (j, value)) in better {
            // What was better alone need not be beside others.
            let before = std::mem::replace(&mut z[j], value);
            let cost = self.costs(z).first().copied().unwrap_or(u64::MAX);
            if cost < least {
                least = cost;
            } else {
                z[j] = before;
            }
        }
        least < first
    }
}
