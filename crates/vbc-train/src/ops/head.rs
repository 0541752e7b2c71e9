//! The code length of a nibble from a head's outputs: logits, gated counts, copies.

use std::f32::consts::LN_2;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use super::cross_entropy::{row, row_bits, sum};
use super::{fast, with_f32};

const SYMBOLS: usize = 16;

/// What a batch of n pixels tells a head besides the network's outputs.
#[derive(Debug, Default)]
pub struct HeadBatch {
    /// Number of gates.
    pub gates: usize,
    /// `[n][gate][symbol]`: functions of the counts.
    pub features: Vec<f32>,
    /// `[n][copy]`: the symbol a copy stands for, or [`NO_COPY`].
    pub copies: Vec<u8>,
    /// The symbols, n of them.
    pub targets: Vec<u8>,
}

/// A copy that stands for no symbol.
pub const NO_COPY: u8 = 255;

impl HeadBatch {
    /// Appends pixels of a head of as many gates.
    pub fn append(&mut self, more: HeadBatch) {
        self.features.extend(more.features);
        self.copies.extend(more.copies);
        self.targets.extend(more.targets);
    }

    fn copies_per_row(&self) -> usize {
        self.copies.len() / self.targets.len().max(1)
    }

    /// The 16 logits of row `r` from its outputs.
    fn logits(&self, r: usize, out: &[f32]) -> [f32; SYMBOLS] {
        let mut logits: [f32; SYMBOLS] = std::array::from_fn(|v| out[v]);
        for (j, f) in self.row_features(r).as_chunks::<SYMBOLS>().0.iter().enumerate() {
            let gate = out[SYMBOLS + j];
            logits.iter_mut().zip(f).for_each(|(l, f)| *l += gate * f);
        }
        for (n, &symbol) in self.row_copies(r).iter().enumerate() {
            if symbol != NO_COPY {
                logits[usize::from(symbol)] += out[SYMBOLS + self.gates + n];
            }
        }
        logits
    }

    /// `[n][gate and copy][symbol]`: what each output beyond the logits weighs. That of a copy is 1 at
    /// its symbol.
    fn functions(&self) -> Vec<f32> {
        let width = (self.gates + self.copies_per_row()) * SYMBOLS;
        let mut functions = Vec::with_capacity(self.targets.len() * width);
        for r in 0..self.targets.len() {
            functions.extend_from_slice(self.row_features(r));
            for &copy in self.row_copies(r) {
                functions.extend((0..SYMBOLS).map(|v| f32::from(u8::from(v == usize::from(copy)))));
            }
        }
        functions
    }

    fn row_features(&self, r: usize) -> &[f32] {
        &self.features[r * self.gates * SYMBOLS..(r + 1) * self.gates * SYMBOLS]
    }

    fn row_copies(&self, r: usize) -> &[u8] {
        let n = self.copies_per_row();
        &self.copies[r * n..(r + 1) * n]
    }
}

/// The code length in bits of all targets, a scalar. `out` is (n, 16 + gates + copies) f32: logits to
/// the base 2, the weight of each count function, the weight of each copy. The sum is kept in f64.
///
/// # Errors
/// Where the shapes do not fit or `out` is not contiguous f32.
pub fn head_nll(out: &Tensor, batch: &HeadBatch) -> Result<Tensor> {
    let width = SYMBOLS + batch.gates + batch.copies_per_row();
    if out.dims() != [batch.targets.len(), width] {
        bail!("head-nll: outputs {:?} for {} targets of {width}", out.dims(), batch.targets.len());
    }
    if !fast(out) {
        return composed(out, batch);
    }
    let (bits, grad) = with_f32(out, |x| {
        let mut total = 0.0f64;
        let mut grad = vec![0.0f32; x.len()];
        for (r, (x, g)) in x.chunks_exact(width).zip(grad.chunks_exact_mut(width)).enumerate() {
            let target = batch.targets[r];
            // Bits and logits are both to the base 2, as nats and logits in nats are to the base e.
            let (bits, d) = row(&batch.logits(r, x).map(|l| l * LN_2), target);
            total += f64::from(bits);
            g[..SYMBOLS].copy_from_slice(&d);
            for (j, f) in batch.row_features(r).as_chunks::<SYMBOLS>().0.iter().enumerate() {
                g[SYMBOLS + j] = d.iter().zip(f).map(|(d, f)| d * f).sum();
            }
            for (n, &symbol) in batch.row_copies(r).iter().enumerate() {
                if symbol != NO_COPY {
                    g[SYMBOLS + batch.gates + n] = d[usize::from(symbol)];
                }
            }
        }
        Ok((total, grad))
    })?;
    out.apply_op1(HeadNll { bits: bits as f32, grad })
}

/// [`head_nll`] on any device, for shapes that fit.
fn composed(out: &Tensor, batch: &HeadBatch) -> Result<Tensor> {
    let (n, weights) = (batch.targets.len(), batch.gates + batch.copies_per_row());
    let mut logits = out.narrow(1, 0, SYMBOLS)?;
    if weights > 0 {
        let functions = Tensor::from_vec(batch.functions(), (n, weights, SYMBOLS), out.device())?;
        let weights = out.narrow(1, SYMBOLS, weights)?.unsqueeze(2)?;
        logits = (logits + functions.broadcast_mul(&weights)?.sum(1)?)?;
    }
    sum(row_bits(&(logits * f64::from(LN_2))?, &batch.targets)?)
}

struct HeadNll {
    bits: f32,
    grad: Vec<f32>,
}

impl CustomOp1 for HeadNll {
    fn name(&self) -> &'static str {
        "head-nll"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![self.bits]), Shape::from(())))
    }

    fn bwd(&self, out: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let scale = grad.to_scalar::<f32>()?;
        let g = self.grad.iter().map(|g| g * scale).collect();
        Ok(Some(Tensor::from_vec(g, out.shape(), out.device())?))
    }
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
