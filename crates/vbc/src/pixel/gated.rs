//! What counts add to a head's logits: functions of counts, weighted by gates (SPEC.md 6.4).
//!
//! The functions are tables, and a symbol's count changes only when a pixel of its value is coded.
//! So each image keeps the functions of its counts as they stand, two gates side by side for the 16
//! symbols of a head: a cache line, which a pair of gates weighs in one step.

use fearless_simd::{Simd, i16x32, i32x16, prelude::*};

use super::counts::Counts;
use super::head::{DISTINCT, HeadTables, IMAGE_COUNTS, LINE_COUNTS};
use crate::nn::{Pair, TILE, WeightTile, pack};

/// Fractional bits of a function.
pub(crate) const FEATURE_FRAC: u32 = 8;

/// Most gates of a head.
pub(crate) const MAX_GATES: usize = 16;

/// Gates of a head that weigh what a grid's cell says.
pub(crate) const GRID_GATES: usize = 2;

/// A head's gates; those behind its last meet functions that are 0.
pub(crate) type Gates = [i16; 2 * TILE];

const NOTHING: WeightTile = WeightTile([0; 2 * TILE]);

/// The tables of one place (image, column or row), two gates side by side.
#[derive(Debug)]
struct Functions {
    /// `[entry][pair of gates]`.
    entries: Vec<Pair>,
    pairs: usize,
    /// The number of the first gate.
    first: usize,
}

impl Functions {
    /// Of tables of `len` entries, one for each gate from `*first` on.
    fn new(tables: &[i16], len: usize, first: &mut usize) -> Self {
        let gates = tables.len() / len;
        let pairs = gates.div_ceil(2);
        let mut entries = vec![[0; 2]; len * pairs];
        for (gate, table) in tables.chunks_exact(len).enumerate() {
            for (entry, &value) in table.iter().enumerate() {
                entries[entry * pairs + gate / 2][gate % 2] = value;
            }
        }
        let functions = Functions { entries, pairs, first: *first };
        *first += gates;
        functions
    }

    /// Writes what `symbol` has at `entry` to the place's lines.
    #[inline(always)]
    fn set(&self, entry: usize, symbol: u8, lines: &mut [WeightTile]) {
        let at = 2 * usize::from(symbol % 16);
        for (line, pair) in lines.iter_mut().zip(&self.entries[entry * self.pairs..]) {
            line.0[at..at + 2].copy_from_slice(pair);
        }
    }

    /// Adds what the gates make of the place's lines.
    #[inline(always)]
    fn add<S: Simd>(&self, simd: S, gates: &Gates, lines: &[WeightTile], sums: &mut i32x16<S>) {
        for (p, line) in lines.iter().enumerate() {
            let at = (self.first + 2 * p) % MAX_GATES;
            let pair: i16x32<S> = i32x16::splat(simd, pack([gates[at], gates[at + 1]])).bitcast();
            *sums += i16x32::from_slice(simd, &line.0).pairwise_dot_product(pair);
        }
    }
}

/// The tables of both heads.
#[derive(Debug)]
pub(crate) struct Gated {
    high: [Functions; 3],
    low: [Functions; 3],
    gates: [usize; 2],
    /// Whether two more gates of each head weigh what a grid's cell says.
    has_grids: bool,
}

const IMAGE: usize = 0;
const COLUMN: usize = 1;
const ROW: usize = 2;

impl Gated {
    /// Of tables that were checked.
    pub fn new(tables: &HeadTables, has_grids: bool) -> Self {
        let (mut high, mut low) = (0, 0);
        Gated {
            high: [
                Functions::new(&tables.high_image, IMAGE_COUNTS * DISTINCT, &mut high),
                Functions::new(&tables.high_column, LINE_COUNTS, &mut high),
                Functions::new(&tables.high_row, LINE_COUNTS, &mut high),
            ],
            low: [
                Functions::new(&tables.low_image, IMAGE_COUNTS, &mut low),
                Functions::new(&tables.low_column, LINE_COUNTS, &mut low),
                Functions::new(&tables.low_row, LINE_COUNTS, &mut low),
            ],
            gates: [high, low],
            has_grids,
        }
    }

    /// Gates of the high and of the low head.
    pub fn gates(&self) -> [usize; 2] {
        self.gates.map(|gates| gates + if self.has_grids { GRID_GATES } else { 0 })
    }

    /// Adds what the last two gates of head `h` make of a cell's weights: of the weights as sixteenths, and of
    /// whether there is one.
    #[inline(always)]
    fn add_cell<S: Simd>(
        &self,
        simd: S,
        h: usize,
        gates: &Gates,
        weights: &[u8; 16],
        sums: &mut i32x16<S>,
    ) {
        if !self.has_grids {
            return;
        }
        let at = self.gates[h] % MAX_GATES;
        let [weight, known] = [gates[at], gates[at + 1]].map(i32::from);
        let mut wide = [0; 16];
        wide.iter_mut().zip(weights).for_each(|(wide, &w)| *wide = i32::from(w));
        let weights = i32x16::from_slice(simd, &wide);
        let zero = i32x16::splat(simd, 0);
        let known = weights.simd_gt(zero).select(i32x16::splat(simd, known << FEATURE_FRAC), zero);
        *sums += (weights << 4) * i32x16::splat(simd, weight) + known;
    }
}

/// The functions of one image's counts as they stand.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    high_image: Vec<WeightTile>,
    high_row: Vec<WeightTile>,
    /// `[column][pair]`.
    high_columns: Vec<WeightTile>,
    /// `[high nibble][pair]`.
    low_image: Vec<WeightTile>,
    /// `[high nibble][pair]`.
    low_row: Vec<WeightTile>,
    /// Whether the row has shown ink.
    row_has_ink: bool,
}

impl Seen {
    /// Of an image of `width` columns that has shown nothing.
    pub fn new(gated: &Gated, width: usize) -> Self {
        let lines = |count: usize| vec![NOTHING; count];
        Seen {
            high_image: lines(gated.high[IMAGE].pairs),
            high_row: lines(gated.high[ROW].pairs),
            high_columns: lines(width * gated.high[COLUMN].pairs),
            low_image: lines(16 * gated.low[IMAGE].pairs),
            low_row: lines(16 * gated.low[ROW].pairs),
            row_has_ink: false,
        }
    }

    /// Bytes that an image of `width` columns takes.
    pub fn bytes(gated: &Gated, width: usize) -> usize {
        let (high, low) = (&gated.high, &gated.low);
        let lines = high[IMAGE].pairs
            + high[ROW].pairs
            + width * high[COLUMN].pairs
            + 16 * (low[IMAGE].pairs + low[ROW].pairs);
        size_of::<Self>() + lines * size_of::<WeightTile>()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        let all = [&mut self.high_image, &mut self.high_columns, &mut self.low_image];
        all.into_iter().for_each(|lines| lines.fill(NOTHING));
        self.start_row();
    }

    /// Takes in a pixel above 0 that `counts` hold already.
    #[inline(always)]
    pub fn add(&mut self, gated: &Gated, counts: &Counts, column: usize, value: u8) {
        let (high, low) = (value >> 4, value & 15);
        let h = usize::from(high);
        let [image, distinct, in_column, in_row] = counts.of_highs(column).map(|of| of[h]);
        let place = clamp(image, IMAGE_COUNTS) * DISTINCT + clamp(distinct, DISTINCT);
        gated.high[IMAGE].set(place, high, &mut self.high_image);
        let pairs = gated.high[COLUMN].pairs;
        let lines = &mut self.high_columns[column * pairs..(column + 1) * pairs];
        gated.high[COLUMN].set(clamp(in_column, LINE_COUNTS), high, lines);
        gated.high[ROW].set(clamp(in_row, LINE_COUNTS), high, &mut self.high_row);
        let [image, _, row] = counts.of_lows(column, h).map(|of| of[usize::from(low)]);
        let pairs = gated.low[IMAGE].pairs;
        let lines = &mut self.low_image[h * pairs..(h + 1) * pairs];
        gated.low[IMAGE].set(clamp(image, IMAGE_COUNTS), low, lines);
        let pairs = gated.low[ROW].pairs;
        let lines = &mut self.low_row[h * pairs..(h + 1) * pairs];
        gated.low[ROW].set(clamp(row, LINE_COUNTS), low, lines);
        self.row_has_ink = true;
    }

    /// Forgets the row's counts.
    pub fn start_row(&mut self) {
        if self.row_has_ink {
            self.high_row.fill(NOTHING);
            self.low_row.fill(NOTHING);
            self.row_has_ink = false;
        }
    }

    /// What the gates make of the counts of each high nibble, with 8 fractional bits.
    #[inline(always)]
    pub fn high<S: Simd>(
        &self,
        simd: S,
        gated: &Gated,
        gates: &Gates,
        column: usize,
        cell: &[u8; 16],
    ) -> i32x16<S> {
        let mut sums = i32x16::splat(simd, 1 << (FEATURE_FRAC - 1));
        gated.high[IMAGE].add(simd, gates, &self.high_image, &mut sums);
        let pairs = gated.high[COLUMN].pairs;
        let lines = &self.high_columns[column * pairs..(column + 1) * pairs];
        gated.high[COLUMN].add(simd, gates, lines, &mut sums);
        gated.high[ROW].add(simd, gates, &self.high_row, &mut sums);
        gated.add_cell(simd, 0, gates, cell, &mut sums);
        sums >> FEATURE_FRAC
    }

    /// The same for each low nibble after `high`.
    #[inline(always)]
    pub fn low<S: Simd>(
        &self,
        simd: S,
        gated: &Gated,
        gates: &Gates,
        counts: &Counts,
        (column, high): (usize, usize),
        cell: &[u8; 16],
    ) -> i32x16<S> {
        let mut sums = i32x16::splat(simd, 1 << (FEATURE_FRAC - 1));
        let pairs = gated.low[IMAGE].pairs;
        let lines = &self.low_image[high * pairs..(high + 1) * pairs];
        gated.low[IMAGE].add(simd, gates, lines, &mut sums);
        let pairs = gated.low[ROW].pairs;
        let lines = &self.low_row[high * pairs..(high + 1) * pairs];
        gated.low[ROW].add(simd, gates, lines, &mut sums);
        // Kept as they stand, the columns' functions of all values would fill the caches.
        let functions = &gated.low[COLUMN];
        if let Some(in_column) = counts.lows_in_column(column, high) {
            for p in 0..functions.pairs {
                let mut line = NOTHING;
                for (pair, &count) in line.0.as_chunks_mut::<2>().0.iter_mut().zip(in_column) {
                    *pair = functions.entries[clamp(count, LINE_COUNTS) * functions.pairs + p];
                }
                let at = (functions.first + 2 * p) % MAX_GATES;
                let pair: i16x32<S> =
                    i32x16::splat(simd, pack([gates[at], gates[at + 1]])).bitcast();
                sums += i16x32::from_slice(simd, &line.0).pairwise_dot_product(pair);
            }
        }
        gated.add_cell(simd, 1, gates, cell, &mut sums);
        sums >> FEATURE_FRAC
    }
}

/// A count as an index of a table of `len`.
#[inline(always)]
fn clamp(count: u8, len: usize) -> usize {
    usize::from(count).min(len - 1)
}
