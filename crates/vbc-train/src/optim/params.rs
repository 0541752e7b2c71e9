//! An ordered store of named parameters with all the state that belongs to each.

use candle_core::{DType, Device, Result, Tensor, Var, bail};
use vbc_kernels::AdamState;

use super::Gradients;

/// Named f32 parameters, in the order they were added, each with its moments and the running average
/// (EMA) of its values.
///
/// The order is part of a model: sums over all parameters run in it, so two runs that add them
/// alike agree to the bit.
pub struct Params {
    pub(super) entries: Vec<Entry>,
    pub(super) step: u64,
    gradients: Gradients,
    device: Device,
    averaged: bool,
    swapped: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            step: 0,
            gradients: Gradients::default(),
            device: Device::Cpu,
            averaged: true,
            swapped: false,
        }
    }
}

/// One parameter and its state.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) var: Var,
    pub(crate) state: AdamState,
    pub(super) rate: f64,
    pub(super) frozen: bool,
    pub(super) bound: f32,
}

impl Entry {
    /// The average in the parameter's shape: a copy.
    fn average(&self) -> Result<Tensor> {
        match self.state.average()? {
            Some(average) => average.copy()?.reshape(self.var.shape()),
            None => bail!("parameter {} has no average", self.name),
        }
    }

    /// Writes values over the average.
    fn set_average(&self, values: &Tensor) -> Result<()> {
        let row = values.detach().reshape((1, values.elem_count()))?;
        self.state.packed().slice_set(&row.contiguous()?, 0, 2)
    }
}

impl Params {
    /// An empty store on the CPU.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store on a device.
    pub fn on(device: &Device) -> Self {
        Self { device: device.clone(), ..Self::default() }
    }

    /// An empty store on a device whose parameters will have no averages; what asks for one is an
    /// error then.
    pub fn without_averages(device: &Device) -> Self {
        Self { averaged: false, ..Self::on(device) }
    }

    /// Where operations may leave gradients for the next step.
    pub fn gradients(&self) -> &Gradients {
        &self.gradients
    }

    /// Where the parameters are.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Adds a parameter with these first values (f32), a copy of `init` on the store's device.
    ///
    /// # Errors
    /// Where the name is taken, or `init` is not f32.
    pub fn add(&mut self, name: &str, init: &Tensor) -> Result<Var> {
        if self.get(name).is_some() {
            bail!("parameter {name} exists already");
        }
        if init.dtype() != DType::F32 {
            bail!("parameter {name} of type {:?}", init.dtype());
        }
        let var = Var::from_tensor(&init.to_device(&self.device)?.contiguous()?)?;
        self.entries.push(Entry {
            name: name.to_owned(),
            var: var.clone(),
            state: AdamState::new(&var, self.averaged, None)?,
            rate: 1.0,
            frozen: false,
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
            entry.var.set(&other.var.to_device(&self.device)?.copy()?)?;
            // The values are right under that mask only; a model may draw its masks at random.
            let (state, mask) = (&other.state, other.state.mask());
            entry.state = AdamState::restore(&entry.var, state.packed(), state.updates(), mask)?;
            if self.averaged {
                entry.set_average(&entry.var)?;
            }
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
        self.entries.iter().map(|e| e.var.elem_count()).sum()
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
        let mask = &mask.to_device(&self.device)?;
        let values = (entry.var.as_tensor() * mask)?;
        entry.var.set(&values.detach())?;
        if self.averaged {
            entry.set_average(&(entry.average()? * mask)?)?;
        }
        let (packed, updates) = (entry.state.packed().clone(), entry.state.updates());
        entry.state = AdamState::restore(&entry.var, &packed, updates, Some(mask))?;
        Ok(())
    }

    /// Copies of the averages, with names, in order.
    ///
    /// # Errors
    /// Where a tensor cannot be made, or the averages are [swapped](Self::swap_ema) out.
    pub fn ema_params(&self) -> Result<Vec<(String, Tensor)>> {
        self.expect_unswapped()?;
        self.entries.iter().map(|e| Ok((e.name.clone(), e.average()?))).collect()
    }

    /// Exchanges values and averages in place, so that a model evaluates with the averages. A
    /// second call brings the values back; until then there are no steps and no checkpoints.
    ///
    /// # Errors
    /// Where there are no averages.
    pub fn swap_ema(&mut self) -> Result<()> {
        for entry in &mut self.entries {
            let average = entry.average()?;
            entry.set_average(&entry.var)?;
            entry.var.set(&average)?;
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
            .map(|e| e.var.set(&e.average()?))
            .try_fold(0, |n, done| done.map(|()| n + 1))
    }

    pub(crate) fn expect_unswapped(&self) -> Result<()> {
        if self.swapped {
            bail!("values and averages are swapped; swap them back first");
        }
        Ok(())
    }

    pub(crate) fn averaged(&self) -> bool {
        self.averaged
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
