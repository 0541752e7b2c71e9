//! How often each grey value has been seen in the image, each column, and this row (SPEC.md 6.2.2).

/// Counts for one image. The value 0 is never counted. Every count saturates at 255.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    /// By value.
    image: Counter,
    /// By column, then value.
    columns: Vec<Counter>,
    row: Counter,
}

/// Counts by value, and by high nibble.
#[derive(Clone, Debug)]
struct Counter {
    values: [u8; 256],
    sums: [u8; 16],
    distinct: [u8; 16],
}

impl Counter {
    const ZERO: Counter = Counter { values: [0; 256], sums: [0; 16], distinct: [0; 16] };

    fn add(&mut self, value: u8) {
        let (count, high) = (&mut self.values[usize::from(value)], usize::from(value >> 4));
        self.distinct[high] += u8::from(*count == 0);
        *count = count.saturating_add(1);
        self.sums[high] = self.sums[high].saturating_add(1);
    }

    fn clear(&mut self) {
        // Most columns of an image are blank, and counted nowhere where an encoder needs none of them.
        if self.sums != [0; 16] {
            *self = Counter::ZERO;
        }
    }

    #[inline(always)]
    fn of_lows(&self, high: usize) -> &[u8; 16] {
        self.values[high * 16..].first_chunk().unwrap_or(&[0; 16])
    }
}

impl Counts {
    pub fn new(width: usize) -> Self {
        Counts { image: Counter::ZERO, columns: vec![Counter::ZERO; width], row: Counter::ZERO }
    }

    /// Bytes of the counts by column.
    pub fn column_bytes(width: usize) -> usize {
        width * size_of::<Counter>()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.image = Counter::ZERO;
        self.columns.iter_mut().for_each(Counter::clear);
        self.start_row();
    }

    /// Forgets the row's counts.
    pub fn start_row(&mut self) {
        self.row.clear();
    }

    /// Counts a pixel above 0.
    #[inline(always)]
    pub fn add(&mut self, column: usize, value: u8) {
        self.image.add(value);
        self.columns[column].add(value);
        self.row.add(value);
    }

    /// Counts a pixel above 0 in the image alone.
    #[inline(always)]
    pub fn add_to_image(&mut self, value: u8) {
        self.image.add(value);
    }

    /// How often `value` was seen in the image; 0 for the value 0.
    #[inline(always)]
    pub fn of_value(&self, value: u8) -> u8 {
        self.image.values[usize::from(value)]
    }

    /// Number of different values seen.
    pub fn distinct(&self) -> u32 {
        self.image.distinct.iter().map(|&d| u32::from(d)).sum()
    }

    /// For each high nibble: pixels in the image, different values in the image, pixels in the
    /// column, pixels in the row.
    #[inline(always)]
    pub fn of_highs(&self, column: usize) -> [&[u8; 16]; 4] {
        let column = &self.columns[column];
        [&self.image.sums, &self.image.distinct, &column.sums, &self.row.sums]
    }

    /// The counts in the column of the values with the high nibble `high`, if any was seen there.
    #[inline(always)]
    pub fn lows_in_column(&self, column: usize, high: usize) -> Option<&[u8; 16]> {
        let column = &self.columns[column];
        (column.sums[high] > 0).then(|| column.of_lows(high))
    }

    /// For each value with the high nibble `high`: its count in the image, in the column, in the
    /// row.
    #[inline(always)]
    pub fn of_lows(&self, column: usize, high: usize) -> [&[u8; 16]; 3] {
        [&self.image, &self.columns[column], &self.row].map(|counter| counter.of_lows(high))
    }
}
