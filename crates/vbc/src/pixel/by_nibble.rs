//! Rows in the order of their high nibbles, for what has a layer for each of them.

use std::ops::Range;

use super::network::grown;

/// High nibbles.
const NIBBLES: usize = 16;

/// Rows of activations, sorted so that those of one layer are one product.
#[derive(Debug, Default)]
pub(crate) struct ByNibble {
    /// Which row each is, and where each row is.
    order: Vec<usize>,
    places: Vec<usize>,
    rows: Vec<u8>,
    stride: usize,
    /// Where the rows of each nibble begin, and where all end.
    starts: [usize; NIBBLES + 1],
}

impl ByNibble {
    /// Takes rows of `stride` bytes, as many as nibbles.
    pub fn sort(&mut self, highs: &[u8], rows: &[u8], stride: usize) {
        let count = highs.len();
        let order = grown(&mut self.order, count);
        let places = grown(&mut self.places, count);
        let sorted = grown(&mut self.rows, count * stride);
        let mut starts = [0; NIBBLES + 1];
        for &h in highs {
            starts[usize::from(h) % NIBBLES + 1] += 1;
        }
        for h in 1..starts.len() {
            starts[h] += starts[h - 1];
        }
        let mut next = starts;
        for ((k, &h), row) in highs.iter().enumerate().zip(rows.chunks_exact(stride)) {
            let at = next[usize::from(h) % NIBBLES];
            next[usize::from(h) % NIBBLES] += 1;
            order[at] = k;
            places[k] = at;
            sorted[at * stride..(at + 1) * stride].copy_from_slice(row);
        }
        (self.starts, self.stride) = (starts, stride);
    }

    /// Which of the rows each of the sorted ones is.
    pub fn order(&self) -> &[usize] {
        &self.order[..self.starts[NIBBLES]]
    }

    /// Where row `k` is among the sorted ones.
    #[inline(always)]
    pub fn place(&self, k: usize) -> usize {
        self.places[k]
    }

    /// The nibbles that there are, where their rows are among the sorted ones, and these.
    pub fn each(&self) -> impl Iterator<Item = (usize, Range<usize>, &[u8])> {
        self.starts.windows(2).enumerate().filter_map(|(h, from_to)| {
            let (from, to) = (from_to[0], from_to[1]);
            let rows = &self.rows[from * self.stride..to * self.stride];
            (from < to).then_some((h, from..to, rows))
        })
    }
}
