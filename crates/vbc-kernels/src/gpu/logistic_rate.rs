//! Launches of cu/logistic_rate.cu.

use candle_core::Result;

use super::{Arg, Grid, Machine, size};
use crate::straight_through::Rounding;

/// Bits of `n` values.
pub(crate) fn forward<M: Machine>(
    machine: &M,
    [z, mean, log_scale]: [&M::In; 3],
    n: usize,
) -> Result<M::Out> {
    let len = size(&[n])?;
    let mut bits = machine.output(n)?;
    machine.launch(
        "logistic_rate_forward",
        Grid::elements(n),
        &mut [Arg::In(z), Arg::In(mean), Arg::In(log_scale), Arg::Out(&mut bits), Arg::U32(len)],
    )?;
    Ok(bits)
}

/// The gradients of z, mean and log-scale, as rows: (3, n).
pub(crate) fn backward<M: Machine>(
    machine: &M,
    [z, mean, log_scale]: [&M::In; 3],
    grad: &M::In,
    n: usize,
) -> Result<M::Out> {
    let len = size(&[3, n])? / 3;
    let mut out = machine.output(3 * n)?;
    machine.launch(
        "logistic_rate_backward",
        Grid::elements(n),
        &mut [
            Arg::In(z),
            Arg::In(mean),
            Arg::In(log_scale),
            Arg::In(grad),
            Arg::Out(&mut out),
            Arg::U32(len),
        ],
    )?;
    Ok(out)
}

/// `n` values, rounded or with noise.
pub(crate) fn rounding<M: Machine>(
    machine: &M,
    z: &M::In,
    n: usize,
    rounding: Rounding,
) -> Result<M::Out> {
    let len = size(&[n])?;
    let mut out = machine.output(n)?;
    let grid = Grid::elements(n);
    match rounding {
        Rounding::Nearest => machine.launch(
            "round_forward",
            grid,
            &mut [Arg::In(z), Arg::Out(&mut out), Arg::U32(len)],
        )?,
        Rounding::Noise { seed } => machine.launch(
            "noise_forward",
            grid,
            &mut [Arg::In(z), Arg::Out(&mut out), Arg::U32(len), Arg::U64(seed)],
        )?,
    }
    Ok(out)
}
