//! Small model files for tests, of 28 × 28 pixels, with all weights and logits 0: a symbol is a nibble
//! or a bit of the stream.

use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::model::Model;
use crate::refusal::Result;
use crate::tensors::Tensors;

/// The tensors of a model, by name: type, dimensions, data.
pub(crate) struct Tiny {
    pub(crate) tensors: BTreeMap<String, (usize, Vec<usize>, Vec<u8>)>,
    latent: bool,
}

impl Tiny {
    /// A model with tensors of these groups, and a latent of four integers or none. With told sides,
    /// the first integer tells side 20, the second 120; other sides are none.
    pub(crate) fn new(latent: bool, groups: &[&str]) -> Self {
        let mut tiny = Tiny { tensors: BTreeMap::new(), latent };
        let has = |group: &str| groups.contains(&group);
        let e = usize::from(latent);
        let gates = if has("grid") && !has("cells") { 2 } else { 0 };
        if latent {
            tiny.numbers("latent.chunks", 4, &(0..784).collect::<Vec<i64>>());
            tiny.numbers("latent.step", 3, &[1; 4]);
            tiny.numbers("prior.centre", 3, &[0; 4]);
            tiny.layer("prior.hidden", 4, 4);
            tiny.layer("prior.logits", 64, 4);
            tiny.layer("image", 1, 4);
        }
        // Every side has one class.
        tiny.layer("row", 1, 412 + if gates > 0 { 40 + 2 * 101 } else { 0 } + e);
        tiny.layer("pixel", 1, 113);
        tiny.layer("ink", 1, 1);
        tiny.layer("hidden", 1, 1);
        tiny.layer("head.high", 32 + gates, 1);
        let outputs = 16 * (32 + gates);
        tiny.tensor("head.low.weight", 1, &[16, 32 + gates, 1], &vec![0; outputs]);
        tiny.numbers("head.low.bias", 3, &vec![0; outputs]);
        tiny.numbers("head.low.shift", 0, &vec![0; outputs]);
        for head in ["high", "low"] {
            for kind in ["image", "column", "row"] {
                tiny.zeros(&format!("head.{head}.{kind}"), 0);
            }
        }
        for (name, n) in [("position", 1_568), ("preview", 9), ("high", 16), ("low", 256)] {
            tiny.zeros(&format!("blank.{name}"), n);
        }
        if has("grid") {
            tiny.numbers("grid.lines", 0, &[0; 2_020]);
            tiny.numbers("grid.counts", 0, &[0; 101]);
            tiny.numbers("grid.greys", 0, &[]);
            tiny.numbers("grid.weights", 0, &[]);
        }
        if has("grid") && !has("told") {
            tiny.symbols();
        }
        if has("told") {
            tiny.numbers("told.columns", 4, &[1, 2, 3, 0]);
            tiny.numbers("told.sides", 0, &[0, 1, 101, 0]);
            tiny.layer("told.hidden", 1, 4);
            tiny.layer("told.place", 32, 1);
        }
        if has("cells") {
            if latent {
                tiny.layer("cells.image", 1, 4);
            }
            tiny.layer("cells.inputs", 1, 4_853 + 101 + e);
            tiny.layer("cells.ink", 1, 1);
            tiny.layer("cells.head", 23, 1);
            for (name, n) in [("low", 256), ("plain", 800), ("plain.preview", 16)] {
                tiny.zeros(&format!("cells.{name}"), n);
            }
        }
        if has("scan") {
            tiny.layer("scan.inputs", 1, 12_757 + 208 * e);
            tiny.layer("scan.hidden", 1, 1);
            tiny.layer("scan.ink", 1, 1);
            if latent {
                tiny.zeros("scan.plain.preview", 16);
            }
            let tables = [("plain", 6_336), ("size.high", 16), ("size.low", 256)];
            for (name, n) in tables.into_iter().chain([("corrections", 16)]) {
                tiny.zeros(&format!("scan.{name}"), n);
            }
        }
        tiny
    }

    /// Those of section 6.8.3.
    pub(crate) fn symbols(&mut self) {
        for (name, n) in [("side.high", 16), ("side.low", 256), ("top", 16), ("left", 256)] {
            self.zeros(&format!("grid.{name}"), n);
        }
    }

    pub(crate) fn tensor(&mut self, name: &str, ty: usize, shape: &[usize], values: &[i64]) {
        let bytes = [1, 1, 2, 4, 4][ty];
        let data = values.iter().flat_map(|v| v.to_le_bytes().into_iter().take(bytes)).collect();
        self.tensors.insert(name.to_owned(), (ty, shape.to_vec(), data));
    }

    pub(crate) fn numbers(&mut self, name: &str, ty: usize, values: &[i64]) {
        self.tensor(name, ty, &[values.len()], values);
    }

    fn zeros(&mut self, name: &str, n: usize) {
        self.numbers(name, 2, &vec![0; n]);
    }

    pub(crate) fn layer(&mut self, name: &str, outputs: usize, inputs: usize) {
        let weights = vec![0; outputs * inputs];
        self.tensor(&format!("{name}.weight"), 1, &[outputs, inputs], &weights);
        self.numbers(&format!("{name}.bias"), 3, &vec![0; outputs]);
        self.numbers(&format!("{name}.shift"), 0, &vec![0; outputs]);
    }

    pub(crate) fn tensors(&self) -> Tensors<'_> {
        let all = self.tensors.iter();
        Tensors(
            all.map(|(name, (ty, dims, data))| (name.clone(), (*ty, dims.clone(), &data[..])))
                .collect(),
        )
    }

    pub(crate) fn load(&self) -> Result<Model> {
        let metadata = [
            ("format", "vbc-model-3"),
            ("shape", "28x28x1"),
            ("bottleneck", if self.latent { "rvb" } else { "none" }),
            ("c", if self.latent { "196" } else { "0" }),
            ("null", "0"),
            ("slope", "0"),
            ("context", "2x3"),
        ];
        let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let types = [Dtype::U8, Dtype::I8, Dtype::I16, Dtype::I32, Dtype::U32];
        let views = self.tensors.iter().map(|(name, (ty, shape, data))| {
            (name, TensorView::new(types[*ty], shape.clone(), data).expect("a tensor"))
        });
        let file = safetensors::serialize(views, Some(metadata.into()));
        Model::load(&file.expect("a model file"))
    }
}
