//! Batches of pixels, and the tables that are counted.

use vbc::training::LOGIT_ONE;
use vbc::training::scan::{
    MIN_SIDE, MOST_CORRECTIONS, SCAN_CONTEXTS, SCAN_ONES, Scan, ScanPixel, Solved, walk,
};

use super::network::BitmapBatch;
use crate::rng::Rng;

/// Pixels of a table's entry are counted on top of this many of each colour.
const PLAIN_PRIOR: f64 = 0.05;
/// The same of sizes and of numbers of corrections.
const PRIOR: f64 = 0.2;

/// The pixels of scans that the network codes, each kept with probability `keep`.
pub fn batch<'a>(scans: impl Iterator<Item = &'a Scan>, keep: f64, rng: &mut Rng) -> BitmapBatch {
    let mut batch = BitmapBatch::default();
    batch.hot.each = SCAN_ONES;
    for scan in scans {
        let wanted = || keep >= 1.0 || rng.uniform() < keep;
        walk(scan, wanted, |pixel| {
            if let ScanPixel::Active { ones, black } = pixel {
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
pub fn tables(solved: &[Option<Solved>]) -> ScanTables {
    let mut plain = vec![[PLAIN_PRIOR; 2]; SCAN_CONTEXTS];
    let mut sizes = [PRIOR; 256];
    let mut corrections = [PRIOR; 16];
    for solved in solved {
        let Some(Solved { scan, wrong }) = worth(solved.as_ref()) else {
            sizes[0] += 1.0;
            continue;
        };
        sizes[scan.side() + 1 - MIN_SIDE] += 1.0;
        corrections[wrong.len().min(15)] += 1.0;
        walk(
            scan,
            || false,
            |pixel| {
                if let ScanPixel::Plain { context, black } = pixel {
                    plain[context][usize::from(black)] += 1.0;
                }
            },
        );
    }
    let high: Vec<f64> = sizes.chunks(16).map(|of| of.iter().sum()).collect();
    let low = sizes.iter().enumerate().map(|(s, n)| logit(n / high[s / 16]));
    let all: f64 = high.iter().sum();
    ScanTables {
        plain: plain.iter().map(|[white, black]| logit(black / white)).collect(),
        size_high: high.iter().map(|n| logit(n / all)).collect(),
        size_low: low.collect(),
        corrections: corrections
            .iter()
            .map(|n| logit(n / corrections.iter().sum::<f64>()))
            .collect(),
    }
}

/// A scan that the codec would take.
pub fn worth(solved: Option<&Solved>) -> Option<&Solved> {
    solved.filter(|s| s.wrong.len() <= MOST_CORRECTIONS)
}

/// The scans that the codec would take.
pub fn scans(solved: &[Option<Solved>]) -> Vec<Scan> {
    solved.iter().filter_map(|s| worth(s.as_ref())).map(|s| s.scan.clone()).collect()
}
