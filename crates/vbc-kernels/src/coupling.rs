//! The additive coupling of a NICE flow.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};

use crate::parallel;
use crate::slices::values;

/// The columns of part b of a split, the part that a coupling moves: `start`, `start + step`, … ,
/// `len` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub(crate) start: usize,
    pub(crate) step: usize,
    pub(crate) len: usize,
}

impl Part {
    /// The first half of `d` columns, without the middle one.
    pub fn first_half(d: usize) -> Self {
        Self { start: 0, step: 1, len: d / 2 }
    }

    /// The second half of `d` columns, with the middle one.
    pub fn second_half(d: usize) -> Self {
        Self { start: d / 2, step: 1, len: d - d / 2 }
    }

    /// Columns 0, 2, … of `d`.
    pub fn even(d: usize) -> Self {
        Self { start: 0, step: 2, len: d.div_ceil(2) }
    }

    /// Columns 1, 3, … of `d`.
    pub fn odd(d: usize) -> Self {
        Self { start: 1, step: 2, len: d / 2 }
    }

    /// All of `d` columns, for halves that lie in tensors of their own.
    pub fn whole(d: usize) -> Self {
        Self { start: 0, step: 1, len: d }
    }

    /// The number of columns, h.
    pub fn columns(self) -> usize {
        self.len
    }

    fn check(self, d: usize, h: usize) -> Result<()> {
        let last = self.len.checked_sub(1).map(|last| self.start + last * self.step);
        if h != self.len || last.is_some_and(|last| last >= d) {
            bail!("coupling: {h} moves for {self:?} of {d} columns");
        }
        Ok(())
    }
}

/// y (n, d): `x` (n, d) with `m` (n, h) added at the columns of `part`. All f32.
///
/// # Errors
/// Where the shapes do not fit, or the tensors are not f32 on one device.
pub fn coupling(x: &Tensor, m: &Tensor, part: Part) -> Result<Tensor> {
    x.contiguous()?.apply_op2(&m.contiguous()?, Forward { part, sign: 1.0 })
}

/// The inverse of [`coupling`]: takes `m` away.
///
/// # Errors
/// As [`coupling`].
pub fn uncoupling(y: &Tensor, m: &Tensor, part: Part) -> Result<Tensor> {
    y.contiguous()?.apply_op2(&m.contiguous()?, Forward { part, sign: -1.0 })
}

struct Forward {
    part: Part,
    sign: f32,
}

impl Forward {
    fn sizes(&self, x: &Layout, m: &Layout) -> Result<(usize, usize)> {
        let ((n, d), (rows, h)) = (x.shape().dims2()?, m.shape().dims2()?);
        if rows != n {
            bail!("coupling: moves {:?} of {:?}", m.shape(), x.shape());
        }
        self.part.check(d, h)?;
        Ok((n, d))
    }
}

impl CustomOp2 for Forward {
    fn name(&self) -> &'static str {
        "coupling"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        m: &CpuStorage,
        m_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (n, d) = self.sizes(x_layout, m_layout)?;
        let (x, m) = (values::<f32>(x, x_layout)?, values::<f32>(m, m_layout)?);
        let Part { start, step, len } = self.part;
        let y = parallel::rows(n, d, |row, y| {
            y.copy_from_slice(&x[row * d..][..d]);
            let moved = y.iter_mut().skip(start).step_by(step);
            moved.zip(&m[row * len..][..len]).for_each(|(y, m)| *y += self.sign * m);
        });
        Ok((CpuStorage::F32(y), (n, d).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &candle_core::CudaStorage,
        x_layout: &Layout,
        m: &candle_core::CudaStorage,
        m_layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        use crate::gpu::{coupling::forward, cuda};
        let (n, d) = self.sizes(x_layout, m_layout)?;
        let (gpu, x) = (cuda::Gpu::of(x), cuda::values(x, x_layout)?);
        let y = forward(&gpu, &x, &cuda::values(m, m_layout)?, (n, d), self.part, self.sign)?;
        Ok((gpu.storage(y), (n, d).into()))
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let shift = Shift { part: self.part, sign: self.sign };
        Ok((Some(grad.clone()), Some(grad.contiguous()?.apply_op1_no_bwd(&shift)?)))
    }
}

/// The gradient of m from that of y.
struct Shift {
    part: Part,
    sign: f32,
}

impl CustomOp1 for Shift {
    fn name(&self) -> &'static str {
        "coupling-shift"
    }

    fn cpu_fwd(&self, grad: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, d) = layout.shape().dims2()?;
        let grad = values::<f32>(grad, layout)?;
        let Part { start, step, len } = self.part;
        let dm = parallel::rows(n, len, |row, dm| {
            let from = grad[row * d..][..d].iter().skip(start).step_by(step);
            dm.iter_mut().zip(from).for_each(|(m, g)| *m = self.sign * g);
        });
        Ok((CpuStorage::F32(dm), (n, len).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        grad: &candle_core::CudaStorage,
        layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        use crate::gpu::{coupling::shift, cuda};
        let (n, d) = layout.shape().dims2()?;
        let (gpu, grad) = (cuda::Gpu::of(grad), cuda::values(grad, layout)?);
        let dm = shift(&gpu, &grad, (n, d), self.part, self.sign)?;
        Ok((gpu.storage(dm), (n, self.part.len).into()))
    }
}
