//! What is kept from one step to the next.

use candle_core::{DType, Result, Tensor, bail};

/// What a parameter's steps keep: the moments, the values' running average if wanted, and a mask.
#[derive(Debug)]
pub struct AdamState {
    /// (2, n), the moments, or (3, n) with the average.
    pub(super) packed: Tensor,
    pub(super) mask: Option<Tensor>,
    pub(super) updates: u64,
}

impl AdamState {
    /// Moments of 0 for `theta` f32 of any shape; `averaged` starts an average at its values. `mask`
    /// (of the same shape, f32) multiplies the values after each step.
    ///
    /// # Errors
    /// Where `theta` or the mask is not f32, their shapes differ, or a tensor cannot be made.
    pub fn new(theta: &Tensor, averaged: bool, mask: Option<&Tensor>) -> Result<Self> {
        if theta.dtype() != DType::F32 {
            bail!("adam: a parameter of type {:?}", theta.dtype());
        }
        let n = theta.elem_count();
        let moments = Tensor::zeros((2, n), DType::F32, theta.device())?;
        let packed = if averaged {
            let average = theta.detach().reshape((1, n))?;
            Tensor::cat(&[&moments, &average], 0)?
        } else {
            moments
        };
        let mask = match mask {
            Some(mask) if mask.shape() != theta.shape() || mask.dtype() != DType::F32 => {
                bail!("adam: mask {:?} of a parameter {:?}", mask.shape(), theta.shape())
            }
            Some(mask) => Some(mask.detach().to_device(theta.device())?.contiguous()?),
            None => None,
        };
        Ok(Self { packed, mask, updates: 0 })
    }

    /// A state as [`packed`](Self::packed) and [`updates`](Self::updates) gave it.
    ///
    /// # Errors
    /// As [`new`](Self::new), and where `packed` has not 2 or 3 rows of as many elements.
    pub fn restore(
        theta: &Tensor,
        packed: &Tensor,
        updates: u64,
        mask: Option<&Tensor>,
    ) -> Result<Self> {
        let (rows, n) = packed.dims2()?;
        if !(2..=3).contains(&rows) || n != theta.elem_count() || packed.dtype() != DType::F32 {
            bail!("adam: state {:?} of a parameter {:?}", packed.shape(), theta.shape());
        }
        // A copy: steps write into it.
        let packed = packed.detach().to_device(theta.device())?.force_contiguous()?;
        Ok(Self { packed, updates, ..Self::new(theta, false, mask)? })
    }

    /// First moments, second moments and, if there is one, the average: (2, n) or (3, n) f32. The
    /// next step changes the tensor.
    pub fn packed(&self) -> &Tensor {
        &self.packed
    }

    /// The running average of the values (n), if there is one; the next step changes it.
    ///
    /// # Errors
    /// Where candle cannot make the view.
    pub fn average(&self) -> Result<Option<Tensor>> {
        let averaged = self.averaged().then(|| self.packed.narrow(0, 2, 1)?.flatten_all());
        averaged.transpose()
    }

    /// Steps made with a gradient.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// What multiplies the values after each step.
    pub fn mask(&self) -> Option<&Tensor> {
        self.mask.as_ref()
    }

    pub(super) fn averaged(&self) -> bool {
        self.packed.dims()[0] == 3
    }
}
