//! Launches of cu/window_gather.cu.

use candle_core::Result;

use super::{Arg, Grid, Machine, size};
use crate::window::Sizes;

/// The values (rows, k) at the offsets from each row's cell.
pub(crate) fn forward<M: Machine>(
    machine: &M,
    images: &M::In,
    cells: &M::Index,
    offsets: &M::Index,
    s: Sizes,
) -> Result<M::Out> {
    let [n, height, width, rows, k] = words(s)?;
    let mut out = machine.output(s.rows * s.k)?;
    machine.launch(
        "window_gather_forward",
        Grid::elements(s.rows * s.k),
        &mut [
            Arg::In(images),
            Arg::Index(cells),
            Arg::Index(offsets),
            Arg::Out(&mut out),
            Arg::U32(n),
            Arg::U32(height),
            Arg::U32(width),
            Arg::U32(rows),
            Arg::U32(k),
        ],
    )?;
    Ok(out)
}

/// The images' gradient (n, height, width); `start` and `row_of` list the rows of each cell.
pub(crate) fn backward<M: Machine>(
    machine: &M,
    grad: &M::In,
    offsets: &M::Index,
    start: &M::Index,
    row_of: &M::Index,
    s: Sizes,
) -> Result<M::Out> {
    let [n, height, width, rows, k] = words(s)?;
    let mut images = machine.output(s.cells())?;
    machine.launch(
        "window_gather_backward",
        Grid::elements(s.cells()),
        &mut [
            Arg::In(grad),
            Arg::Index(offsets),
            Arg::Index(start),
            Arg::Index(row_of),
            Arg::Out(&mut images),
            Arg::U32(n),
            Arg::U32(height),
            Arg::U32(width),
            Arg::U32(rows),
            Arg::U32(k),
        ],
    )?;
    Ok(images)
}

fn words(s: Sizes) -> Result<[u32; 5]> {
    size(&[s.n, s.height, s.width])?;
    size(&[s.rows, s.k])?;
    Ok([s.n, s.height, s.width, s.rows, s.k].map(|s| s as u32))
}
