//! Gradients that an operation hands to the optimiser itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, TensorId};

/// Where the gradients of some parameters are left during `backward`, by parameter.
///
/// Candle adds every gradient to zeros made for it: three passes over memory more than a matrix of
/// millions of weights needs, a tenth of a training step. What an operation leaves here it does not
/// give to candle.
#[derive(Clone, Debug, Default)]
pub struct Gradients(Arc<Mutex<HashMap<TensorId, Tensor>>>);

impl Gradients {
    /// Adds a gradient of `parameter`.
    ///
    /// # Errors
    /// Where it has another shape than one left before.
    pub fn add(&self, parameter: &Tensor, gradient: Tensor) -> Result<()> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = match all.remove(&parameter.id()) {
            Some(before) => (before + gradient)?,
            None => gradient,
        };
        all.insert(parameter.id(), sum);
        Ok(())
    }

    /// The gradient of `parameter`: what was left here, and what candle has.
    ///
    /// # Errors
    /// Where the two differ in shape.
    pub fn of(&self, parameter: &Tensor, candle: &GradStore) -> Result<Option<Tensor>> {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (left.get(&parameter.id()), candle.get(parameter)) {
            (Some(a), Some(b)) => Ok(Some((a + b)?)),
            (a, b) => Ok(a.or(b).cloned()),
        }
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
