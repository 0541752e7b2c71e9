//! Which pixels a pixel looks at (SPEC.md section 6.2).

/// Rows above that the window covers.
pub(crate) const WINDOW_ROWS: i32 = 4;
/// Columns to the left (and, in rows above, to the right) that the window covers.
pub(crate) const WINDOW_COLUMNS: i32 = 6;

/// Neighbours in the current row: −1 to −6 columns.
pub(crate) const LEFT: usize = WINDOW_COLUMNS as usize;
/// Neighbours in rows above.
pub(crate) const ABOVE: usize = (WINDOW_ROWS * (2 * WINDOW_COLUMNS + 1)) as usize;

/// (dy, dx) of the neighbours above: row −1 from left to right, then row −2, …
pub(crate) const fn above() -> [(i32, i32); ABOVE] {
    let mut out = [(0, 0); ABOVE];
    let mut k = 0;
    while k < ABOVE {
        let width = 2 * WINDOW_COLUMNS + 1;
        out[k] = (-(k as i32 / width) - 1, k as i32 % width - WINDOW_COLUMNS);
        k += 1;
    }
    out
}

/// Neighbours above whose nibbles are inputs, nearest first.
pub(crate) const NEAR_ABOVE: [(i32, i32); 10] =
    [(-1, 0), (-1, -1), (-1, 1), (-2, 0), (-1, -2), (-1, 2), (-2, -1), (-2, 1), (-2, -2), (-2, 2)];

/// Neighbours to the left whose nibbles are inputs.
pub(crate) const NEAR_LEFT: [(i32, i32); 2] = [(0, -1), (0, -2)];

/// Neighbours whose values the copy head can take, and how often whose values were seen is an input.
pub(crate) const COPY_NEAR: [(i32, i32); 8] =
    [(0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0), (-1, -2), (-1, 2)];

/// Points of x̂ around the pixel: 5 × 5, and eight far ones.
pub(crate) const PATCH: [(i32, i32); 33] = {
    let mut out = [(0, 0); 33];
    let mut k = 0;
    while k < 25 {
        out[k] = (k as i32 / 5 - 2, k as i32 % 5 - 2);
        k += 1;
    }
    let far = [(-4, -4), (-4, 0), (-4, 4), (0, -4), (0, 4), (4, -4), (4, 0), (4, 4)];
    while k < 33 {
        out[k] = far[k - 25];
        k += 1;
    }
    out
};
