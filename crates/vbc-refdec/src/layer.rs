//! Integer network layers (SPEC.md section 4).

use crate::refusal::{Kind, Result, demand};

pub(crate) struct Layer {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) weights: Vec<i64>,
    pub(crate) bias: Vec<i64>,
    pub(crate) shift: Vec<i64>,
}

impl Layer {
    /// The bound of section 4.1, with M as a function of the input.
    pub(crate) fn check(&self, name: &str, magnitude: impl Fn(usize) -> i64) -> Result<()> {
        for o in 0..self.outputs {
            demand(self.shift[o] <= 24, Kind::BadModel, name)?;
            let sum: i64 =
                self.row(o).iter().enumerate().map(|(i, w)| w.abs() * magnitude(i)).sum();
            let bound = self.bias[o].abs() + (1 << self.shift[o] >> 1) + sum;
            demand(bound < 1 << 31, Kind::BadModel, name)?;
        }
        Ok(())
    }

    fn row(&self, o: usize) -> &[i64] {
        &self.weights[o * self.inputs..][..self.inputs]
    }

    fn output(&self, o: usize, sum: i64) -> i64 {
        (self.bias[o] + sum + (1 << self.shift[o] >> 1)) >> self.shift[o]
    }

    pub(crate) fn wide(&self, inputs: &[i64]) -> Vec<i64> {
        assert_eq!(inputs.len(), self.inputs);
        let sum = |o: usize| self.row(o).iter().zip(inputs).map(|(w, a)| w * a).sum();
        (0..self.outputs).map(|o| self.output(o, sum(o))).collect()
    }

    /// The same from those inputs alone that may differ from 0, each with its number.
    pub(crate) fn wide_of(&self, inputs: &[(usize, i64)]) -> Vec<i64> {
        let sum = |o: usize| inputs.iter().map(|&(i, a)| self.row(o)[i] * a).sum();
        (0..self.outputs).map(|o| self.output(o, sum(o))).collect()
    }

    pub(crate) fn saturated(&self, inputs: &[i64]) -> Vec<i64> {
        self.wide(inputs).into_iter().map(sat).collect()
    }

    pub(crate) fn relu(&self, inputs: &[i64]) -> Vec<i64> {
        self.saturated(inputs).into_iter().map(|a| a.max(0)).collect()
    }

    pub(crate) fn byte_relu(&self, inputs: &[i64]) -> Vec<i64> {
        byte_relu(self.wide(inputs))
    }

    pub(crate) fn leaky(&self, inputs: &[i64], slope: i64) -> Vec<i64> {
        let leak = |t: i64| if t >= 0 { t } else { t >> slope };
        self.saturated(inputs).into_iter().map(leak).collect()
    }
}

pub(crate) fn byte_relu(outputs: Vec<i64>) -> Vec<i64> {
    outputs.into_iter().map(|r| r.clamp(0, 255)).collect()
}

pub(crate) fn sat(r: i64) -> i64 {
    r.clamp(-32_767, 32_767)
}
