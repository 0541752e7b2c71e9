//! The one file with unsafe code: memory that a kernel will fill, and launches.
#![allow(unsafe_code)]

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{
    CudaSlice, CudaView, CudaViewMut, LaunchConfig, PushKernelArg,
};
use candle_core::{Result, bail};

use super::cuda::Gpu;
use super::{Arg, Grid, Machine};

/// Every kernel of cu/, as the build script compiled it.
const PTX: &str = include_str!(concat!(env!("OUT_DIR"), "/kernels.ptx"));

impl<'x> Machine for Gpu<'x> {
    type In = CudaView<'x, f32>;
    type Index = CudaView<'x, u32>;
    type Out = CudaSlice<f32>;
    type InOut = CudaViewMut<'x, f32>;

    fn output(&self, len: usize) -> Result<CudaSlice<f32>> {
        // SAFETY: the memory is not initialised, and no launch reads it before one has written all
        // of it: the tests run the same launches on the host over outputs of NaN. Any bits are an
        // f32. A length of 0 is not asked of the driver.
        unsafe { self.device.alloc::<f32>(len.max(1)) }
    }

    fn launch(&self, kernel: &'static str, grid: Grid, args: &mut [Arg<'_, Self>]) -> Result<()> {
        if PTX.starts_with("stand-in") {
            bail!("the kernels were built with the stand-in nvcc, which compiles nothing");
        }
        let function = self.device.get_or_load_custom_func(kernel, "vbc-kernels", PTX)?;
        let mut builder = function.builder();
        for arg in args {
            match arg {
                Arg::In(values) => builder.arg(&**values),
                Arg::Read(values) => builder.arg(&**values),
                Arg::Index(values) => builder.arg(&**values),
                Arg::Out(values) => builder.arg(&mut **values),
                Arg::InOut(values) => builder.arg(&mut **values),
                Arg::U32(value) => builder.arg(&*value),
                Arg::U64(value) => builder.arg(&*value),
                Arg::F32(value) => builder.arg(&*value),
            };
        }
        let config = LaunchConfig {
            grid_dim: (grid.blocks, 1, 1),
            block_dim: (grid.threads, 1, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: number, order and types of the arguments are those of the kernel, which the tests
        // check on the host for this very list. The kernels stay within the sizes that they are
        // given, and the callers have compared those with the shapes of the arrays. An array that is
        // written is borrowed mutably, so no other argument overlaps it. The stream orders launches.
        unsafe { builder.launch(config) }.w()?;
        Ok(())
    }
}
