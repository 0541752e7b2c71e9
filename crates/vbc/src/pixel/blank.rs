//! Pixels whose whole window is 0: a table in place of the network (SPEC.md section 6.5).

use super::lockstep::Coder;
use super::state::ImageState;
use crate::entropy::{Distribution, Interval};
use crate::error::Error;

/// Classes of the preview around a pixel: the bit length of its largest value in 3 × 3.
pub(crate) const PREVIEW_CLASSES: usize = 9;

/// First whether there is ink, by position, by whether the image has shown ink yet, and by what x̂
/// says; then which value.
#[derive(Debug)]
pub(crate) struct Blank {
    /// `[position][has ink][class]`.
    ink: Vec<Distribution<2>>,
    high: Distribution<16>,
    low: Vec<Distribution<16>>,
}

impl Blank {
    /// `position` is `[positions][2]`, `preview` is `[9]`: the logit of ink is the sum of two
    /// entries. `high` is `[16]` and `low` is `[16][16]`: logits of the value's nibbles.
    pub fn new(
        positions: usize,
        position: &[i16],
        preview: &[i16],
        high: &[i16],
        low: &[i16],
    ) -> Result<Self, Error> {
        for (name, found, expected) in [
            ("blank.position", position.len(), positions * 2),
            ("blank.preview", preview.len(), PREVIEW_CLASSES),
            ("blank.high", high.len(), 16),
            ("blank.low", low.len(), 256),
        ] {
            if found != expected {
                return Err(Error::model(name, format!("{found} values, {expected} expected")));
            }
        }
        let ink = position
            .iter()
            .flat_map(|&a| {
                preview.iter().map(move |&b| Distribution::new(&[0, i32::from(a) + i32::from(b)]))
            })
            .collect();
        let sixteen = |l: &[i16]| {
            Distribution::new(&std::array::from_fn(|i| l.get(i).map_or(0, |&v| i32::from(v))))
        };
        Ok(Blank { ink, high: sixteen(high), low: low.chunks_exact(16).map(sixteen).collect() })
    }

    /// The distribution of blank and ink of the pixel of column `x`.
    #[inline(always)]
    pub fn ink(&self, s: &ImageState, x: usize) -> &Distribution<2> {
        let row = (s.y * s.width() + x) * 2 + usize::from(s.has_ink());
        &self.ink[row * PREVIEW_CLASSES + s.preview_class(x)]
    }

    /// The intervals of the nibbles of a value above 0.
    pub fn nibbles(&self, value: u8) -> [Interval; 2] {
        let [high, low] = [value >> 4, value & 15].map(usize::from);
        [self.high.interval(high), self.low[high].interval(low)]
    }

    /// Codes the pixel of column `x`. An encoder never says "ink" of a 0.
    #[inline(always)]
    pub fn code(&self, s: &ImageState, x: usize, coder: &mut impl Coder, value: u8) -> u8 {
        if coder.symbol(self.ink(s, x), usize::from(value != 0)) == 0 {
            return 0;
        }
        self.value(coder, value)
    }

    /// Codes the value of ink.
    #[cold]
    fn value(&self, coder: &mut impl Coder, value: u8) -> u8 {
        let high = coder.symbol(&self.high, usize::from(value >> 4));
        let low = coder.symbol(&self.low[high], usize::from(value & 15));
        if high + low == 0 {
            coder.refuse();
        }
        (high << 4 | low) as u8
    }
}
