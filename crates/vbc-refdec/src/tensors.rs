//! Tensors of a model file, and the layers and heads made of them (SPEC.md section 9.2).

use std::collections::BTreeMap;

use crate::head::Head;
use crate::layer::Layer;
use crate::refusal::{Kind, Result, demand};

/// Tensors by name: type, dimensions, data. What is taken is removed.
pub(crate) struct Tensors<'a>(pub(crate) BTreeMap<String, (usize, Vec<usize>, &'a [u8])>);

impl Tensors<'_> {
    /// The dimensions and the elements of a tensor of any size.
    pub(crate) fn get(&mut self, name: &str, ty: usize) -> Result<(Vec<usize>, Vec<i64>)> {
        let found = self.0.remove(name).filter(|t| t.0 == ty);
        demand(found.is_some(), Kind::BadModel, name)?;
        let (_, shape, data) = found.unwrap_or_default();
        let number = |bytes: &[u8]| {
            let value = bytes.iter().rev().fold(0, |n, &b| n << 8 | i64::from(b));
            let sign = 1i64 << (8 * bytes.len() - 1);
            if (1..=3).contains(&ty) && value >= sign { value - 2 * sign } else { value }
        };
        Ok((shape, data.chunks([1, 1, 2, 4, 4][ty]).map(number).collect()))
    }

    pub(crate) fn flat(&mut self, name: &str, ty: usize, len: usize) -> Result<Vec<i64>> {
        let (_, values) = self.get(name, ty)?;
        demand(values.len() == len, Kind::BadModel, name)?;
        Ok(values)
    }

    /// The 16 layers of a tensor of rank 3, one for each high nibble, or the one of rank 2.
    pub(crate) fn layers(&mut self, name: &str, rank: usize, inputs: usize) -> Result<Vec<Layer>> {
        let (dims, weights) = self.get(&format!("{name}.weight"), 1)?;
        let fits = dims.len() == rank && dims[rank - 1] == inputs;
        demand(fits && (rank == 2 || dims[0] == 16), Kind::BadModel, name)?;
        let (outputs, count) = (dims[rank - 2], if rank == 3 { 16 } else { 1 });
        let bias = self.flat(&format!("{name}.bias"), 3, count * outputs)?;
        let shift = self.flat(&format!("{name}.shift"), 0, count * outputs)?;
        let layer = |k: usize| Layer {
            inputs,
            outputs,
            weights: weights[k * outputs * inputs..][..outputs * inputs].to_vec(),
            bias: bias[k * outputs..][..outputs].to_vec(),
            shift: shift[k * outputs..][..outputs].to_vec(),
        };
        Ok((0..count).map(layer).collect())
    }

    pub(crate) fn layer(
        &mut self,
        name: &str,
        inputs: usize,
        m: impl Fn(usize) -> i64,
    ) -> Result<Layer> {
        let layer = self.layers(name, 2, inputs)?.remove(0);
        layer.check(name, m)?;
        Ok(layer)
    }

    pub(crate) fn head(
        &mut self,
        name: &str,
        rank: usize,
        hidden: usize,
        image: usize,
        grids: bool,
    ) -> Result<Head> {
        let layers = self.layers(name, rank, hidden)?;
        demand(hidden > 0, Kind::BadModel, name)?;
        let mut table = |kind: &str| Ok(self.get(&format!("{name}.{kind}"), 2)?.1);
        let tables = [(table("image")?, image), (table("column")?, 32), (table("row")?, 32)];
        let head = Head { layers, tables, grids };
        head.check(name)?;
        Ok(head)
    }
}
