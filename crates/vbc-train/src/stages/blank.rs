//! The tables that code pixels without context, counted on the training images.

use vbc::training::{Contexts, LOGIT_ONE, PREVIEW_CLASSES, Sample};

use super::batch::Dataset;

/// The tensors `blank.*` of a model file.
#[derive(Clone, Debug)]
pub struct BlankTables {
    /// `[position][has ink]`: part of the logit of ink.
    pub position: Vec<i16>,
    /// `[class]`: the other part.
    pub preview: Vec<i16>,
    /// `[high]`: logits of the high nibble of ink.
    pub high: Vec<i16>,
    /// `[high][low]`: logits of the low nibble.
    pub low: Vec<i16>,
}

impl BlankTables {
    /// Code length of the data's blank pixels with these tables in real numbers, bits an image.
    pub fn bits_of(&self, contexts: &Contexts, data: &Dataset) -> f64 {
        let len = data.images.image_len();
        let real = |v: i16| f64::from(v) / f64::from(LOGIT_ONE);
        let normal =
            |logits: &[i16]| -> f64 { logits.iter().map(|&l| real(l).exp2()).sum::<f64>().log2() };
        let high_sum = normal(&self.high);
        let low_sums: Vec<f64> = self.low.chunks(16).map(normal).collect();
        let mut bits = 0.0;
        let images = data.images.pixels.chunks_exact(len).zip(data.previews.chunks_exact(len));
        for (pixels, preview) in images {
            contexts.walk(
                pixels,
                preview,
                None,
                || false,
                |sample| {
                    if let Sample::Blank { position, has_ink, class, target } = sample {
                        let row = position * 2 + usize::from(has_ink);
                        let logit = real(self.position[row]) + real(self.preview[class]);
                        let t = usize::from(target);
                        bits += if t == 0 {
                            logit.exp2().ln_1p() * std::f64::consts::LOG2_E
                        } else {
                            (-logit).exp2().ln_1p() * std::f64::consts::LOG2_E + high_sum
                                - real(self.high[t / 16])
                                + low_sums[t / 16]
                                - real(self.low[t])
                        };
                    }
                },
            );
        }
        bits / data.images.n as f64
    }
}

/// Fits the tables: a logistic regression of "ink" on position × has-ink and on x̂'s class, and the
/// histogram of the values.
pub fn blank_tables(contexts: &Contexts, data: &Dataset) -> BlankTables {
    let len = data.images.image_len();
    // [position × has ink][class][blank, ink]
    let mut cells = vec![[[0f64; 2]; PREVIEW_CLASSES]; len * 2];
    let mut values = [0f64; 256];
    let images = data.images.pixels.chunks_exact(len).zip(data.previews.chunks_exact(len));
    for (pixels, preview) in images {
        contexts.walk(
            pixels,
            preview,
            None,
            || false,
            |sample| {
                if let Sample::Blank { position, has_ink, class, target } = sample {
                    let row = position * 2 + usize::from(has_ink);
                    cells[row][class][usize::from(target != 0)] += 1.0;
                    if target != 0 {
                        values[usize::from(target)] += 1.0;
                    }
                }
            },
        );
    }
    let (rows, classes) = fit(&cells);
    let logit = |v: f64| {
        let units = v * std::f64::consts::LOG2_E * f64::from(LOGIT_ONE);
        units.round().clamp(-32_000.0, 32_000.0) as i16
    };
    let smooth: Vec<f64> =
        values.iter().enumerate().map(|(v, n)| if v == 0 { 1e-9 } else { n + 0.1 }).collect();
    let high: Vec<f64> = smooth.chunks(16).map(|c| c.iter().sum()).collect();
    let total: f64 = high.iter().sum();
    BlankTables {
        position: rows.iter().map(|&v| logit(v)).collect(),
        preview: classes.iter().map(|&v| logit(v)).collect(),
        high: high.iter().map(|h| logit((h / total).ln())).collect(),
        low: smooth.iter().enumerate().map(|(v, s)| logit((s / high[v / 16]).ln())).collect(),
    }
}

/// Alternating Newton steps with a pull of each row towards the common offset.
fn fit(cells: &[[[f64; 2]; PREVIEW_CLASSES]]) -> (Vec<f64>, Vec<f64>) {
    const PULL: f64 = 0.3;
    const MEAN: f64 = -8.0;
    let mut rows = vec![MEAN; cells.len()];
    let mut classes = vec![0f64; PREVIEW_CLASSES];
    for _ in 0..60 {
        for (row, a) in cells.iter().zip(&mut rows) {
            let (mut gradient, mut curvature) = (-PULL * (*a - MEAN), PULL);
            for (n, b) in row.iter().zip(&classes) {
                let p = 1.0 / (1.0 + (-(*a + b)).exp());
                gradient += n[1] - (n[0] + n[1]) * p;
                curvature += (n[0] + n[1]) * p * (1.0 - p);
            }
            *a = (*a + (gradient / curvature).clamp(-1.0, 1.0)).clamp(-14.0, 10.0);
        }
        for (class, b) in classes.iter_mut().enumerate() {
            let (mut gradient, mut curvature) = (-PULL * *b, PULL);
            for (row, a) in cells.iter().zip(&rows) {
                let n = row[class];
                let p = 1.0 / (1.0 + (-(a + *b)).exp());
                gradient += n[1] - (n[0] + n[1]) * p;
                curvature += (n[0] + n[1]) * p * (1.0 - p);
            }
            *b = (*b + (gradient / curvature).clamp(-1.0, 1.0)).clamp(-10.0, 10.0);
        }
    }
    (rows, classes)
}
