//! Launches of cu/redundancy.cu.

use candle_core::Result;

use super::{Arg, BLOCK, Grid, Machine, size};

/// The sizes of a squeeze: n images, groups of c values, and the factor of squared deviations.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) n: usize,
    pub(crate) groups: usize,
    pub(crate) c: usize,
    pub(crate) factor: f32,
}

impl Sizes {
    /// Threads that share a group: no more than it has values, and no more than a warp.
    fn lanes(self) -> u32 {
        const WARP: u32 = 32;
        let c = u32::try_from(self.c).unwrap_or(BLOCK).max(1);
        (1 << c.ilog2()).min(WARP)
    }
}

/// Means and redundancy (n, groups + 1) of y (n, d), with the columns of each group's values.
pub(crate) fn forward<M: Machine>(
    machine: &M,
    y: &M::In,
    columns: &M::Index,
    s: Sizes,
) -> Result<M::Out> {
    size(&[s.n, s.groups, s.c])?;
    let mut out = machine.output(size(&[s.n, s.groups + 1])? as usize)?;
    machine.launch(
        "redundancy_forward",
        Grid::blocks(s.n),
        &mut [
            Arg::In(y),
            Arg::Index(columns),
            Arg::Out(&mut out),
            Arg::U32(size(&[s.n])?),
            Arg::U32(size(&[s.groups])?),
            Arg::U32(size(&[s.c])?),
            Arg::U32(s.lanes()),
            Arg::F32(s.factor),
        ],
    )?;
    Ok(out)
}

/// The gradient of y, with the group of each column, the forward result and its gradient.
pub(crate) fn backward<M: Machine>(
    machine: &M,
    y: &M::In,
    group_of: &M::Index,
    result: &M::In,
    grad: &M::In,
    s: Sizes,
) -> Result<M::Out> {
    let mut dy = machine.output(size(&[s.n, s.groups, s.c])? as usize)?;
    machine.launch(
        "redundancy_backward",
        Grid::elements(s.n * s.groups * s.c),
        &mut [
            Arg::In(y),
            Arg::Index(group_of),
            Arg::In(result),
            Arg::In(grad),
            Arg::Out(&mut dy),
            Arg::U32(size(&[s.n])?),
            Arg::U32(size(&[s.groups])?),
            Arg::U32(size(&[s.c])?),
            Arg::F32(s.factor),
        ],
    )?;
    Ok(dy)
}
