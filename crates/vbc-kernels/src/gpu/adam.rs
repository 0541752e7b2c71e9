//! Launches of cu/adam.cu.

use candle_core::Result;

use super::{Arg, Grid, Machine, size};
use crate::adam::Constants;

/// A step of `n` values. `state` is (2, n), or (3, n) where `averaged`.
pub(crate) fn step<M: Machine>(
    machine: &M,
    theta: &mut M::InOut,
    state: &mut M::InOut,
    gradient: &M::In,
    mask: Option<&M::In>,
    (n, averaged): (usize, bool),
    c: Constants,
) -> Result<()> {
    size(&[3, n])?;
    machine.launch(
        "adam_step",
        Grid::elements(n),
        &mut [
            Arg::InOut(theta),
            Arg::InOut(state),
            Arg::In(gradient),
            Arg::In(mask.unwrap_or(gradient)),
            Arg::U32(n as u32),
            Arg::U32(mask.is_some().into()),
            Arg::U32(averaged.into()),
            Arg::F32(c.beta1),
            Arg::F32(c.beta2),
            Arg::F32(c.rate),
            Arg::F32(c.root),
            Arg::F32(c.eps),
            Arg::F32(c.scale),
            Arg::F32(c.decay),
            Arg::F32(c.bound),
        ],
    )
}

/// A step of the average of `n` values alone; `state` is (3, n).
pub(crate) fn average<M: Machine>(
    machine: &M,
    theta: &M::In,
    state: &mut M::InOut,
    n: usize,
    decay: f32,
) -> Result<()> {
    size(&[3, n])?;
    machine.launch(
        "adam_average",
        Grid::elements(n),
        &mut [Arg::In(theta), Arg::InOut(state), Arg::U32(n as u32), Arg::F32(decay)],
    )
}

/// Sums of the squares of `n` values: one for each of some blocks.
pub(crate) fn squares<M: Machine>(
    machine: &M,
    values: &M::In,
    mask: Option<&M::In>,
    n: usize,
) -> Result<M::Out> {
    /// Enough to fill a GPU, and few to add up afterwards.
    const BLOCKS: u32 = 512;
    let len = size(&[n])?;
    let grid = Grid { blocks: Grid::elements(n).blocks.min(BLOCKS), ..Grid::elements(n) };
    let mut part = machine.output(grid.blocks as usize)?;
    machine.launch(
        "sum_of_squares",
        grid,
        &mut [
            Arg::In(values),
            Arg::In(mask.unwrap_or(values)),
            Arg::Out(&mut part),
            Arg::U32(len),
            Arg::U32(mask.is_some().into()),
        ],
    )?;
    Ok(part)
}
