//! Launches of cu/coupling.cu.

use candle_core::Result;

use super::{Arg, Grid, Machine, size};
use crate::coupling::Part;

/// y (n, d) from x (n, d) and m (n, h).
pub(crate) fn forward<M: Machine>(
    machine: &M,
    x: &M::In,
    m: &M::In,
    (n, d): (usize, usize),
    part: Part,
    sign: f32,
) -> Result<M::Out> {
    let mut y = machine.output(size(&[n, d])? as usize)?;
    let [rows, columns, rest @ ..] = sizes(n, d, part)?;
    let [h, start, step] = rest;
    machine.launch(
        "coupling_forward",
        Grid::elements(n * d),
        &mut [
            Arg::In(x),
            Arg::In(m),
            Arg::Out(&mut y),
            Arg::U32(rows),
            Arg::U32(columns),
            Arg::U32(h),
            Arg::U32(start),
            Arg::U32(step),
            Arg::F32(sign),
        ],
    )?;
    Ok(y)
}

/// The gradient of m (n, h) from that of y (n, d).
pub(crate) fn shift<M: Machine>(
    machine: &M,
    grad: &M::In,
    (n, d): (usize, usize),
    part: Part,
    sign: f32,
) -> Result<M::Out> {
    let mut dm = machine.output(size(&[n, part.len])? as usize)?;
    let [rows, columns, rest @ ..] = sizes(n, d, part)?;
    let [h, start, step] = rest;
    machine.launch(
        "coupling_shift",
        Grid::elements(n * part.len),
        &mut [
            Arg::In(grad),
            Arg::Out(&mut dm),
            Arg::U32(rows),
            Arg::U32(columns),
            Arg::U32(h),
            Arg::U32(start),
            Arg::U32(step),
            Arg::F32(sign),
        ],
    )?;
    Ok(dm)
}

fn sizes(n: usize, d: usize, part: Part) -> Result<[u32; 5]> {
    Ok([size(&[n])?, size(&[d])?, size(&[part.len])?, size(&[part.start])?, size(&[part.step])?])
}
