//! How often each grey value has been seen in the image so far, in each column, and in this row.

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
}

impl Counts {
    pub fn new(width: usize) -> Self {
        Counts { image: Counter::ZERO, columns: vec![Counter::ZERO; width], row: Counter::ZERO }
    }

    /// Bytes on the heap.
    pub fn bytes(width: usize) -> usize {
        width * size_of::<Counter>()
    }

    /// Forgets the row's counts.
    pub fn start_row(&mut self) {
        self.row = Counter::ZERO;
    }

    /// Counts a decoded pixel.
    pub fn add(&mut self, column: usize, value: u8) {
        if value != 0 {
            self.image.add(value);
            self.columns[column].add(value);
            self.row.add(value);
        }
    }

    /// How often `value` was seen in the image; 0 for the value 0.
    pub fn of_value(&self, value: u8) -> u8 {
        self.image.values[usize::from(value)]
    }

    /// Number of different values seen.
    pub fn distinct(&self) -> u32 {
        self.image.distinct.iter().map(|&d| u32::from(d)).sum()
    }

    /// For the high nibble `high`: pixels in the image, different values in the image, pixels in
    /// the column, pixels in the row.
    pub fn of_high(&self, column: usize, high: usize) -> [u8; 4] {
        [
            self.image.sums[high],
            self.image.distinct[high],
            self.columns[column].sums[high],
            self.row.sums[high],
        ]
    }

    /// For a value: its count in the image, in the column, in the row.
    pub fn of_low(&self, column: usize, value: u8) -> [u8; 3] {
        let v = usize::from(value);
        [self.image.values[v], self.columns[column].values[v], self.row.values[v]]
    }
}
