//! The functions of counts that the heads' gates weigh, as the integer tables of the model file.

use vbc::training::TABLE_ONE;

/// Functions of the counts, in the layout of SPEC.md section 6.4.
#[derive(Clone, Debug)]
pub struct Tables {
    /// `[j][64][17]`.
    pub high_image: Vec<i16>,
    /// `[j][32]`.
    pub high_column: Vec<i16>,
    /// `[j][32]`.
    pub high_row: Vec<i16>,
    /// `[j][64]`.
    pub low_image: Vec<i16>,
    /// `[j][32]`.
    pub low_column: Vec<i16>,
    /// `[j][32]`.
    pub low_row: Vec<i16>,
}

const IMAGE: usize = 64;
const DISTINCT: usize = 17;
const LINE: usize = 32;

fn entry(value: f64) -> i16 {
    (value * f64::from(TABLE_ONE)).round() as i16
}

fn table(len: usize, functions: &[fn(f64) -> f64]) -> Vec<i16> {
    functions.iter().flat_map(|f| (0..len).map(|c| entry(f(c as f64)))).collect()
}

fn seen(c: f64) -> f64 {
    f64::from(u8::from(c > 0.0))
}

impl Default for Tables {
    fn default() -> Self {
        let high: [fn(f64, f64) -> f64; 5] = [
            |s, _| s.ln_1p(),
            |_, d| d / 4.0,
            |s, _| seen(s),
            |s, d| d / (s + 1.0),
            |s, _| s / 20.0,
        ];
        let cell = |f: &fn(f64, f64) -> f64, i: usize| {
            entry(f((i / DISTINCT) as f64, (i % DISTINCT) as f64).min(16.0))
        };
        let low: [fn(f64) -> f64; 4] =
            [seen, f64::ln_1p, |c| f64::from(u8::from(c == 1.0)), |c| c.min(20.0) / 10.0];
        let line: [fn(f64) -> f64; 2] = [f64::ln_1p, seen];
        Tables {
            high_image: high
                .iter()
                .flat_map(|f| (0..IMAGE * DISTINCT).map(move |i| cell(f, i)))
                .collect(),
            high_column: table(LINE, &line),
            high_row: table(LINE, &line),
            low_image: table(IMAGE, &low),
            low_column: table(LINE, &line),
            low_row: table(LINE, &line),
        }
    }
}

impl Tables {
    /// Gates of the high head and of the low head.
    pub fn gates(&self) -> [usize; 2] {
        [
            self.high_image.len() / (IMAGE * DISTINCT)
                + (self.high_column.len() + self.high_row.len()) / LINE,
            self.low_image.len() / IMAGE + (self.low_column.len() + self.low_row.len()) / LINE,
        ]
    }

    /// Appends `[gate][symbol]` for the high nibble's counts.
    pub fn push_high(&self, counts: &[[u8; 4]; 16], out: &mut Vec<f32>) {
        for t in self.high_image.chunks_exact(IMAGE * DISTINCT) {
            out.extend(
                counts.iter().map(|c| real(t[usize::from(c[0]) * DISTINCT + usize::from(c[1])])),
            );
        }
        for (which, tables) in [(2, &self.high_column), (3, &self.high_row)] {
            for t in tables.chunks_exact(LINE) {
                out.extend(counts.iter().map(|c| real(t[usize::from(c[which])])));
            }
        }
    }

    /// Appends `[gate][symbol]` for the low nibble's counts.
    pub fn push_low(&self, counts: &[[u8; 3]; 16], out: &mut Vec<f32>) {
        let parts =
            [(0, &self.low_image, IMAGE), (1, &self.low_column, LINE), (2, &self.low_row, LINE)];
        for (which, tables, len) in parts {
            for t in tables.chunks_exact(len) {
                out.extend(counts.iter().map(|c| real(t[usize::from(c[which])])));
            }
        }
    }
}

fn real(entry: i16) -> f32 {
    f32::from(entry) / TABLE_ONE as f32
}
