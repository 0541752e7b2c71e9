//! Looking for latents that make images smaller: any integers decode, so an encoder may choose them.
//!
//! What f makes of an image is the latent nearest to it, not the one that is cheapest together with the pixels.
//! Here integers are changed to the next nearest, those first that lie between the two, and the image is coded once
//! more with each of these latents.

use super::Model;
use super::coder::{Found, Known};
use crate::entropy::Encoder;

/// Latents that are tried side by side.
const TOGETHER: usize = 64;

/// An integer of a latent, and what it is changed to.
type Change = (usize, i32);

impl Model {
    /// The latents of an encoder's images, after so many changes to each were tried.
    pub(super) fn searched_latents(&self, known: Known<'_>, tries: u32) -> Vec<i32> {
        let mut z = self.latents(known.pixels);
        let Some(l) = self.latent.as_ref().filter(|_| tries > 0) else { return z };
        let images = known.pixels.chunks_exact(self.image_len()).zip(known.found);
        for (z, (pixels, found)) in z.chunks_exact_mut(l.transform.len()).zip(images) {
            let second = l.transform.second(pixels, z);
            let mut order: Vec<usize> = (0..z.len()).collect();
            order.sort_by_key(|&j| std::cmp::Reverse(second[j].nearness));
            let (copies, nearest) = (Copies::new(self, pixels, found), z.to_vec());
            let mut left = tries as usize;
            while left > 0 {
                let other =
                    |j: usize| if z[j] == nearest[j] { second[j].value } else { nearest[j] };
                let changes: Vec<Change> =
                    order.iter().take(left).map(|&j| (j, other(j))).collect();
                left -= changes.len();
                if !copies.change(z, &changes) {
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

    /// Makes those changes to a latent that make the image smaller, the best ones first; says whether there was
    /// any.
    fn change(&self, z: &mut [i32], changes: &[Change]) -> bool {
        let mut tried = z.to_vec();
        for &(j, value) in changes {
            let first = tried.len();
            tried.extend_from_slice(z);
            tried[first + j] = value;
        }
        let costs = self.costs(&tried);
        let Some((&before, costs)) = costs.split_first() else { return false };
        let mut better: Vec<(u64, Change)> =
            costs.iter().copied().zip(changes.iter().copied()).collect();
        better.retain(|change| change.0 < before);
        better.sort_unstable();
        let Some((&(mut least, (j, value)), rest)) = better.split_first() else { return false };
        z[j] = value;
        for &(_, (j, value)) in rest {
            // What was better alone need not be beside others.
            let before = std::mem::replace(&mut z[j], value);
            match self.costs(z).first() {
                Some(&cost) if cost < least => least = cost,
                _ => z[j] = before,
            }
        }
        true
    }
}
