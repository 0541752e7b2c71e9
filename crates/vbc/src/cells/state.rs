//! What is known of an image's cells part-way through (SPEC.md section 6.9.1).

use super::inputs::{Above, above};
use crate::grid::{LINES, Placed, cell};
use crate::pixel::log_count;
use crate::scan::{IMAGE, PIXELS};

/// A value from here on is full ink.
const FULL: u8 = 240;

/// Cells to the left and right of a row that are always blank.
pub(super) const MARGIN: usize = 4;

/// Lines of x̂'s levels: the cells', with two before and two behind.
const AROUND: usize = LINES + 4;

/// Kinds of cells of one side.
const KINDS: usize = LINES * (LINES + 1) / 2;

/// A row's levels or values, with margins.
pub(super) type Row = [u8; 32];

/// The causal state of one image with a grid.
#[derive(Clone, Debug)]
pub(crate) struct CellState {
    pub placed: Placed,
    /// The row of cells that is being coded.
    pub y: usize,
    /// Levels of this row, of the one above, and of the one above that.
    pub(super) rows: [Row; 3],
    /// Values of the same cells.
    pub(super) values: [Row; 3],
    /// Which cells of these rows are ink: bit 4 is the first cell.
    pub(super) ink: [u32; 3],
    /// Ink, and full ink, of all rows so far; and as it stood before this row.
    running: [u16; 2],
    pub(super) totals: [u16; 2],
    /// Levels of x̂ in each cell and around the cells.
    pub(super) preview: [[u8; AROUND]; AROUND],
    /// The largest of them in 3 × 3 cells.
    classes: [[u8; LINES]; LINES],
    /// The class of each line of cells among those of all sides.
    lines: [u16; LINES],
    /// What the rows above decide of this row's inputs.
    pub(super) above: Above,
    /// The columns of the row that lie in the image, from the first to before the second; and the pixel that
    /// column 0 is, or would be.
    columns: [usize; 2],
    first: isize,
    /// The value that a cell of a kind had last, 0 for none.
    last: [u8; KINDS],
    pub seen: Seen,
}

/// The greys of an image so far, in any cells.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// What counts weigh: of high nibbles, and of values.
    highs: Counted<16>,
    values: Counted<256>,
}

impl Seen {
    pub const NOTHING: Self = Seen { highs: Counted::NOTHING, values: Counted::NOTHING };

    /// What the counts of the 16 high nibbles weigh.
    #[inline(always)]
    pub fn of_highs(&self) -> &[i16; 16] {
        &self.highs.functions
    }

    /// What the counts of the 16 values with the high nibble `high` weigh.
    #[inline(always)]
    pub fn of_lows(&self, high: usize) -> &[i16; 16] {
        self.values.functions[16 * high..].first_chunk().unwrap_or(&[0; 16])
    }

    /// Takes in a cell that is above 0.
    #[inline(always)]
    pub fn add(&mut self, value: u8) {
        self.highs.add(value >> 4);
        self.values.add(value);
    }
}

/// Counts up to 255, and 256 · log₂(1 + count) in steps of sixteenths.
#[derive(Clone, Debug)]
struct Counted<const N: usize> {
    counts: [u8; N],
    functions: [i16; N],
}

impl<const N: usize> Counted<N> {
    const NOTHING: Self = Counted { counts: [0; N], functions: [0; N] };

    #[inline(always)]
    fn add(&mut self, value: u8) {
        let at = usize::from(value) % N;
        self.counts[at] = self.counts[at].saturating_add(1);
        self.functions[at] = 16 * i16::from(log_count(self.counts[at]));
    }
}

/// The level of a value: its high nibble, but 0 for 0 alone.
#[inline(always)]
pub(super) fn level(value: u8) -> u8 {
    (value >> 4).max(u8::from(value > 0))
}

impl CellState {
    /// An image of which no cell is known. `x_hat` is all zero without a latent.
    pub fn new(placed: Placed, x_hat: &[u8; PIXELS]) -> Self {
        let preview = levels(placed, x_hat);
        let mut s = CellState {
            lines: std::array::from_fn(|line| placed.class_among_all(line) as u16),
            above: Above::default(),
            columns: [0; 2],
            first: 0,
            classes: classes(&preview),
            preview,
            placed,
            y: 0,
            rows: [[0; 32]; 3],
            values: [[0; 32]; 3],
            ink: [0; 3],
            running: [0; 2],
            totals: [0; 2],
            last: [0; KINDS],
            seen: Seen::NOTHING,
        };
        s.start_row();
        s
    }

    /// Makes what is the same for all cells of the row, or is decided by the rows above.
    #[inline(always)]
    fn start_row(&mut self) {
        let y = self.y as isize + isize::from(self.placed.grid.top);
        if !(0..IMAGE as isize).contains(&y) || self.y >= LINES {
            self.columns = [0; 2];
            return;
        }
        let left = isize::from(self.placed.grid.left);
        self.columns = [-left, IMAGE as isize - left].map(|x| x.clamp(0, LINES as isize) as usize);
        self.first = y * IMAGE as isize + left;
        self.above = above(self, &self.lines);
    }

    /// The pixel of the cell in column `x` of the row, in raster order, if the image has it.
    #[inline(always)]
    pub fn position(&self, x: usize) -> Option<usize> {
        let inside = self.columns[0] <= x && x < self.columns[1];
        inside.then(|| (self.first + x as isize) as usize)
    }

    /// The kind of the cell in column `x`, among those of its side.
    #[inline(always)]
    pub fn kind(&self, x: usize) -> usize {
        cell(self.placed.class_within(self.y), self.placed.class_within(x))
    }

    /// The value that a cell of this kind had last, 0 for none.
    #[inline(always)]
    pub fn last(&self, kind: usize) -> u8 {
        self.last[kind]
    }

    /// Whether no ink is near column `x`: two cells to the left, two rows above, two cells on either
    /// side.
    #[inline(always)]
    pub fn is_plain(&self, x: usize) -> bool {
        let above = (self.ink[1] | self.ink[2]) >> (x + MARGIN - 2) & 31;
        let left = self.ink[0] >> (x + MARGIN - 2) & 3;
        above | left == 0
    }

    /// The number of the cell in column `x` of the row.
    #[inline(always)]
    pub fn cell(&self, x: usize) -> usize {
        self.y * LINES + x
    }

    /// The largest level of x̂ in the 3 × 3 cells around column `x`.
    #[inline(always)]
    pub fn class(&self, x: usize) -> usize {
        usize::from(self.classes[self.y][x])
    }

    /// Whether any cell so far is ink.
    #[inline(always)]
    pub fn has_ink(&self) -> bool {
        self.running[0] > 0
    }

    /// Takes in a cell above 0.
    #[inline(always)]
    pub fn add(&mut self, x: usize, kind: usize, value: u8) {
        self.add_ink(x, kind, value);
        self.seen.add(value);
    }

    /// As [`add`](Self::add), but for what [`Seen`] is told.
    #[inline(always)]
    pub fn add_ink(&mut self, x: usize, kind: usize, value: u8) {
        self.rows[0][x + MARGIN] = level(value);
        self.values[0][x + MARGIN] = value;
        self.last[kind] = value;
        self.ink[0] |= 1 << (x + MARGIN);
        self.running[0] += 1;
        self.running[1] += u16::from(value >= FULL);
    }

    /// Goes on to the next row.
    pub fn end_row(&mut self) {
        self.rows = [[0; 32], self.rows[0], self.rows[1]];
        self.values = [[0; 32], self.values[0], self.values[1]];
        self.ink = [0, self.ink[0], self.ink[1]];
        self.totals = self.running;
        self.y += 1;
        self.start_row();
    }
}

/// The high nibbles of x̂ in the cells of a grid and around them, 0 outside the image.
fn levels(placed: Placed, x_hat: &[u8; PIXELS]) -> [[u8; AROUND]; AROUND] {
    let mut levels = [[0; AROUND]; AROUND];
    let before = |first: i8| (2 - i32::from(first)).max(0) as usize;
    let after = |first: i8| (i32::from(first) - 2).max(0) as usize;
    let (top, left) = (placed.grid.top, placed.grid.left);
    let rows = x_hat.as_chunks::<IMAGE>().0.iter().skip(after(top));
    for (to, row) in levels.iter_mut().skip(before(top)).zip(rows) {
        for (to, v) in to.iter_mut().skip(before(left)).zip(row.iter().skip(after(left))) {
            *to = v >> 4;
        }
    }
    levels
}

/// For each cell the largest level of x̂ in the 3 × 3 around it.
fn classes(levels: &[[u8; AROUND]; AROUND]) -> [[u8; LINES]; LINES] {
    let mut classes = [[0; LINES]; LINES];
    for (y, classes) in classes.iter_mut().enumerate() {
        let mut tallest = [0; AROUND];
        for (x, tallest) in tallest.iter_mut().enumerate() {
            *tallest = levels[y + 1][x].max(levels[y + 2][x]).max(levels[y + 3][x]);
        }
        for (x, class) in classes.iter_mut().enumerate() {
            *class = tallest[x + 1].max(tallest[x + 2]).max(tallest[x + 3]);
        }
    }
    classes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Error;
    use crate::grid::{Entries, Grid, Grids, SIDES};

    /// One class of lines a side, and no greys.
    fn grids() -> Result<Grids, Error> {
        let (lines, counts) = (vec![0; SIDES * LINES], vec![0; SIDES]);
        Grids::new(Entries { lines, counts, ..Entries::default() })
    }

    proptest! {
        #[test]
        fn states_are_what_the_cells_say(
            cells in proptest::collection::vec(prop_oneof![5 => Just(0u8), 1 => any::<u8>()], LINES * LINES),
            x_hat in proptest::collection::vec(prop_oneof![1 => Just(0u8), 1 => any::<u8>()], PIXELS),
            top in -3i8..=12,
            left in -3i8..=12,
        ) {
            let grids = grids().unwrap();
            let placed = Placed::new(&grids, Grid { side: 7, top, left });
            let x_hat: &[u8; PIXELS] = x_hat.as_chunks().0.first().unwrap();
            let mut s = CellState::new(placed, x_hat);
            let (mut before, mut last) = (Vec::<u8>::new(), 0);
            for y in 0..LINES as i32 {
                let of_rows_above = before.clone();
                for x in 0..LINES as i32 {
                    let place = |dy: i32, dx: i32| {
                        let (row, column) = (y + dy + i32::from(top), x + dx + i32::from(left));
                        let inside = |at: i32| (0..IMAGE as i32).contains(&at);
                        (inside(row) && inside(column)).then_some((row * IMAGE as i32 + column) as usize)
                    };
                    let column = x as usize;
                    prop_assert_eq!(s.position(column), place(0, 0));
                    if place(0, 0).is_none() {
                        continue;
                    }
                    let cell = |dy: i32, dx: i32| {
                        let inside = (0..LINES as i32).contains(&(x + dx)) && y + dy >= 0;
                        let at = (inside && place(dy, dx).is_some()).then_some((y + dy) * LINES as i32 + x + dx);
                        at.map_or(0, |at| cells[at as usize])
                    };
                    let hat = |dy: i32, dx: i32| place(dy, dx).map_or(0, |p| x_hat[p] >> 4);
                    let near = [(0, -1), (0, -2)].into_iter()
                        .chain((-2..=-1).flat_map(|dy| (-2..=2).map(move |dx| (dy, dx))));
                    prop_assert_eq!(s.is_plain(column), near.into_iter().all(|(dy, dx)| cell(dy, dx) == 0));
                    let around = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dy, dx)));
                    prop_assert_eq!(s.class(column), around.map(|(dy, dx)| hat(dy, dx)).max().map_or(0, usize::from));
                    prop_assert_eq!(s.has_ink(), !before.is_empty());
                    let full = of_rows_above.iter().filter(|v| **v >= FULL).count();
                    prop_assert_eq!(s.totals.map(usize::from), [of_rows_above.len(), full]);
                    prop_assert_eq!(s.last(s.kind(column)), last);
                    let value = cell(0, 0);
                    let log = |count: usize| 16 * i16::from(log_count(count.min(255) as u8));
                    let of = |wanted: &dyn Fn(u8) -> bool| before.iter().filter(|v| wanted(**v)).count();
                    prop_assert_eq!(s.seen.of_highs()[9], log(of(&|v| v >> 4 == 9)));
                    prop_assert_eq!(s.seen.of_lows(15)[15], log(of(&|v| v == 255)));
                    let west = usize::from(level(cell(0, -1)));
                    let numbers = super::super::inputs::cell_inputs(&s, column);
                    prop_assert_eq!(numbers[0] as usize, 16 * west + usize::from(level(cell(-1, 0))));
                    let pattern = (0..9).map(|n| u32::from(cell(-1, n - 4) > 0) << n).sum::<u32>();
                    prop_assert!(numbers.contains(&(1_792 + pattern)));
                    let values = super::super::inputs::value_inputs(&s, column, &numbers);
                    let levels = |[a, b]: [(i32, i32); 2]| {
                        16 * u32::from(level(cell(a.0, a.1))) + u32::from(level(cell(b.0, b.1)))
                    };
                    let hats = |[a, b]: [(i32, i32); 2]| 16 * u32::from(hat(a.0, a.1)) + u32::from(hat(b.0, b.1));
                    let expected = [
                        levels([(0, -1), (-1, 0)]),
                        256 + levels([(0, -2), (-2, 0)]),
                        512 + levels([(-1, 0), (-1, 1)]),
                        768 + levels([(0, -1), (-1, -1)]),
                        1_024 + hats([(0, 0), (0, 1)]),
                        1_280 + hats([(1, 0), (1, 1)]),
                        1_536 + hats([(0, -1), (1, -1)]),
                        1_792 + (20 * y + x) as u32,
                        3_317 + u32::from(s.lines[column]),
                        2_549 + u32::from(cell(0, -1)),
                        2_805 + u32::from(cell(-1, 0)),
                        3_061 + u32::from(last),
                    ];
                    prop_assert_eq!(values, expected);
                    let of_row = super::super::inputs::value_row_inputs(super::super::inputs::row_inputs(&s));
                    let ink = of_rows_above.len() as u32;
                    let totals = 16 * (ink / 16).min(15) + 16 * full as u32 / (ink + 1);
                    prop_assert_eq!(of_row, [2_192 + 7, 2_293 + totals, 3_317 + u32::from(s.lines[s.y])]);
                    let hats = 3_840 + 16 * u32::from(hat(0, -1)) + u32::from(hat(1, -1));
                    prop_assert!(numbers.contains(&hats));
                    if value > 0 {
                        s.add(column, s.kind(column), value);
                        before.push(value);
                        last = value;
                    }
                }
                s.end_row();
            }
        }
    }
}
