//! From the last hidden layer to the two nibbles' logits: a linear part, counts weighted by gates,
//! and values copied from neighbours (SPEC.md section 6.4).

use super::inputs::COPIES;
use super::state::ImageState;
use crate::error::Error;
use crate::nn::{Linear, Scratch};

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

/// What the head needs of the counts for the high nibble: for each of 16 nibbles the pixels and the
/// different values in the image, pixels in the column, pixels in the row, clamped to the tables.
pub(crate) type HighFeatures = [[u8; 4]; 16];

/// For each of 16 values with the known high nibble: its count in image, column and row, clamped.
pub(crate) type LowFeatures = [[u8; 3]; 16];

/// The output layers.
#[derive(Debug)]
pub(crate) struct Head {
    /// last hidden → 16 logits, gates, [`COPIES`] copy weights.
    high: Linear,
    /// The same for each value of the high nibble.
    low: Vec<Linear>,
    high_tables: Gated,
    low_tables: Gated,
}

/// Most gates of a head.
const MAX_GATES: usize = 16;

type Gates = [i16; MAX_GATES];

/// The tables of one head with the functions of a count side by side, in the order of the gates:
/// what a symbol's counts weigh is one dot product for each of image, column and row.
#[derive(Debug)]
struct Gated {
    gates: usize,
    /// `[place][index][gate]`, 0 for the gates of the other places.
    places: [Vec<Gates>; 3],
}

impl Gated {
    fn new(places: [(&[i16], usize); 3]) -> Self {
        let mut gates = 0;
        let places = places.map(|(tables, len)| {
            let mut rows = vec![[0; MAX_GATES]; len];
            for table in tables.chunks_exact(len) {
                for (row, &value) in rows.iter_mut().zip(table) {
                    row[gates] = value;
                }
                gates += 1;
            }
            rows
        });
        Gated { gates, places }
    }

    /// Σ gate · function, rounded half up to whole logit units.
    #[inline]
    fn sum(&self, gates: &Gates, index: [usize; 3]) -> i32 {
        let [image, column, row] = &self.places;
        let (a, b, c) = (&image[index[0]], &column[index[1]], &row[index[2]]);
        let sum: i32 =
            (0..MAX_GATES).map(|j| i32::from(gates[j]) * i32::from(a[j] | b[j] | c[j])).sum();
        (sum + (1 << (FEATURE_FRAC - 1))) >> FEATURE_FRAC
    }
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
        let high_tables = Gated::new([
            (&tables.high_image, HeadTables::HIGH_IMAGE),
            (&tables.high_column, LINE_COUNTS),
            (&tables.high_row, LINE_COUNTS),
        ]);
        let low_tables = Gated::new([
            (&tables.low_image, IMAGE_COUNTS),
            (&tables.low_column, LINE_COUNTS),
            (&tables.low_row, LINE_COUNTS),
        ]);
        Ok(Head { high, low, high_tables, low_tables })
    }

    pub fn inputs(&self) -> usize {
        self.high.inputs()
    }

    /// Logits of the high nibble.
    pub fn high(
        &self,
        hidden: &[i16],
        s: &ImageState,
        copies: &[u8; COPIES],
        scratch: &mut Scratch,
    ) -> [i32; 16] {
        let out = Outputs::of(&self.high, hidden, scratch);
        let mut logits = out.logits();
        let gates = out.gates();
        for (logit, f) in logits.iter_mut().zip(high_features(s)) {
            if f[0] != 0 {
                *logit += self.high_tables.sum(
                    gates,
                    [
                        usize::from(f[0]) * DISTINCT + usize::from(f[1]),
                        usize::from(f[2]),
                        usize::from(f[3]),
                    ],
                );
            }
        }
        for (n, &copy) in copies.iter().enumerate() {
            if copy != 0 {
                logits[usize::from(copy >> 4)] += out.copy(self.high_tables.gates, n);
            }
        }
        logits
    }

    /// Logits of the low nibble once the high one is known.
    pub fn low(
        &self,
        hidden: &[i16],
        s: &ImageState,
        copies: &[u8; COPIES],
        high: usize,
        scratch: &mut Scratch,
    ) -> [i32; 16] {
        let out = Outputs::of(&self.low[high], hidden, scratch);
        let mut logits = out.logits();
        let gates = out.gates();
        for (logit, f) in logits.iter_mut().zip(low_features(s, high)) {
            if f[0] != 0 {
                *logit += self.low_tables.sum(gates, f.map(usize::from));
            }
        }
        for (n, &copy) in copies.iter().enumerate() {
            if copy != 0 && usize::from(copy >> 4) == high {
                logits[usize::from(copy & 15)] += out.copy(self.low_tables.gates, n);
            }
        }
        logits
    }
}

/// Most outputs of a head's layer.
const MAX_OUTPUTS: usize = 16 + MAX_GATES + COPIES;

/// A layer's outputs as logits, gates (those of the copies behind them) and copy weights.
struct Outputs([i16; MAX_OUTPUTS]);

impl Outputs {
    fn of(layer: &Linear, hidden: &[i16], scratch: &mut Scratch) -> Self {
        let (active, acc) = scratch.parts();
        layer.start(acc);
        layer.add(0, hidden, active, acc);
        let mut out = [0; MAX_OUTPUTS];
        layer.activations(acc, &mut out);
        Outputs(out)
    }

    fn logits(&self) -> [i32; 16] {
        std::array::from_fn(|v| i32::from(self.0[v]))
    }

    /// The gates, and whatever stands behind them where there are fewer than [`MAX_GATES`]: their
    /// table entries are 0.
    fn gates(&self) -> &Gates {
        self.0[16..].first_chunk().unwrap_or(&[0; MAX_GATES])
    }

    fn copy(&self, gates: usize, n: usize) -> i32 {
        i32::from(self.0[16 + gates + n])
    }
}

pub(crate) fn high_features(s: &ImageState) -> HighFeatures {
    std::array::from_fn(|high| {
        let [image, distinct, column, row] = s.counts.of_high(s.x, high);
        let line = LINE_COUNTS as u8 - 1;
        [image.min(IMAGE_COUNTS as u8 - 1), distinct, column.min(line), row.min(line)]
    })
}

pub(crate) fn low_features(s: &ImageState, high: usize) -> LowFeatures {
    std::array::from_fn(|low| {
        let [image, column, row] = s.counts.of_low(s.x, (high << 4 | low) as u8);
        let line = LINE_COUNTS as u8 - 1;
        [image.min(IMAGE_COUNTS as u8 - 1), column.min(line), row.min(line)]
    })
}
