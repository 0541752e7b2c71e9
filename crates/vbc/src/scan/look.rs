//! A quick look at whether cells can hold what their greys say, before a puzzle is made of them.

use super::puzzle::{FRAC, full, full_ink, interval};
use super::render::INK_FRAC;
use super::spans::spans;
use super::window::Window;
use super::{BOX, CELLS};

/// What rounding of single weights may add up to, as ink.
const SLACK: i64 = 1 << 8;

/// The scan's lines that fall on a line of cells.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    /// Weights of those that reach into the line of cells before, into no other, and into the one after.
    shared: [u64; 3],
    /// The least weight of one.
    lightest: u64,
}

/// Ink of a scan's pixels on the cells, where all of a cell are black that may be.
#[derive(Debug)]
pub(super) struct Look {
    lines: [Line; BOX],
    full: [u64; BOX],
}

/// Product of weights of a row and a column, as ink.
fn product(row: u64, column: u64) -> i64 {
    ((row * column) >> (INK_FRAC - FRAC)) as i64
}

impl Look {
    pub fn new(side: usize) -> Self {
        let mut lines = [Line { shared: [0; 3], lightest: u64::MAX }; BOX];
        for span in spans(side) {
            for (k, (cell, weight)) in span.cells().enumerate() {
                let shared = match (span.len, k) {
                    (1, _) => 1,
                    (_, 0) => 2,
                    _ => 0,
                };
                let line = &mut lines[cell];
                line.shared[shared] += u64::from(weight);
                line.lightest = line.lightest.min(weight.into());
            }
        }
        Look { lines, full: full(side) }
    }

    /// Whether greys contradict each other, where the brightest cell holds `maximum`: a cell has too little ink though
    /// all of its pixels are black but those that blank cells share, or too much though none is black but those that
    /// cells black all over share.
    pub fn contradicts(&self, window: &Window, maximum: i32) -> bool {
        let (mut is_blank, mut is_black) = ([false; CELLS], [false; CELLS]);
        let mut bounds = [(0i64, 0i64); CELLS];
        for c in (0..CELLS).filter(|&c| window.is_seen[c]) {
            let (low, high) = interval(window.greys[c], maximum);
            bounds[c] = (low.into(), high.into());
            is_blank[c] = high == 0;
            let [row, column] = [c / BOX, c % BOX].map(|line| self.lines[line].lightest);
            let lack = i64::from(full_ink(&self.full, c) - low);
            is_black[c] = lack + SLACK < product(row, column);
        }
        let is_wrong = |c: usize| {
            let (y, x) = (c / BOX, c % BOX);
            let (mut least, mut most) = (0, 0);
            for (a, row) in self.lines[y].shared.into_iter().enumerate().filter(|r| r.1 > 0) {
                for (b, column) in self.lines[x].shared.into_iter().enumerate().filter(|c| c.1 > 0)
                {
                    let (beside, below) = (x + b - 1, y + a - 1);
                    let touched = [y * BOX + beside, below * BOX + x, below * BOX + beside];
                    if touched.iter().any(|&t| is_blank[t]) {
                        continue;
                    }
                    let ink = product(row, column);
                    most += ink;
                    least += if touched.iter().any(|&t| is_black[t]) { ink } else { 0 };
                }
            }
            most + SLACK < bounds[c].0 || least > bounds[c].1 + SLACK
        };
        (0..CELLS).any(|c| window.is_seen[c] && !is_blank[c] && is_wrong(c))
    }
}

#[cfg(test)]
mod tests {
    use super::super::puzzle::{Puzzle, full_maximum};
    use super::super::render::{greys, ink};
    use super::super::{MAX_SIDE, MIN_SIDE, PIXELS};
    use super::*;

    /// Window of a disc with a hole, its cells in the image's corner.
    fn disc(side: usize) -> Window {
        let centre = side as i64 / 2;
        let row = |y: i64| {
            let is_ink = |x: &i64| {
                let far = (y - centre).pow(2) + (x - centre).pow(2);
                far <= centre * centre && far > centre * centre / 9
            };
            (0..side as i64).filter(is_ink).fold(0u128, |row, x| row | 1 << x)
        };
        let rows: Vec<u128> = (0..side as i64).map(row).collect();
        let mut pixels = [0; PIXELS];
        for (cell, grey) in greys(&ink(side, &rows)).into_iter().enumerate() {
            pixels[cell / BOX * 28 + cell % BOX] = grey;
        }
        Window::new(&pixels, [0, 0])
    }

    #[test]
    fn what_a_puzzle_allows_is_not_turned_down() {
        let (mut allowed, mut turned_down) = (0, 0);
        for drawn in (MIN_SIDE..=MAX_SIDE).step_by(7) {
            let window = disc(drawn);
            for side in MIN_SIDE..=MAX_SIDE {
                let maximum = full_maximum(&window.greys, &full(side));
                let contradicts = Look::new(side).contradicts(&window, maximum);
                let puzzle = Puzzle::new(&window, side, maximum, 0, 0);
                assert!(!contradicts || puzzle.is_none(), "{drawn} as {side}");
                assert!(!contradicts || side != drawn, "{drawn}");
                allowed += usize::from(puzzle.is_some());
                turned_down += usize::from(contradicts);
            }
        }
        assert!(allowed >= 15 && turned_down > 500, "{allowed} {turned_down}");
    }
}
