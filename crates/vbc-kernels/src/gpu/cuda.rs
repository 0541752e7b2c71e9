//! candle's GPU as a [`Machine`](super::Machine), and its storages as what kernels take.

use candle_core::backend::BackendStorage;
use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, CudaViewMut};
use candle_core::{CudaStorage, Layout, Result, Storage, bail};

/// The GPU on which a storage lies.
pub(crate) struct Gpu<'x> {
    pub(super) device: CudaDevice,
    // The views that a launch gets borrow from storages that live so long.
    pub(super) operands: std::marker::PhantomData<&'x CudaStorage>,
}

impl Gpu<'_> {
    pub(crate) fn of(storage: &CudaStorage) -> Self {
        Self { device: storage.device().clone(), operands: std::marker::PhantomData }
    }

    /// What kernels made, as candle's.
    pub(crate) fn storage(&self, values: CudaSlice<f32>) -> CudaStorage {
        CudaStorage::wrap_cuda_slice(values, self.device.clone())
    }

    /// What kernels made, on the host.
    pub(crate) fn read(&self, values: &CudaSlice<f32>) -> Result<Vec<f32>> {
        self.device.clone_dtoh(values)
    }
}

fn range(layout: &Layout) -> Result<std::ops::Range<usize>> {
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(from..to),
        None => bail!("expected a contiguous tensor, got {layout:?}"),
    }
}

/// The elements of a contiguous f32 storage.
pub(crate) fn values<'a>(storage: &'a CudaStorage, layout: &Layout) -> Result<CudaView<'a, f32>> {
    Ok(storage.as_cuda_slice::<f32>()?.slice(range(layout)?))
}

/// The elements of a contiguous f32 storage, to be changed.
pub(crate) fn values_mut<'a>(
    storage: &'a mut CudaStorage,
    layout: &Layout,
) -> Result<CudaViewMut<'a, f32>> {
    Ok(storage.as_cuda_slice_mut::<f32>()?.slice_mut(range(layout)?))
}

/// The elements of a contiguous u32 storage.
pub(crate) fn indices<'a>(storage: &'a CudaStorage, layout: &Layout) -> Result<CudaView<'a, u32>> {
    Ok(storage.as_cuda_slice::<u32>()?.slice(range(layout)?))
}

/// The storage of a tensor that an operation holds, where the operation runs on a GPU.
pub(crate) fn on_gpu(storage: &Storage) -> Result<&CudaStorage> {
    match storage {
        Storage::Cuda(storage) => Ok(storage),
        _ => bail!("an operand is on another device than the rest"),
    }
}
