//! A grid laid on an image.

use std::ops::Range;

use super::{Grid, Grids, LINES};

/// Rows or columns that an image with a grid has.
const IMAGE: usize = 28;
/// The line of what is outside the cells.
const OUTSIDE: u8 = LINES as u8;

/// For each row and column of the image, which line of cells it is and of which class.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub grid: Grid,
    /// What the side's classes begin at among all classes.
    first_class: u16,
    lines: [u8; LINES],
}

/// A row or column within the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its number: 0 ..= 19.
    pub number: usize,
    /// Its class among those of the side.
    pub class: usize,
}

/// The cell of a side where a row and a column of these classes cross.
#[inline(always)]
pub(crate) fn cell(a: usize, b: usize) -> usize {
    let (less, more) = (a.min(b), a.max(b));
    more * (more + 1) / 2 + less
}

impl Placed {
    pub fn new(grids: &Grids, grid: Grid) -> Self {
        let (first_class, lines) = grids.lines(usize::from(grid.side));
        Placed { grid, first_class, lines }
    }

    #[inline(always)]
    fn line(&self, at: usize, first: i8) -> Option<Line> {
        debug_assert!(at < IMAGE);
        let number = (at as i32 - i32::from(first)).clamp(-1, i32::from(OUTSIDE)) as usize;
        let class = usize::from(*self.lines.get(number)?);
        Some(Line { number, class })
    }

    /// The image's columns that have a cell in row `y`, and so the pixels there that can be ink.
    pub fn columns(&self, y: usize) -> Range<usize> {
        if self.row(y).is_none() {
            return 0..0;
        }
        let left = i32::from(self.grid.left);
        let column = |at: i32| at.clamp(0, IMAGE as i32) as usize;
        column(left)..column(left + LINES as i32)
    }

    /// The line of cells that is the image's row `y`.
    #[inline(always)]
    pub fn row(&self, y: usize) -> Option<Line> {
        self.line(y, self.grid.top)
    }

    /// The line of cells that is the image's column `x`.
    #[inline(always)]
    pub fn column(&self, x: usize) -> Option<Line> {
        self.line(x, self.grid.left)
    }

    /// The number of a class of this side among those of all sides.
    #[inline(always)]
    pub fn class(&self, line: Line) -> usize {
        usize::from(self.first_class) + line.class
    }

    /// The class of line `number` of the cells among those of the side.
    #[inline(always)]
    pub fn class_within(&self, number: usize) -> usize {
        usize::from(self.lines[number])
    }

    /// The class of line `number` of the cells among those of all sides.
    #[inline(always)]
    pub fn class_among_all(&self, number: usize) -> usize {
        usize::from(self.first_class) + self.class_within(number)
    }

    /// The cell at row `y` and column `x`, among those of the side.
    #[inline(always)]
    pub fn cell(&self, y: usize, x: usize) -> Option<usize> {
        Some(cell(self.row(y)?.class, self.column(x)?.class))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SPEC.md section 6.8.1: a side of k classes has k (k + 1) / 2 cells, whichever line is the row.
    #[test]
    fn cells_are_counted_by_pairs_of_classes() {
        for classes in 1..=LINES {
            let pairs = (0..classes).flat_map(|a| (a..classes).map(move |b| (a, b)));
            let mut cells: Vec<usize> = pairs.clone().map(|(a, b)| cell(a, b)).collect();
            cells.sort_unstable();
            assert!(cells.into_iter().eq(0..classes * (classes + 1) / 2), "{classes} classes");
            assert!(pairs.into_iter().all(|(a, b)| cell(a, b) == cell(b, a)));
        }
        assert_eq!([cell(0, 0), cell(1, 0), cell(1, 1), cell(0, 2)], [0, 1, 2, 3]);
    }

    #[test]
    fn lines_are_those_of_the_cells() {
        for (top, left) in (-3..=12).flat_map(|top| (-3..=12).map(move |left| (top, left))) {
            let grid = Grid { side: 7, top, left };
            let lines = std::array::from_fn(|line| (line % 3) as u8);
            let placed = Placed { grid, first_class: 50, lines };
            for at in 0..IMAGE {
                let inside = |first: i8| {
                    let number = at as i32 - i32::from(first);
                    let number = usize::try_from(number).ok().filter(|&number| number < LINES);
                    number.map(|number| Line { number, class: number % 3 })
                };
                assert_eq!(placed.row(at), inside(top));
                assert_eq!(placed.column(at), inside(left));
                let classes = inside(top).zip(inside(left));
                for x in 0..IMAGE {
                    assert_eq!(placed.columns(at).contains(&x), placed.cell(at, x).is_some());
                }
                assert_eq!(placed.cell(at, at), classes.map(|(a, b)| cell(a.class, b.class)));
                assert!(inside(top).is_none_or(|line| placed.class(line) == 50 + line.class));
            }
        }
    }
}
