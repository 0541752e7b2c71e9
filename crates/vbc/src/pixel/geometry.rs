//! Which pixels a pixel looks at (SPEC.md section 6.2).

/// Rows above that the window covers.
pub(crate) const WINDOW_ROWS: i32 = 4;
/// Columns to the left (and, in rows above, to the right) that the window covers.
pub(crate) const WINDOW_COLUMNS: i32 = 6;

/// Neighbours in the current row: −1 to −6 columns.
pub(crate) const LEFT: usize = WINDOW_COLUMNS as usize;
/// Columns of a row above that the window covers.
pub(crate) const ABOVE_WIDTH: usize = 2 * WINDOW_COLUMNS as usize + 1;
/// Neighbours in rows above: row −1 from left to right, then row −2, …
pub(crate) const ABOVE: usize = WINDOW_ROWS as usize * ABOVE_WIDTH;
/// Rows and columns around a pixel where x̂ is looked at.
pub(crate) const PREVIEW_REACH: usize = 4;

/// Neighbours above whose nibbles are inputs, nearest first.
pub(crate) const NEAR_ABOVE: [(i32, i32); 6] =
    [(-1, 0), (-1, -1), (-1, 1), (-2, 0), (-1, -2), (-1, 2)];

/// Neighbours to the left whose nibbles are inputs.
pub(crate) const NEAR_LEFT: [(i32, i32); 2] = [(0, -1), (0, -2)];

/// Neighbours whose values the copy head can take, and how often whose values were seen is an input.
pub(crate) const COPY_NEAR: [(i32, i32); 8] =
    [(0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0), (-1, -2), (-1, 2)];

/// Points of x̂ around the pixel beyond the 5 × 5 nearest, which come first, in raster order.
pub(crate) const PATCH_FAR: [(i32, i32); 8] =
    [(-4, -4), (-4, 0), (-4, 4), (0, -4), (0, 4), (4, -4), (4, 0), (4, 4)];

/// Points of x̂ around the pixel.
pub(crate) const PATCH: usize = 25 + PATCH_FAR.len();

/// How far a pixel looks for ink to see whether it has context: no farther than the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Rows above.
    pub rows: usize,
    /// Columns to the left and, in the rows above, to the right.
    pub columns: usize,
}

impl Reach {
    /// `RxC` of SPEC.md section 9.1; `None` where it is none or beyond the window.
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |text: &str, most: i32| {
            let number = text.parse().ok().filter(|n| (1..=most as usize).contains(n))?;
            (text.len() == 1).then_some(number)
        };
        let (rows, columns) = text.split_once('x')?;
        let columns = digit(columns, WINDOW_COLUMNS)?;
        Some(Reach { rows: digit(rows, WINDOW_ROWS)?, columns })
    }
}
