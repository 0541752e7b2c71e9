//! Plain slices of candle's tensors.

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor, bail};

/// The elements of a contiguous f32 storage, in row-major order.
pub(crate) fn with_layout<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let values = storage.as_slice::<f32>()?;
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(&values[from..to]),
        None => bail!("expected a contiguous tensor, got {layout:?}"),
    }
}

/// Calls `f` with the elements of a contiguous f32 tensor on the CPU, in row-major order.
pub(crate) fn with_f32<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => f(with_layout(storage, layout)?),
        _ => bail!("expected a tensor on the CPU"),
    }
}
