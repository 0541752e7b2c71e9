//! Looking for latents that make images smaller: any integers decode, so an encoder may choose them.
//!
//! What f makes of an image is the latent nearest to it, not the one that is cheapest together with the pixels.
//! Here integers are changed to the next nearest, those first that lie between the two, and the image is coded once
//! more with each of these latents.

use super::Model;
use super::coder::{Found, Known};
use super::telling::Telling;
use super::transform::Doubts;
use crate::entropy::Encoder;

/// Latents that are tried side by side.
const TOGETHER: usize = 64;

/// Integers of a latent that change from the nearest to the next nearest, or back.
type Change = Vec<usize>;

impl Model {
    /// What makes the latents of images tell their grids' sides, in a model with told sides.
    pub(super) fn telling(&self) -> Option<Telling<'_>> {
        let (latent, told) = self.latent.as_ref().zip(self.told())?;
        Some(Telling { transform: &latent.transform, prior: &latent.prior, told })
    }

    /// The latents of an encoder's images, after so many changes to each were tried.
    pub(super) fn searched_latents(&self, known: Known<'_>, tries: u32) -> Vec<i32> {
        let telling = self.telling();
        let Some(l) = self.latent.as_ref().filter(|_| telling.is_some() || tries > 0) else {
            return self.latents(known.pixels);
        };
        let mut doubts = l.transform.doubts(known.pixels, self.image_len());
        let mut z = doubts.nearest.clone();
        if let Some(telling) = &telling {
            telling.weigh(&mut doubts);
            for (i, found) in known.found.iter().enumerate().filter(|f| f.1.is_told()) {
                telling.choose(&doubts, i, found.grid, &mut z);
            }
        }
        if tries > 0 {
            self.search(known, telling.as_ref(), &mut z, &doubts, tries);
        }
        z
    }

    /// Tries changes to latents.
    fn search(
        &self,
        known: Known<'_>,
        telling: Option<&Telling<'_>>,
        z: &mut [i32],
        doubts: &Doubts,
        tries: u32,
    ) {
        let m = self.latent_len();
        let images = known.pixels.chunks_exact(self.image_len()).zip(known.found);
        for (i, (z, (pixels, found))) in z.chunks_exact_mut(m).zip(images).enumerate() {
            let of_image = i * m..(i + 1) * m;
            let nearest = &doubts.nearest[of_image.clone()];
            let second = &doubts.second[of_image.clone()];
            let costs = doubts.costs.get(of_image).unwrap_or(&[]);
            let telling = telling.filter(|_| found.is_told());
            let mut order: Vec<usize> = (0..m).collect();
            order.sort_by_key(|&j| std::cmp::Reverse(second[j].nearness));
            let copies = Copies::new(self, pixels, found);
            let toggle = |z: &mut [i32], change: &Change| {
                for &j in change {
                    z[j] = if z[j] == nearest[j] { second[j].value } else { nearest[j] };
                }
            };
            let mut left = tries as usize;
            while left > 0 {
                let with_others = |&j: &usize| match telling {
                    Some(telling) => without_telling_another(telling, z, costs, j),
                    None => vec![j],
                };
                let changes: Vec<Change> = order.iter().take(left).map(with_others).collect();
                left -= changes.len();
                if !copies.change(z, changes, toggle) {
                    break;
                }
            }
        }
    }
}

/// The change of integer `j` of a latent, and those of others that leave what it tells as it is.
fn without_telling_another(telling: &Telling, z: &[i32], costs: &[i32], j: usize) -> Change {
    let parities = telling.told.parities();
    let syndrome = parities.of(z);
    let mut costs: Vec<i32> = costs.iter().map(|cost| cost.saturating_abs()).collect();
    // Changed, and not back again.
    costs[j] = i32::MIN;
    parities.changes(syndrome, &costs, |s| s == syndrome)
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
    fn change(
        &self,
        z: &mut [i32],
        changes: Vec<Change>,
        toggle: impl Fn(&mut [i32], &Change),
    ) -> bool {
        let mut tried = z.to_vec();
        for change in &changes {
            let first = tried.len();
            tried.extend_from_slice(z);
            toggle(&mut tried[first..], change);
        }
        let costs = self.costs(&tried);
        let Some((&before, costs)) = costs.split_first() else { return false };
        let mut better: Vec<(u64, Change)> = costs.iter().copied().zip(changes).collect();
        better.retain(|change| change.0 < before);
        better.sort_unstable();
        let Some(((least, change), rest)) = better.split_first() else { return false };
        toggle(z, change);
        let mut least = *least;
        for (_, change) in rest {
            // What was better alone need not be beside others.
            toggle(z, change);
            match self.costs(z).first() {
                Some(&cost) if cost < least => least = cost,
                _ => toggle(z, change),
            }
        }
        true
    }
}

#[cfg(test)]
#[cfg(feature = "model-mnist")]
mod tests {
    use super::super::coder::Known;
    use super::*;
    use crate::coder::{BlockCoder, Effort};
    use crate::error::Error;
    use crate::limits::Limits;
    use crate::scan;

    #[test]
    fn tries_make_images_smaller_and_latents_tell_the_same() -> Result<(), Error> {
        let sample =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/images/mnist-100-images-idx3-ubyte");
        let pixels = &std::fs::read(sample)?[16..16 + 6 * 784];
        for embedded in vbc_models::EMBEDDED.iter().filter(|m| m.name.starts_with("mnist-x8")) {
            let model = Model::from_bytes(embedded.bytes, &Limits::default())?;
            let effort = scan::Effort::new(0);
            let known = Known { pixels, found: &model.find(pixels, &effort) };
            let [before, after] = [0, 25].map(|tries| model.searched_latents(known, tries));
            assert_ne!(before, after, "{}", embedded.name);
            if let Some(telling) = model.telling() {
                let m = model.latent_len();
                for (before, after) in before.chunks_exact(m).zip(after.chunks_exact(m)) {
                    let [before, after] = [before, after].map(|z| telling.told.parities().of(z));
                    assert_eq!(before, after);
                }
            }
            let bits = |latent_tries: u32| {
                let effort = Effort { scan: effort, latent_tries };
                let block = model.encode_block(model.shape(), pixels, 1, effort)?;
                let lanes = block.lanes.iter().map(|lane| lane.bits.units());
                Ok::<u64, Error>(block.latent.bits.units() + lanes.sum::<u64>())
            };
            let (before, after) = (bits(0)?, bits(25)?);
            assert!(after * 1000 < before * 999, "{}: {before} {after}", embedded.name);
        }
        Ok(())
    }
}
