//! From the last hidden layer to the two nibbles' logits: a linear part, counts weighted by gates,
//! and values copied from neighbours (SPEC.md section 6.4).

use fearless_simd::{Simd, i32x16, mask32x16, prelude::*, u32x16};

use super::counts::Counts;
use super::gated::{FEATURE_FRAC, GRID_GATES, Gated, Gates, MAX_GATES, Seen};
use super::inputs::COPIES;
#[cfg(feature = "training")]
use super::state::ImageState;
use crate::error::Error;
use crate::nn::{ByteLayer, Quad, Quads, TILE};

/// Counts of a table are clamped to its length less one: 63 for images, 31 for rows and columns.
pub(crate) const IMAGE_COUNTS: usize = 64;
pub(crate) const LINE_COUNTS: usize = 32;
pub(crate) const DISTINCT: usize = 17;

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

    fn check(&self, has_grids: bool) -> Result<(), Error> {
        // The largest weight of a cell, and whether there is one.
        let cell = if has_grids { (255 << 4) + (1 << FEATURE_FRAC) } else { 0 };
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
            let sum = sum + cell;
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

#[cfg(feature = "training")]
/// What the head needs of the counts for the high nibble: the pixels of each of 16 nibbles in the
/// image, their different values, pixels in the column, pixels in the row; clamped to the tables.
pub(crate) type HighFeatures = [[u8; 16]; 4];

#[cfg(feature = "training")]
/// The counts of the 16 values with the known high nibble in image, column and row, clamped.
pub(crate) type LowFeatures = [[u8; 16]; 3];

/// The output layers.
#[derive(Debug)]
pub(crate) struct Head {
    /// last hidden → 16 logits, gates, [`COPIES`] copy weights.
    high: Output,
    /// The same for each value of the high nibble.
    low: Vec<Output>,
    gated: Gated,
}

/// A layer and its packed weights.
#[derive(Debug)]
struct Output {
    layer: ByteLayer<'static>,
    weights: Quads,
}

impl Output {
    fn new(layer: ByteLayer<'static>) -> Self {
        Output { weights: layer.quads(0..layer.inputs()), layer }
    }

    fn sums(&self, hidden: &[Quad], acc: &mut [i32]) {
        self.weights.product_from(self.layer.start(), hidden, acc);
    }
}

impl Head {
    /// # Errors
    /// [`Error::Model`] where a width does not fit or a sum could overflow.
    pub fn new(
        high: ByteLayer<'static>,
        low: Vec<ByteLayer<'static>>,
        tables: HeadTables,
        has_grids: bool,
    ) -> Result<Self, Error> {
        tables.check(has_grids)?;
        let more = if has_grids { GRID_GATES } else { 0 };
        let [gates_high, gates_low] = tables.gates().map(|gates| gates + more);
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
        let low = low.into_iter().map(Output::new).collect();
        Ok(Head { gated: Gated::new(&tables, has_grids), high: Output::new(high), low })
    }

    /// The tables of both heads.
    pub fn gated(&self) -> &Gated {
        &self.gated
    }

    pub fn inputs(&self) -> usize {
        self.high.layer.inputs()
    }

    /// Accumulators of a row of [`high_sums`](Self::high_sums).
    pub fn padded(&self) -> usize {
        self.high.weights.padded()
    }

    /// Accumulators of a row of [`low_sums`](Self::low_sums).
    pub fn low_padded(&self) -> usize {
        self.low.first().map_or(0, |low| low.weights.padded())
    }

    /// The accumulators of the high nibble's layer for some rows of the last hidden layer.
    pub fn high_sums(&self, hidden: &[Quad], acc: &mut [i32]) {
        self.high.sums(hidden, acc);
    }

    /// The accumulators of the low nibble's layer after `high` for some rows of the last hidden
    /// layer.
    pub fn low_sums(&self, high: usize, hidden: &[Quad], acc: &mut [i32]) {
        self.low[high].sums(hidden, acc);
    }

    /// The logits of the high nibble of a pixel in column `x`, from a row of accumulators.
    #[inline(always)]
    pub fn high<S: Simd>(
        &self,
        simd: S,
        acc: &[i32],
        seen: &Seen,
        (x, cell): (usize, &[u8; 16]),
        copies: &[u8; COPIES],
    ) -> [i32; 16] {
        let outputs = Outputs::new(simd, &self.high.layer, acc);
        let sums = seen.high(simd, &self.gated, &outputs.gates(), x, cell);
        let copies = widened(simd, copies);
        let nibbles = copies.simd_gt(0).select(copies >> 4, u32x16::splat(simd, NO_NIBBLE));
        let copied = outputs.copied(simd, self.gated.gates()[0], nibbles);
        (outputs.tiles[0] + sums + copied).into()
    }

    /// The logits of the low nibble after `high`, from a row of accumulators.
    #[inline(always)]
    pub fn low<S: Simd>(
        &self,
        simd: S,
        high: usize,
        acc: &[i32],
        (seen, counts, x): (&Seen, &Counts, usize),
        cell: &[u8; 16],
        copies: &[u8; COPIES],
    ) -> [i32; 16] {
        let outputs = Outputs::new(simd, &self.low[high].layer, acc);
        let sums = seen.low(simd, &self.gated, &outputs.gates(), counts, (x, high), cell);
        let copies = widened(simd, copies);
        let fits = copies.simd_gt(0) & (copies >> 4).simd_eq(high as u32);
        let nibbles = fits.select(copies & 15, u32x16::splat(simd, NO_NIBBLE));
        let copied = outputs.copied(simd, self.gated.gates()[1], nibbles);
        (outputs.tiles[0] + sums + copied).into()
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
    fn new(simd: S, layer: &ByteLayer, acc: &[i32]) -> Self {
        let mut tiles = [i32x16::splat(simd, 0); 3];
        for (t, tile) in tiles.iter_mut().enumerate().take(acc.len() / TILE) {
            *tile = layer.tile(simd, acc, t);
        }
        Outputs { tiles }
    }

    /// [`MAX_GATES`] gates, twice. Where there are fewer, what stands behind them meets entries of 0.
    #[inline(always)]
    fn gates(&self) -> Gates {
        self.tiles[1].saturating_narrow(self.tiles[1]).into()
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

#[cfg(feature = "training")]
pub(crate) fn high_features(s: &ImageState, x: usize) -> HighFeatures {
    let [image, distinct, column, row] = s.counts.of_highs(x);
    [
        clamp(image, IMAGE_COUNTS),
        clamp(distinct, DISTINCT),
        clamp(column, LINE_COUNTS),
        clamp(row, LINE_COUNTS),
    ]
}

#[cfg(feature = "training")]
pub(crate) fn low_features(s: &ImageState, x: usize, high: usize) -> LowFeatures {
    let [image, column, row] = s.counts.of_lows(x, high);
    [clamp(image, IMAGE_COUNTS), clamp(column, LINE_COUNTS), clamp(row, LINE_COUNTS)]
}

/// Counts as indices of a table of `len`.
#[cfg(feature = "training")]
fn clamp(counts: &[u8; 16], len: usize) -> [u8; 16] {
    counts.map(|count| count.min(len as u8 - 1))
}
