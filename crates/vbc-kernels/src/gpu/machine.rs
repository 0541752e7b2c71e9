//! What a launch needs to know of where it runs.

use candle_core::{Result, bail};

/// Threads of a block; `VBC_BLOCK` of cu/vbc.cuh is as large.
pub(crate) const BLOCK: u32 = 256;

/// Blocks at most: kernels stride over the grid, so more would only cost launches.
const BLOCKS: usize = 1 << 15;

/// Runs kernels.
pub(crate) trait Machine {
    /// Values to read.
    type In;
    /// Indices to read.
    type Index;
    /// Values that a kernel makes.
    type Out;
    /// Values that a kernel changes.
    type InOut;

    /// Room for `len` values, of which kernels must write every one.
    fn output(&self, len: usize) -> Result<Self::Out>;

    /// Runs a kernel of cu/ with the arguments in the order of its parameters.
    fn launch(&self, kernel: &'static str, grid: Grid, args: &mut [Arg<'_, Self>]) -> Result<()>;
}

/// An argument of a kernel.
pub(crate) enum Arg<'a, M: Machine + ?Sized> {
    /// `const float*`
    In(&'a M::In),
    /// `const float*`, what an earlier launch made
    Read(&'a M::Out),
    /// `const unsigned*`
    Index(&'a M::Index),
    /// `float*`, written
    Out(&'a mut M::Out),
    /// `float*`, read and written
    InOut(&'a mut M::InOut),
    /// `unsigned`
    U32(u32),
    /// `unsigned long long`
    U64(u64),
    /// `float`
    F32(f32),
}

/// The shape of a launch.
#[derive(Clone, Copy)]
pub(crate) struct Grid {
    pub(crate) blocks: u32,
    pub(crate) threads: u32,
}

impl Grid {
    /// A thread for each of `n` elements.
    pub(crate) fn elements(n: usize) -> Self {
        Self::blocks(n.div_ceil(BLOCK as usize))
    }

    /// As many blocks, or a few less than that if they are very many.
    pub(crate) fn blocks(n: usize) -> Self {
        Self { blocks: n.clamp(1, BLOCKS) as u32, threads: BLOCK }
    }
}

/// A product of sizes as a kernel takes it: below 2³¹.
pub(crate) fn size(factors: &[usize]) -> Result<u32> {
    let product = factors.iter().try_fold(1usize, |p, &f| p.checked_mul(f));
    match product.and_then(|p| i32::try_from(p).ok()) {
        Some(p) => Ok(p as u32),
        None => bail!("{factors:?} elements are more than a kernel counts"),
    }
}
