//! An ordered store of named parameters with all the state that belongs to each.

use candle_core::{Result, Tensor, Var, bail};

use super::pass::SwapWith;
use crate::ops::with_f32;

/// Named f32 parameters on the CPU, in the order they were added, each with its moments and the
/// running average (EMA) of its values.
///
/// The order is part of a model: sums over all parameters run in it, so two runs that add them
/// alike agree to the bit.
#[derive(Default)]
pub struct Params {
    pub(super) entries: Vec<Entry>,
    pub(super) step: u64,
    swapped: bool,
}

/// One parameter and its state; all vectors hold its elements in row-major order.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) var: Var,
    /// Running mean of the gradient.
    pub(crate) m: Vec<f32>,
    /// Running mean of the gradient's square.
    pub(crate) v: Vec<f32>,
    /// Running mean of the values.
    pub(crate) ema: Vec<f32>,
    /// Updates this parameter has had, for the correction of its moments.
    pub(crate) updates: u64,
    pub(super) rate: f64,
    pub(super) frozen: bool,
    pub(super) mask: Option<Vec<f32>>,
    pub(super) bound: f32,
}

impl Params {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter with these first values (f32, CPU), a copy of `init`.
    ///
    /// # Errors
    /// Where the name is taken, or `init` is not f32 on the CPU.
    pub fn add(&mut self, name: &str, init: &Tensor) -> Result<Var> {
        if self.get(name).is_some() {
            bail!("parameter {name} exists already");
        }
        let var = Var::from_tensor(&init.contiguous()?)?;
        let ema = with_f32(&var, |values| Ok(values.to_vec()))?;
        self.entries.push(Entry {
            name: name.to_owned(),
            var: var.clone(),
            m: vec![0.0; ema.len()],
            v: vec![0.0; ema.len()],
            ema,
            updates: 0,
            rate: 1.0,
            frozen: false,
            mask: None,
            bound: f32::INFINITY,
        });
        Ok(var)
    }

    /// The parameter of that name.
    pub fn get(&self, name: &str) -> Option<&Var> {
        self.entries.iter().find(|e| e.name == name).map(|e| &e.var)
    }

    /// Sets every parameter that `from` has too to the values there: its average as well, with the
    /// moments and the mask it has there, so that it trains on without a jolt. Gives how many there
    /// were.
    ///
    /// # Errors
    /// Where a shape differs, or the averages are [swapped](Self::swap_ema) out here.
    pub fn copy_from(&mut self, from: &Params) -> Result<usize> {
        self.expect_unswapped()?;
        let mut copied = 0;
        for entry in &mut self.entries {
            let Some(other) = from.entries.iter().find(|e| e.name == entry.name) else { continue };
            if other.var.shape() != entry.var.shape() {
                let (theirs, ours) = (other.var.shape(), entry.var.shape());
                bail!("parameter {} {ours:?} from {theirs:?}", entry.name);
            }
            entry.ema = with_f32(&other.var, |values| Ok(values.to_vec()))?;
            entry.var.set(&other.var.copy()?)?;
            (entry.m, entry.v) = (other.m.clone(), other.v.clone());
            entry.updates = other.updates;
            // The values are right under that mask only; a model may draw its masks at random.
            entry.mask = other.mask.clone();
            copied += 1;
        }
        Ok(copied)
    }

    /// Names and parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.entries.iter().map(|e| (e.name.as_str(), &e.var))
    }

    /// How many numbers all parameters hold together.
    pub fn count(&self) -> usize {
        self.entries.iter().map(|e| e.ema.len()).sum()
    }

    /// Steps the optimiser has made.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Multiplies the learning rate of every parameter whose name starts with `prefix`; replaces
    /// an earlier factor. Gives how many matched.
    pub fn set_rate(&mut self, prefix: &str, factor: f64) -> usize {
        self.matching(prefix).map(|e| e.rate = factor).count()
    }

    /// Freezes every parameter whose name starts with `prefix`, or thaws it. A frozen parameter's
    /// values, moments and average stay as they are. Gives how many matched.
    pub fn set_frozen(&mut self, prefix: &str, frozen: bool) -> usize {
        self.matching(prefix).map(|e| e.frozen = frozen).count()
    }

    /// Keeps the values within `-bound..=bound` after each step, for every parameter whose name
    /// starts with `prefix`. Gives how many matched.
    pub fn set_bound(&mut self, prefix: &str, bound: f32) -> usize {
        self.matching(prefix).map(|e| e.bound = bound).count()
    }

    /// Multiplies a parameter by `mask` (its shape, f32; usually zeros and ones) now and after
    /// each step, its average too.
    ///
    /// # Errors
    /// Where there is no such parameter or the shapes differ.
    pub fn set_mask(&mut self, name: &str, mask: &Tensor) -> Result<()> {
        let Some(entry) = self.entries.iter_mut().find(|e| e.name == name) else {
            bail!("no parameter {name} to mask");
        };
        if mask.shape() != entry.var.shape() {
            bail!("mask {:?} for parameter {name} {:?}", mask.shape(), entry.var.shape());
        }
        let values = (entry.var.as_tensor() * mask)?;
        entry.var.set(&values.detach())?;
        let mask = with_f32(&mask.contiguous()?, |mask| Ok(mask.to_vec()))?;
        entry.ema.iter_mut().zip(&mask).for_each(|(e, m)| *e *= m);
        entry.mask = Some(mask);
        Ok(())
    }

    /// Copies of the averages, with names, in order.
    ///
    /// # Errors
    /// Where a tensor cannot be made, or the averages are [swapped](Self::swap_ema) out.
    pub fn ema_params(&self) -> Result<Vec<(String, Tensor)>> {
        self.expect_unswapped()?;
        self.entries
            .iter()
            .map(|e| {
                Ok((e.name.clone(), Tensor::from_slice(&e.ema, e.var.shape(), e.var.device())?))
            })
            .collect()
    }

    /// Exchanges values and averages in place, so that a model evaluates with the averages. A
    /// second call brings the values back; until then there are no steps and no checkpoints.
    ///
    /// # Errors
    /// Where a tensor's storage cannot be reached.
    pub fn swap_ema(&mut self) -> Result<()> {
        for entry in &mut self.entries {
            entry.var.inplace_op1(&SwapWith::new(&mut entry.ema))?;
        }
        self.swapped = !self.swapped;
        Ok(())
    }

    /// Sets the values of every parameter whose name starts with `prefix` to its average, for
    /// parameters about to be frozen. Gives how many matched.
    ///
    /// # Errors
    /// Where a tensor cannot be made, or the averages are [swapped](Self::swap_ema) out.
    pub fn adopt_ema(&mut self, prefix: &str) -> Result<usize> {
        self.expect_unswapped()?;
        self.matching(prefix)
            .map(|e| e.var.set(&Tensor::from_slice(&e.ema, e.var.shape(), e.var.device())?))
            .try_fold(0, |n, done| done.map(|()| n + 1))
    }

    pub(crate) fn expect_unswapped(&self) -> Result<()> {
        if self.swapped {
            bail!("values and averages are swapped; swap them back first");
        }
        Ok(())
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn restore(&mut self, step: u64) -> &mut [Entry] {
        self.step = step;
        &mut self.entries
    }

    fn matching<'a>(&'a mut self, prefix: &'a str) -> impl Iterator<Item = &'a mut Entry> {
        self.entries.iter_mut().filter(move |e| e.name.starts_with(prefix))
    }
}
