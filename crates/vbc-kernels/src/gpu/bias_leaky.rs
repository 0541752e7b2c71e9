//! Launches of cu/bias_leaky.cu.

use candle_core::Result;

use super::{Arg, Grid, Machine, size};
use crate::bias_leaky::{Leaky, TILE};

/// y (n, o) from x (n, o) and bias (o).
pub(crate) fn forward<M: Machine>(
    machine: &M,
    x: &M::In,
    bias: &M::In,
    (n, o): (usize, usize),
    act: Leaky,
) -> Result<M::Out> {
    let len = size(&[n, o])?;
    let mut y = machine.output(len as usize)?;
    machine.launch(
        "bias_leaky_forward",
        Grid::elements(n * o),
        &mut [
            Arg::In(x),
            Arg::In(bias),
            Arg::Out(&mut y),
            Arg::U32(size(&[n])?),
            Arg::U32(size(&[o])?),
            Arg::F32(act.slope),
            Arg::F32(act.max),
        ],
    )?;
    Ok(y)
}

/// The gradients of x and, as one more row, of the bias: (n + 1, o).
pub(crate) fn backward<M: Machine>(
    machine: &M,
    y: &M::In,
    grad: &M::In,
    (n, o): (usize, usize),
    act: Leaky,
) -> Result<M::Out> {
    let len = size(&[n + 1, o])?;
    let tiles = n.div_ceil(TILE);
    let (rows, columns) = (size(&[n])?, size(&[o])?);
    let mut dx = machine.output(len as usize)?;
    let mut part = machine.output(tiles * o)?;
    machine.launch(
        "bias_leaky_backward",
        Grid::elements(tiles * o),
        &mut [
            Arg::In(y),
            Arg::In(grad),
            Arg::Out(&mut dx),
            Arg::Out(&mut part),
            Arg::U32(rows),
            Arg::U32(columns),
            Arg::U32(TILE as u32),
            Arg::F32(act.slope),
            Arg::F32(act.max),
        ],
    )?;
    machine.launch(
        "bias_leaky_total",
        Grid::elements(o),
        &mut [
            Arg::Read(&part),
            Arg::Out(&mut dx),
            Arg::U32(rows),
            Arg::U32(columns),
            Arg::U32(tiles as u32),
        ],
    )?;
    Ok(dx)
}
