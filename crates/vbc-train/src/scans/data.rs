//! Batches of pixels, and the tables that are counted.

use vbc::training::LOGIT_ONE;
use vbc::training::scan::{
    GREYS, MIN_SIDE, MOST_CORRECTIONS, PIXELS, SCAN_CONTEXTS, Scan, ScanPixel, Solved, walk,
};

use super::network::BitmapBatch;
use crate::rng::Rng;

/// How strongly log odds are held where counting, or nothing, puts them.
const PULL: f64 = 0.1;
/// Pixels of a table's entry are counted on top of this many of each colour.
const PLAIN_PRIOR: f64 = 0.05;
/// The same of sizes and of numbers of corrections.
const PRIOR: f64 = 0.2;

/// A scan, and x̂ of its image, if that has a latent.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    pub scan: &'a Scan,
    pub x_hat: Option<&'a [u8; PIXELS]>,
}

/// What became of images, and their x̂ if there are any.
#[derive(Clone, Copy, Debug)]
pub struct Solutions<'a> {
    pub solved: &'a [Option<Solved>],
    pub previews: &'a [[u8; PIXELS]],
}

impl<'a> Solutions<'a> {
    /// The first `n` images, and the others.
    pub fn split(self, n: usize) -> (Self, Self) {
        let (a, b) = self.solved.split_at(n);
        let (p, q) = self.previews.split_at(n.min(self.previews.len()));
        (Solutions { solved: a, previews: p }, Solutions { solved: b, previews: q })
    }

    /// The scans that the codec would take.
    pub fn scans(self) -> Vec<Item<'a>> {
        let all = self.solved.iter().enumerate();
        all.filter_map(|(i, solved)| {
            let scan = &worth(solved.as_ref())?.scan;
            Some(Item { scan, x_hat: self.previews.get(i) })
        })
        .collect()
    }
}

/// The pixels of scans that the network codes, each kept with probability `keep`.
pub fn batch<'a>(scans: impl Iterator<Item = Item<'a>>, keep: f64, rng: &mut Rng) -> BitmapBatch {
    let mut batch = BitmapBatch::default();
    for Item { scan, x_hat } in scans {
        let wanted = || keep >= 1.0 || rng.uniform() < keep;
        walk(scan, x_hat, wanted, |pixel| {
            if let ScanPixel::Active { ones, black } = pixel {
                batch.hot.each = ones.len();
                batch.hot.places.extend(ones);
                batch.black.push(black);
            }
        });
    }
    batch
}

/// The tensors `scan.*` that are counted and not trained.
#[derive(Clone, Debug)]
pub struct ScanTables {
    /// `[context]`: the logit of black.
    pub plain: Vec<i16>,
    /// `[grey]`: what x̂ adds to it; empty without a latent.
    pub plain_preview: Vec<i16>,
    /// `[high]`, `[high][low]`: logits of the size's nibbles.
    pub size_high: Vec<i16>,
    /// See [`size_high`](Self::size_high).
    pub size_low: Vec<i16>,
    /// `[16]`: logits of the number of corrections.
    pub corrections: Vec<i16>,
}

fn logit(p: f64) -> i16 {
    (p.log2() * f64::from(LOGIT_ONE)).round().clamp(-32_000.0, 32_000.0) as i16
}

/// Counts the tables on scans; an image without one that is worth its corrections counts as none.
pub fn tables(data: Solutions) -> ScanTables {
    let mut plain = vec![[[0.0; 2]; GREYS]; SCAN_CONTEXTS];
    let mut sizes = [PRIOR; 256];
    let mut corrections = [PRIOR; 16];
    for solved in data.solved {
        match worth(solved.as_ref()) {
            Some(Solved { scan, wrong }) => {
                sizes[scan.side() + 1 - MIN_SIDE] += 1.0;
                corrections[wrong.len().min(15)] += 1.0;
            }
            None => sizes[0] += 1.0,
        }
    }
    for Item { scan, x_hat } in data.scans() {
        walk(
            scan,
            x_hat,
            || false,
            |pixel| {
                if let ScanPixel::Plain { context, grey, black } = pixel {
                    plain[context][grey][usize::from(black)] += 1.0;
                }
            },
        );
    }
    let (contexts, greys) = fit(&plain);
    let high: Vec<f64> = sizes.chunks(16).map(|of| of.iter().sum()).collect();
    let low = sizes.iter().enumerate().map(|(s, n)| logit(n / high[s / 16]));
    let all: f64 = high.iter().sum();
    let few: f64 = corrections.iter().sum();
    ScanTables {
        plain: contexts.iter().map(|odds| logit(odds.exp())).collect(),
        plain_preview: match data.previews {
            [] => Vec::new(),
            _ => greys.iter().map(|odds| logit(odds.exp())).collect(),
        },
        size_high: high.iter().map(|n| logit(n / all)).collect(),
        size_low: low.collect(),
        corrections: corrections.iter().map(|n| logit(n / few)).collect(),
    }
}

/// Log odds of black of a context plus those of a grey, by Newton's steps for one and the other in turn.
fn fit(cells: &[[[f64; 2]; GREYS]]) -> (Vec<f64>, [f64; GREYS]) {
    let mut greys = [0.0f64; GREYS];
    let mut contexts: Vec<f64> = cells
        .iter()
        .map(|greys| {
            let sum = |colour: usize| greys.iter().map(|n| n[colour]).sum::<f64>();
            ((sum(1) + PLAIN_PRIOR) / (sum(0) + PLAIN_PRIOR)).ln()
        })
        .collect();
    let starts = contexts.clone();
    let step = |n: &[f64; 2], odds: f64, (gradient, curvature): &mut (f64, f64)| {
        let p = 1.0 / (1.0 + (-odds).exp());
        *gradient += n[1] - (n[0] + n[1]) * p;
        *curvature += (n[0] + n[1]) * p * (1.0 - p);
    };
    let has_greys = cells.iter().flat_map(|c| &c[1..]).flatten().any(|&n| n > 0.0);
    for _ in 0..if has_greys { 60 } else { 0 } {
        for (g, grey) in greys.iter_mut().enumerate() {
            let mut sums = (-PULL * *grey, PULL);
            for (cell, context) in cells.iter().zip(&contexts) {
                step(&cell[g], context + *grey, &mut sums);
            }
            *grey += (sums.0 / sums.1).clamp(-1.0, 1.0);
        }
        for ((cell, context), start) in cells.iter().zip(&mut contexts).zip(&starts) {
            let mut sums = (-PULL * (*context - start), PULL);
            for (n, grey) in cell.iter().zip(&greys) {
                step(n, *context + grey, &mut sums);
            }
            *context += (sums.0 / sums.1).clamp(-1.0, 1.0);
        }
    }
    (contexts, greys)
}

/// A scan that the codec would take.
pub fn worth(solved: Option<&Solved>) -> Option<&Solved> {
    solved.filter(|s| s.wrong.len() <= MOST_CORRECTIONS)
}
