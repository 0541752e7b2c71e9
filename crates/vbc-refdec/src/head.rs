//! Heads: logits of a nibble from a layer, gates and copies (SPEC.md section 6.4).

use crate::grid::gates;
use crate::layer::Layer;
use crate::refusal::{Kind, Result, demand};
use crate::softmax::frequencies;

pub(crate) struct Head {
    pub(crate) layers: Vec<Layer>,
    /// The tables of each kind (image, column, row), one behind the other, and entries of one.
    pub(crate) tables: [(Vec<i64>, usize); 3],
    /// Whether the last two gates are those of section 6.8.4.
    pub(crate) grids: bool,
}

impl Head {
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        let (mut gates, mut sum) = (0, 0);
        for (tables, unit) in &self.tables {
            demand(tables.len().is_multiple_of(*unit), Kind::BadModel, name)?;
            demand(tables.chunks(*unit).all(|t| t[0] == 0), Kind::BadModel, name)?;
            gates += tables.len() / unit;
            let largest = |t: &[i64]| t.iter().map(|e| e.abs()).max().unwrap_or(0);
            sum += tables.chunks(*unit).map(largest).sum::<i64>();
        }
        if self.grids {
            gates += 2;
            sum += 4_080 + 256;
        }
        demand(gates <= 16, Kind::BadModel, name)?;
        demand(sum * 32_767 + 256 < 1 << 31, Kind::BadModel, name)?;
        self.layers.iter().try_for_each(|layer| {
            demand(layer.outputs == 32 + gates, Kind::BadModel, name)?;
            layer.check(name, |_| 255)
        })
    }

    /// `entry(kind, t)` is the place in a table of the kind; `copy(q)` the nibble that q copies to;
    /// `weight(t)` the weight of section 6.8.2.
    pub(crate) fn frequencies(
        &self,
        o: &[i64],
        copies: &[u8],
        entry: impl Fn(usize, u8) -> usize,
        copy: impl Fn(u8) -> Option<u8>,
        weight: impl Fn(u8) -> i64,
    ) -> Vec<u64> {
        let logit = |t: u8| {
            let tables = self.tables.iter().enumerate();
            let tables = tables.flat_map(|(k, (t, unit))| t.chunks(*unit).map(move |t| (k, t)));
            let (mut gate, mut sum) = (16, 128);
            for (kind, table) in tables {
                sum += o[gate] * table[entry(kind, t)];
                gate += 1;
            }
            for f in gates(weight(t)).into_iter().filter(|_| self.grids) {
                sum += o[gate] * f;
                gate += 1;
            }
            let applies = |&(&q, _): &(&u8, _)| q != 0 && copy(q) == Some(t);
            let copied: i64 = copies.iter().zip(&o[gate..]).filter(applies).map(|(_, o)| o).sum();
            o[usize::from(t)] + (sum >> 8) + copied
        };
        frequencies(&(0..16).map(logit).collect::<Vec<i64>>())
    }
}
