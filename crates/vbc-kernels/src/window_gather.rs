//! Values of images around given pixels, as a network's inputs.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use crate::parallel;
use crate::slices::{values, with_values};
use crate::window::{Sizes, Window};

/// The values of `images` (n, height, width) f32 at the window's offsets from each of its pixels:
/// (rows, k), 0 outside an image.
///
/// The gradient is a gather as well: each value of an image adds up, in f64, what the rows that
/// looked at it got, by offset and then by row. So it is the same at every run.
///
/// # Errors
/// Where the window is for another shape, or `images` is not f32 on the window's device.
pub fn window_gather(images: &Tensor, window: &Window) -> Result<Tensor> {
    images.contiguous()?.apply_op1(Forward { window: window.clone() })
}

/// (y, x) moved by an offset as [`Window`] stores it, if it is still inside.
fn moved(s: Sizes, place: usize, [dy, dx]: [u32; 2], sign: i64) -> Option<usize> {
    let to = |from: usize, by: u32, end: usize| {
        let to = from as i64 + sign * i64::from(by.cast_signed());
        usize::try_from(to).ok().filter(|&to| to < end)
    };
    let y = to(place / s.width, dy, s.height)?;
    Some(y * s.width + to(place % s.width, dx, s.width)?)
}

struct Forward {
    window: Window,
}

impl Forward {
    fn check(&self, images: &Layout) -> Result<()> {
        let s = self.window.sizes;
        if images.shape().dims3()? != (s.n, s.height, s.width) {
            bail!("window-gather: images {:?} with a window for {s:?}", images.shape());
        }
        Ok(())
    }
}

impl CustomOp1 for Forward {
    fn name(&self) -> &'static str {
        "window-gather"
    }

    fn cpu_fwd(&self, images: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.check(layout)?;
        let images = values::<f32>(images, layout)?;
        let s = self.window.sizes;
        let area = s.height * s.width;
        let out = with_values::<u32, _>(&self.window.cells, |cells| {
            with_values::<u32, _>(&self.window.offsets, |offsets| {
                let (offsets, _) = offsets.as_chunks::<2>();
                Ok(parallel::rows(s.rows, s.k, |row, out| {
                    let cell = cells[row] as usize;
                    let (place, base) = (cell % area, cell - cell % area);
                    for (out, &offset) in out.iter_mut().zip(offsets) {
                        *out = moved(s, place, offset, 1).map_or(0.0, |to| images[base + to]);
                    }
                }))
            })
        })?;
        Ok((CpuStorage::F32(out), (s.rows, s.k).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        images: &candle_core::CudaStorage,
        layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        use crate::gpu::{cuda, window_gather};
        self.check(layout)?;
        let s = self.window.sizes;
        let (gpu, images) = (cuda::Gpu::of(images), cuda::values(images, layout)?);
        let (storage, table) = self.window.cells.storage_and_layout();
        let cells = cuda::indices(cuda::on_gpu(&storage)?, table)?;
        let (storage, table) = self.window.offsets.storage_and_layout();
        let offsets = cuda::indices(cuda::on_gpu(&storage)?, table)?;
        let out = window_gather::forward(&gpu, &images, &cells, &offsets, s)?;
        Ok((gpu.storage(out), (s.rows, s.k).into()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let op = Backward { window: self.window.clone() };
        Ok(Some(grad.contiguous()?.apply_op1_no_bwd(&op)?))
    }
}

/// The gradient of the images.
struct Backward {
    window: Window,
}

impl CustomOp1 for Backward {
    fn name(&self) -> &'static str {
        "window-gather-backward"
    }

    fn cpu_fwd(&self, grad: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let grad = values::<f32>(grad, layout)?;
        let w = &self.window;
        let s = w.sizes;
        let images = with_values(&w.offsets, |offsets| {
            with_values(&w.start, |start| {
                with_values(&w.row_of, |row_of| Ok(gather_back(grad, s, offsets, start, row_of)))
            })
        })?;
        Ok((CpuStorage::F32(images), (s.n, s.height, s.width).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        grad: &candle_core::CudaStorage,
        layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        use crate::gpu::{cuda, window_gather};
        let s = self.window.sizes;
        let (gpu, grad) = (cuda::Gpu::of(grad), cuda::values(grad, layout)?);
        let (storage, table) = self.window.offsets.storage_and_layout();
        let offsets = cuda::indices(cuda::on_gpu(&storage)?, table)?;
        let (storage, table) = self.window.start.storage_and_layout();
        let start = cuda::indices(cuda::on_gpu(&storage)?, table)?;
        let (storage, table) = self.window.row_of.storage_and_layout();
        let row_of = cuda::indices(cuda::on_gpu(&storage)?, table)?;
        let images = window_gather::backward(&gpu, &grad, &offsets, &start, &row_of, s)?;
        Ok((gpu.storage(images), (s.n, s.height, s.width).into()))
    }
}

/// What each value of the images got through the rows that looked at it.
fn gather_back(grad: &[f32], s: Sizes, offsets: &[u32], start: &[u32], row_of: &[u32]) -> Vec<f32> {
    let area = s.height * s.width;
    let (offsets, _) = offsets.as_chunks::<2>();
    parallel::elements(s.cells(), |first, values| {
        for (cell, value) in (first..).zip(values) {
            let (place, base) = (cell % area, cell - cell % area);
            let mut sum = 0.0f64;
            for (j, &offset) in offsets.iter().enumerate() {
                let Some(pixel) = moved(s, place, offset, -1) else { continue };
                let pixel = base + pixel;
                for &row in &row_of[start[pixel] as usize..start[pixel + 1] as usize] {
                    sum += f64::from(grad[row as usize * s.k + j]);
                }
            }
            *value = sum as f32;
        }
    })
}
