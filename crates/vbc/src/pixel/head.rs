//! From the last hidden layer to the two nibbles' logits: a linear part, counts weighted by gates,
//! and values copied from neighbours (SPEC.md section 6.4).

use fearless_simd::{Simd, i16x16, i16x32, i32x16, mask32x16, prelude::*, u32x16};

use super::inputs::COPIES;
use super::state::ImageState;
use crate::entropy::Distribution;
use crate::error::Error;
use crate::nn::{Linear, Pair, TILE};

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

    /// The functions of one symbol's counts, by gate.
    #[inline(always)]
    fn functions<S: Simd>(&self, simd: S, image: usize, column: u8, row: u8) -> i16x16<S> {
        i16x16::from_slice(simd, &self.image[image])
            | i16x16::from_slice(simd, &self.column[usize::from(column)])
            | i16x16::from_slice(simd, &self.row[usize::from(row)])
    }

    /// What the gates make of the counts of each symbol: `image`, `column` and `row` are indices
    /// of the tables. Nothing seen gives 0 like any other count: a test would cost more.
    #[inline(always)]
    fn sums<S: Simd>(
        &self,
        simd: S,
        gates: i16x32<S>,
        image: &[usize; 16],
        [column, row]: [&[u8; 16]; 2],
    ) -> i32x16<S> {
        // Two symbols a vector, eight sums each; every fold halves the vectors and the sums.
        let mut sums = [i32x16::splat(simd, 0); 8];
        for v in 0..8 {
            let a = self.functions(simd, image[2 * v], column[2 * v], row[2 * v]);
            let b = self.functions(simd, image[2 * v + 1], column[2 * v + 1], row[2 * v + 1]);
            sums[v] = a.combine(b).pairwise_dot_product(gates);
        }
        for v in 0..4 {
            sums[v] = fold(sums[2 * v], sums[2 * v + 1]);
        }
        for v in 0..2 {
            sums[v] = fold(sums[2 * v], sums[2 * v + 1]);
        }
        let sums = fold(sums[0], sums[1]);
        (sums + (1 << (FEATURE_FRAC - 1))) >> FEATURE_FRAC
    }
}

/// The sums of neighbouring lanes, those of `a` before those of `b`.
#[inline(always)]
fn fold<S: Simd>(a: i32x16<S>, b: i32x16<S>) -> i32x16<S> {
    a.unzip_low(b) + a.unzip_high(b)
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

    /// Accumulators of a row of [`high_sums`](Self::high_sums).
    pub fn padded(&self) -> usize {
        self.high.weights().padded()
    }

    /// The accumulators of the high nibble's layer for some rows of the last hidden layer.
    pub fn high_sums(&self, hidden: &[Pair], acc: &mut Vec<i32>) {
        self.high.sums(hidden, acc);
    }

    /// The distribution of the high nibble, from a row of accumulators.
    #[inline(always)]
    pub fn high<S: Simd>(
        &self,
        simd: S,
        acc: &[i32],
        s: &ImageState,
        copies: &[u8; COPIES],
    ) -> Distribution<16> {
        let tables = &self.high_tables;
        let outputs = Outputs::new(simd, &self.high, acc);
        let [image, distinct, column, row] = high_features(s);
        let mut places = [0; 16];
        for (place, (&count, &values)) in places.iter_mut().zip(image.iter().zip(&distinct)) {
            *place = usize::from(count) * DISTINCT + usize::from(values);
        }
        let sums = tables.sums(simd, outputs.gates(), &places, [&column, &row]);
        let copies = widened(simd, copies);
        let nibbles = copies.simd_gt(0).select(copies >> 4, u32x16::splat(simd, NO_NIBBLE));
        let copied = outputs.copied(simd, tables.gates, nibbles);
        Distribution::of(simd, outputs.tiles[0] + sums + copied)
    }

    /// The distribution of the low nibble once the high one is known, from a row of the last hidden
    /// layer.
    #[inline(always)]
    pub fn low<S: Simd>(
        &self,
        simd: S,
        hidden: &[Pair],
        s: &ImageState,
        copies: &[u8; COPIES],
        high: usize,
    ) -> Distribution<16> {
        let (layer, tables) = (&self.low[high], &self.low_tables);
        let mut acc = [0; MAX_OUTPUTS];
        let acc = &mut acc[..layer.weights().padded()];
        layer.line(simd, hidden, acc);
        let outputs = Outputs::new(simd, layer, acc);
        let [image, column, row] = low_features(s, high);
        let mut places = [0; 16];
        for (place, &count) in places.iter_mut().zip(&image) {
            *place = usize::from(count);
        }
        let sums = tables.sums(simd, outputs.gates(), &places, [&column, &row]);
        let copies = widened(simd, copies);
        let fits = copies.simd_gt(0) & (copies >> 4).simd_eq(high as u32);
        let nibbles = fits.select(copies & 15, u32x16::splat(simd, NO_NIBBLE));
        let copied = outputs.copied(simd, tables.gates, nibbles);
        Distribution::of(simd, outputs.tiles[0] + sums + copied)
    }
}

/// Most outputs of a head's layer.
const MAX_OUTPUTS: usize = 16 + MAX_GATES + COPIES;
const _: () = assert!(MAX_OUTPUTS == 3 * TILE);

/// No symbol: what stands for the nibble of a copy that does not count.
const NO_NIBBLE: u32 = 16;

/// A layer's outputs: 16 logits, the gates, the copies' weights; then zeros.
struct Outputs<S: Simd> {
    tiles: [i32x16<S>; 3],
}

impl<S: Simd> Outputs<S> {
    /// Of a row of finished accumulators.
    #[inline(always)]
    fn new(simd: S, layer: &Linear, acc: &[i32]) -> Self {
        let mut tiles = [i32x16::splat(simd, 0); 3];
        for (t, tile) in tiles.iter_mut().enumerate().take(acc.len() / TILE) {
            *tile = layer.tile(simd, acc, t);
        }
        Outputs { tiles }
    }

    /// [`MAX_GATES`] gates, twice. Where there are fewer, what stands behind them meets entries of 0.
    #[inline(always)]
    fn gates(&self) -> i16x32<S> {
        self.tiles[1].saturating_narrow(self.tiles[1])
    }

    /// For each symbol, the weights behind the `gates` of those copies that have its nibble.
    #[inline(always)]
    fn copied(&self, simd: S, gates: usize, nibbles: u32x16<S>) -> i32x16<S> {
        let mut weights = [0; 2 * TILE];
        self.tiles[1].store_slice(&mut weights[..TILE]);
        self.tiles[2].store_slice(&mut weights[TILE..]);
        let weights: &[i32; COPIES] = weights[gates..].first_chunk().unwrap_or(&[0; COPIES]);
        let nibbles: [u32; 16] = nibbles.into();
        let symbols = u32x16::from_slice(simd, &SYMBOLS);
        let zero = i32x16::splat(simd, 0);
        let mut sums = [zero; 2];
        for (k, (&nibble, &weight)) in nibbles.iter().zip(weights).enumerate() {
            let has: mask32x16<S> = symbols.simd_eq(nibble);
            sums[k % 2] += has.select(i32x16::splat(simd, weight), zero);
        }
        sums[0] + sums[1]
    }
}

static SYMBOLS: [u32; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

#[inline(always)]
fn widened<S: Simd>(simd: S, values: &[u8; 16]) -> u32x16<S> {
    let mut wide = [0; 16];
    for (wide, &value) in wide.iter_mut().zip(values) {
        *wide = u32::from(value);
    }
    u32x16::from_slice(simd, &wide)
}

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
    let mut clamped = *counts;
    for count in &mut clamped {
        *count = (*count).min(len as u8 - 1);
    }
    clamped
}
