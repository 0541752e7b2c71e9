//! From the last hidden layer to the two nibbles' logits: a linear part, counts weighted by gates,
//! and values copied from neighbours (SPEC.md section 6.4).

use fearless_simd::{Simd, dispatch, i16x16, prelude::*};

use super::inputs::COPIES;
use super::state::ImageState;
use crate::entropy::Distribution;
use crate::error::Error;
use crate::nn::{Act, Linear, Pair};

/// Fractional bits of a feature table's entries.
const FEATURE_FRAC: u32 = 8;

/// Counts of a table are clamped to its length less one: 63 for images, 31 for rows and columns.
const IMAGE_COUNTS: usize = 64;
const LINE_COUNTS: usize = 32;
const DISTINCT: usize = 17;

/// Functions of counts, as tables of i16 with 8 fractional bits. A gate of the network weighs each.
#[derive(Debug)]
pub(crate) struct HeadTables {
    /// `[j][pixels 0..64][different values 0..17]`, for a high nibble in the image.
    pub high_image: Vec<i16>,
    /// `[j][0..32]`, for a high nibble in the column.
    pub high_column: Vec<i16>,
    /// `[j][0..32]`, for a high nibble in the row.
    pub high_row: Vec<i16>,
    /// `[j][0..64]`, for a value in the image.
    pub low_image: Vec<i16>,
    /// `[j][0..32]`, for a value in the column.
    pub low_column: Vec<i16>,
    /// `[j][0..32]`, for a value in the row.
    pub low_row: Vec<i16>,
}

impl HeadTables {
    const HIGH_IMAGE: usize = IMAGE_COUNTS * DISTINCT;

    /// Gates of a high nibble, and of a low nibble.
    pub fn gates(&self) -> [usize; 2] {
        let high = self.high_image.len() / Self::HIGH_IMAGE
            + (self.high_column.len() + self.high_row.len()) / LINE_COUNTS;
        let low = self.low_image.len() / IMAGE_COUNTS
            + (self.low_column.len() + self.low_row.len()) / LINE_COUNTS;
        [high, low]
    }

    fn check(&self) -> Result<(), Error> {
        let parts = [
            ("head.high.image", &self.high_image, Self::HIGH_IMAGE),
            ("head.high.column", &self.high_column, LINE_COUNTS),
            ("head.high.row", &self.high_row, LINE_COUNTS),
            ("head.low.image", &self.low_image, IMAGE_COUNTS),
            ("head.low.column", &self.low_column, LINE_COUNTS),
            ("head.low.row", &self.low_row, LINE_COUNTS),
        ];
        let mut bounds = [0u64; 6];
        for ((name, table, unit), bound) in parts.iter().zip(&mut bounds) {
            if table.len() % unit != 0 {
                return Err(Error::model(
                    *name,
                    format!("{} entries, a multiple of {unit} expected", table.len()),
                ));
            }
            if table.chunks_exact(*unit).any(|t| t[0] != 0) {
                return Err(Error::model(*name, "a function of no count that is not 0"));
            }
            let largest =
                |t: &[i16]| t.iter().map(|v| u64::from(v.unsigned_abs())).max().unwrap_or(0);
            *bound = table.chunks_exact(*unit).map(largest).sum();
        }
        for (name, sum) in
            [("head.high", bounds[..3].iter().sum::<u64>()), ("head.low", bounds[3..].iter().sum())]
        {
            if sum * 32_767 + (1 << FEATURE_FRAC) >= 1 << 31 {
                return Err(Error::model(
                    name,
                    format!("gates times counts can reach {sum} · 32767, beyond 32 bits"),
                ));
            }
        }
        Ok(())
    }
}

/// What the head needs of the counts for the high nibble: the pixels of each of 16 nibbles in the
/// image, their different values, pixels in the column, pixels in the row; clamped to the tables.
pub(crate) type HighFeatures = [[u8; 16]; 4];

/// The counts of the 16 values with the known high nibble in image, column and row, clamped.
pub(crate) type LowFeatures = [[u8; 16]; 3];

/// The output layers.
#[derive(Debug)]
pub(crate) struct Head {
    /// last hidden → 16 logits, gates, [`COPIES`] copy weights.
    high: Linear,
    /// The same for each value of the high nibble.
    low: Vec<Linear>,
    high_tables: Gated<{ HeadTables::HIGH_IMAGE }>,
    low_tables: Gated<IMAGE_COUNTS>,
}

/// Most gates of a head.
const MAX_GATES: usize = 16;

type Gates = [i16; MAX_GATES];

/// The tables of one head with the functions of a count side by side, in the order of the gates:
/// what a symbol's counts weigh is one dot product for each of image, column and row. `IMAGE` is the
/// length of the image's tables.
#[derive(Debug)]
struct Gated<const IMAGE: usize> {
    gates: usize,
    /// `[index][gate]`, 0 for the gates of the other places.
    image: Box<[Gates; IMAGE]>,
    column: Box<[Gates; LINE_COUNTS]>,
    row: Box<[Gates; LINE_COUNTS]>,
}

impl<const IMAGE: usize> Gated<IMAGE> {
    fn new(image: &[i16], column: &[i16], row: &[i16]) -> Self {
        let mut gates = 0;
        let image = side_by_side(image, &mut gates);
        let column = side_by_side(column, &mut gates);
        let row = side_by_side(row, &mut gates);
        Gated { gates, image, column, row }
    }

    /// The logits with what the gates make of the counts: `image`, `column` and `row` are indices
    /// of the tables. Nothing seen gives 0 like any other count: a test would cost more.
    #[inline(always)]
    fn logits<S: Simd>(
        &self,
        simd: S,
        outputs: &Outputs,
        image: &[usize; 16],
        [column, row]: [&[u8; 16]; 2],
    ) -> [i32; 16] {
        // Where there are fewer gates, what stands behind them meets entries of 0.
        let gates = i16x16::from_slice(simd, &outputs[16..16 + MAX_GATES]);
        let load = |row: &Gates| i16x16::from_slice(simd, row);
        let mut logits = [0; 16];
        for v in 0..16 {
            let functions = load(&self.image[image[v]])
                | load(&self.column[usize::from(column[v])])
                | load(&self.row[usize::from(row[v])]);
            let sum = functions.pairwise_dot_product(gates).reduce_sum();
            let rounded = (sum + (1 << (FEATURE_FRAC - 1))) >> FEATURE_FRAC;
            logits[v] = i32::from(outputs[v]) + rounded;
        }
        logits
    }
}

/// Tables of `LEN` entries as one of rows, the first in the next gate's place.
fn side_by_side<const LEN: usize>(tables: &[i16], gates: &mut usize) -> Box<[Gates; LEN]> {
    let mut rows = Box::new([[0; MAX_GATES]; LEN]);
    for table in tables.chunks_exact(LEN) {
        for (row, &value) in rows.iter_mut().zip(table) {
            row[*gates] = value;
        }
        *gates += 1;
    }
    rows
}

impl Head {
    /// # Errors
    /// [`Error::Model`] where a width does not fit or a sum could overflow.
    pub fn new(high: Linear, low: Vec<Linear>, tables: HeadTables) -> Result<Self, Error> {
        tables.check()?;
        let [gates_high, gates_low] = tables.gates();
        if gates_high.max(gates_low) > MAX_GATES {
            return Err(Error::model("head", format!("more than {MAX_GATES} gates")));
        }
        for (name, layer, expected) in
            std::iter::once(("head.high", &high, 16 + gates_high + COPIES))
                .chain(low.iter().map(|l| ("head.low", l, 16 + gates_low + COPIES)))
        {
            if layer.outputs() != expected || layer.inputs() != high.inputs() {
                return Err(Error::model(
                    name,
                    format!(
                        "{} inputs and {} outputs, {} and {expected} expected",
                        layer.inputs(),
                        layer.outputs(),
                        high.inputs()
                    ),
                ));
            }
        }
        if low.len() != 16 {
            return Err(Error::model("head.low", format!("{} layers, 16 expected", low.len())));
        }
        let high_tables = Gated::new(&tables.high_image, &tables.high_column, &tables.high_row);
        let low_tables = Gated::new(&tables.low_image, &tables.low_column, &tables.low_row);
        Ok(Head { high, low, high_tables, low_tables })
    }

    pub fn inputs(&self) -> usize {
        self.high.inputs()
    }

    /// The outputs of the high nibble's layer for some rows of the last hidden layer.
    pub fn high_outputs(&self, hidden: &[Pair], acc: &mut Vec<i32>, out: &mut Vec<Outputs>) {
        let rows = hidden.len() / self.high.weights().pairs();
        self.high.start(rows, acc);
        self.high.weights().product(hidden, acc);
        out.clear();
        out.resize(rows, [0; MAX_OUTPUTS]);
        self.high.activate(Act::None, acc, out.as_flattened_mut(), MAX_OUTPUTS);
    }

    /// The distribution of the high nibble.
    pub fn high(
        &self,
        outputs: &Outputs,
        s: &ImageState,
        copies: &[u8; COPIES],
    ) -> Distribution<16> {
        dispatch!(self.high.weights().level(), simd => {
            let tables = &self.high_tables;
            let [image, distinct, column, row] = high_features(s);
            let image = std::array::from_fn(|v| {
                usize::from(image[v]) * DISTINCT + usize::from(distinct[v])
            });
            let mut logits = tables.logits(simd, outputs, &image, [&column, &row]);
            for (&copy, &weight) in copies.iter().zip(&outputs[16 + tables.gates..]) {
                if copy != 0 {
                    logits[usize::from(copy >> 4)] += i32::from(weight);
                }
            }
            Distribution::of(simd, &logits)
        })
    }

    /// The distribution of the low nibble once the high one is known, from a row of the last hidden
    /// layer.
    pub fn low(
        &self,
        hidden: &[Pair],
        s: &ImageState,
        copies: &[u8; COPIES],
        high: usize,
        acc: &mut Vec<i32>,
    ) -> Distribution<16> {
        let layer = &self.low[high];
        layer.start(1, acc);
        layer.weights().product(hidden, acc);
        let mut outputs = [0; MAX_OUTPUTS];
        layer.activate(Act::None, acc, &mut outputs, MAX_OUTPUTS);
        dispatch!(layer.weights().level(), simd => {
            let tables = &self.low_tables;
            let [image, column, row] = low_features(s, high);
            let mut logits =
                tables.logits(simd, &outputs, &image.map(usize::from), [&column, &row]);
            for (&copy, &weight) in copies.iter().zip(&outputs[16 + tables.gates..]) {
                if copy != 0 && usize::from(copy >> 4) == high {
                    logits[usize::from(copy & 15)] += i32::from(weight);
                }
            }
            Distribution::of(simd, &logits)
        })
    }
}

/// Most outputs of a head's layer.
const MAX_OUTPUTS: usize = 16 + MAX_GATES + COPIES;

/// A layer's outputs: 16 logits, the gates, the copies' weights; then zeros.
pub(crate) type Outputs = [i16; MAX_OUTPUTS];

#[inline(always)]
pub(crate) fn high_features(s: &ImageState) -> HighFeatures {
    let [image, distinct, column, row] = s.counts.of_highs(s.x);
    [
        clamp(image, IMAGE_COUNTS),
        clamp(distinct, DISTINCT),
        clamp(column, LINE_COUNTS),
        clamp(row, LINE_COUNTS),
    ]
}

#[inline(always)]
pub(crate) fn low_features(s: &ImageState, high: usize) -> LowFeatures {
    let [image, column, row] = s.counts.of_lows(s.x, high);
    [clamp(image, IMAGE_COUNTS), clamp(column, LINE_COUNTS), clamp(row, LINE_COUNTS)]
}

/// Counts as indices of a table of `len`.
#[inline(always)]
fn clamp(counts: &[u8; 16], len: usize) -> [u8; 16] {
    counts.map(|c| c.min(len as u8 - 1))
}
