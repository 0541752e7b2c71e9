//! Inputs of a scan's network (SPEC.md section 6.7.2).

use crate::scan::bitmap::Bitmap;

/// r and c of patterns 1 to 13.
const PATTERNS: [(i64, i64); 13] = [
    (1, -7),
    (1, -3),
    (1, 1),
    (1, 5),
    (3, -7),
    (3, -3),
    (3, 1),
    (3, 5),
    (5, -6),
    (5, -2),
    (5, 2),
    (7, -4),
    (7, 0),
];
/// Where a pair of runs starts, and in which direction it goes: dy and dx of each.
const RUNS: [((i64, i64), (i64, i64)); 6] = [
    ((0, -1), (0, -1)),
    ((-1, 0), (0, 1)),
    ((-1, 0), (0, -1)),
    ((-2, 0), (0, 1)),
    ((-2, 0), (0, -1)),
    ((-1, 0), (-1, 0)),
];
/// a and b of the greys of the preview: section 6.7.3.
const GREYS: [(i64, i64); 13] = [
    (0, 0),
    (-1, 0),
    (0, -1),
    (0, 1),
    (1, 0),
    (-1, -1),
    (-1, 1),
    (1, -1),
    (1, 1),
    (-2, 0),
    (0, -2),
    (0, 2),
    (2, 0),
];

impl Bitmap {
    /// The inputs that are not 0, each with its number.
    pub(crate) fn inputs(&self) -> Vec<(usize, i64)> {
        let mut a = Vec::new();
        let mut at = |f: usize, n: i64, value: i64| a.push((f + value.min(n - 1) as usize, 128));
        at(0, 256, self.bits((1..=8).rev().map(|d| (0, -d))));
        for (k, (r, c)) in PATTERNS.into_iter().enumerate() {
            let two_rows = (0..8).map(|i| (-r - i / 4, c + i % 4));
            at(256 * (k + 1), 256, self.bits(two_rows));
        }
        let row = (-3..=-1).map(|dx| (0, dx));
        let above = [-1, -2].into_iter().flat_map(|dy| (-2..=2).map(move |dx| (dy, dx)));
        at(3584, 8192, self.bits(row.chain(above)));
        for (k, (from, direction)) in RUNS.into_iter().enumerate() {
            let (first, second) = self.runs(from, direction);
            at(11_776 + 66 * k, 33, first);
            at(11_776 + 66 * k + 33, 33, second);
        }
        let ((x, y), m) = (self.place(), self.side);
        let (black, edges) = self.counts;
        at(12_172, 24, 24 * x / m);
        at(12_196, 16, m - 1 - x);
        at(12_212, 16, x);
        at(12_228, 100, 10 * (10 * y / m) + 10 * x / m);
        at(12_328, 101, m - 20);
        at(12_429, 16, m / 8);
        at(12_445, 24, 24 * y / m);
        at(12_469, 16, m - 1 - y);
        at(12_485, 16, y);
        at(12_501, 64, 128 * black / (m * m));
        at(12_565, 64, 8 * black / (edges + 1));
        at(12_629, 64, 64 * black / ((y + 1) * m));
        at(12_693, 64, edges / 8);
        if !self.grid.is_empty() {
            for (k, (up, left)) in GREYS.into_iter().enumerate() {
                at(12_757 + 16 * k, 16, i64::from(self.g(up, left)));
            }
        }
        a
    }

    /// Pixels as bits, the first the lowest.
    fn bits(&self, pixels: impl Iterator<Item = (i64, i64)>) -> i64 {
        pixels.enumerate().map(|(k, (dy, dx))| i64::from(self.b(dy, dx)) << k).sum()
    }

    /// The first and the second run.
    fn runs(&self, (dy, dx): (i64, i64), (down, right): (i64, i64)) -> (i64, i64) {
        let (_, y) = self.place();
        let looked_at = if down == 0 { 64 } else { y };
        let seen = (0..looked_at).map(|k| self.b(dy + k * down, dx + k * right));
        let seen: Vec<u8> = seen.chain([0; 32]).collect();
        let first = seen.iter().take_while(|&&b| b == seen[0]).count();
        let second = seen[first..].iter().take_while(|&&b| b != seen[0]).count();
        (first.min(32) as i64, second.min(32) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_the_list_has_one() {
        let mut scan = Bitmap::new(20, vec![15; 400]);
        let starts = (0..14).map(|k| 256 * k).chain([3584]);
        let starts = starts.chain((0..12).map(|k| 11_776 + 33 * k));
        let starts = starts.chain([12_172, 12_196, 12_212, 12_228, 12_328, 12_429, 12_445]);
        let starts = starts.chain([12_469, 12_485, 12_501, 12_565, 12_629, 12_693]);
        let starts: Vec<usize> = starts.chain((0..14).map(|k| 12_757 + 16 * k)).collect();
        for n in 0..400 {
            let a = scan.inputs();
            assert_eq!(a.len(), starts.len() - 1);
            for part in starts.windows(2) {
                let found = a.iter().filter(|(i, _)| (part[0]..part[1]).contains(i));
                assert_eq!(found.count(), 1, "{part:?} at {n}");
            }
            scan.push(u8::from(n % 7 < 4));
        }
    }

    #[test]
    fn runs_of_a_row() {
        let mut scan = Bitmap::new(120, Vec::new());
        assert_eq!(scan.runs((-1, 0), (-1, 0)), (32, 0));
        assert_eq!(scan.runs((0, -1), (0, -1)), (32, 0));
        scan.pixels = (0..120).map(|x| u8::from((3..10).contains(&x) || x >= 50)).collect();
        assert_eq!(scan.runs((-1, 0), (0, 1)), (3, 7));
        assert_eq!(scan.runs((-1, 10), (0, 1)), (32, 24));
        assert_eq!(scan.runs((-1, 50), (0, 1)), (32, 32));
        assert_eq!(scan.runs((-1, 9), (0, -1)), (7, 32));
        assert_eq!(scan.runs((-1, 5), (-1, 0)), (1, 32));
    }
}
