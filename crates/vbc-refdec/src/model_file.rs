//! Model files (SPEC.md section 9).

use std::collections::{BTreeMap, BTreeSet};

use crate::cells::Cells;
use crate::flow::Transform;
use crate::grid::Grids;
use crate::inputs::{PIXEL_INPUTS, row_inputs};
use crate::layer::Layer;
use crate::model::Model;
use crate::prior::Prior;
use crate::refusal::{Kind, Refusal, Result, demand, within};
use crate::scan::Scans;
use crate::tensors::Tensors;

impl Model {
    /// Loads a model file.
    ///
    /// # Errors
    /// Where SPEC.md says to refuse it.
    pub fn load(file: &[u8]) -> Result<Self> {
        // 9.1
        within("bytes of a model file", file.len() as u64, 1 << 26)?;
        let bad = |e: safetensors::SafeTensorError| Refusal(Kind::BadModel, e.to_string());
        let (n, header) = safetensors::SafeTensors::read_metadata(file).map_err(bad)?;
        let mut t = Tensors(BTreeMap::new());
        for (name, info) in header.tensors() {
            let types = ["U8", "I8", "I16", "I32", "U32"];
            let ty = types.iter().position(|ty| *ty == format!("{:?}", info.dtype));
            let small = info.shape.len() <= 4 && info.shape.iter().all(|&d| d < 1 << 32);
            demand(ty.is_some() && small, Kind::BadModel, &name)?;
            let (begin, end) = info.data_offsets;
            let data = &file[8 + n + begin..8 + n + end];
            t.0.insert(name, (ty.unwrap_or(0), info.shape.clone(), data));
        }
        let metadata = header.metadata().clone().unwrap_or_default();
        let format = metadata.get("format").map_or("", String::as_str);
        let other = format.starts_with("vbc-model-");
        let refusal = if other { Kind::Unsupported } else { Kind::BadModel };
        demand(format == "vbc-model-3", refusal, "format")?;
        let keys = ["format", "shape", "c", "bottleneck", "null", "slope", "context"];
        let missing = keys.iter().find(|key| !metadata.contains_key(**key));
        demand(missing.is_none(), Kind::BadModel, "metadata")?;
        let number = |key: &str, least: i64, most: i64| {
            let value = metadata[key].parse().ok().filter(|n| (least..=most).contains(n));
            value.ok_or_else(|| Refusal(Kind::BadModel, key.to_owned()))
        };

        // 9.3
        let mut serial: Vec<u8> = Vec::new();
        keys.iter().for_each(|key| serial.extend(format!("{key}={}\n", metadata[*key]).bytes()));
        for (name, (ty, shape, data)) in &t.0 {
            serial.extend(name.bytes().chain([0, *ty as u8, shape.len() as u8]));
            shape.iter().for_each(|&d| serial.extend((d as u32).to_le_bytes()));
            serial.extend(*data);
        }
        let id = *blake3::hash(&serial).as_bytes();

        let dims = metadata["shape"].split('x').map(|d| d.parse().unwrap_or(-1));
        let dims: Vec<i64> = dims.collect();
        demand(dims.len() == 3, Kind::BadModel, "shape")?;
        let (height, width) = (dims[0], dims[1]);
        demand(dims[2] == 1, Kind::Unsupported, "channels of a model")?;
        let sides = 1..=16_384;
        let fits = sides.contains(&width) && sides.contains(&height) && width * height <= 16_384;
        demand(fits, Kind::BadModel, "shape")?;
        let pixels = (width * height) as usize;
        let reach = match metadata["context"].as_bytes() {
            [d @ b'1'..=b'4', b'x', b @ b'1'..=b'6'] => {
                Some((i64::from(d - b'0'), i64::from(b - b'0')))
            }
            _ => None,
        };
        demand(reach.is_some(), Kind::BadModel, "context")?;

        // 9.2
        let nvb = metadata["bottleneck"] == "nvb";
        let latent = if metadata["bottleneck"] == "none" {
            None
        } else {
            demand(nvb || metadata["bottleneck"] == "rvb", Kind::BadModel, "bottleneck")?;
            let c = number("c", 1, pixels as i64)? as usize;
            demand(pixels.is_multiple_of(c), Kind::BadModel, "c")?;
            let range = (i64::from(i32::MIN), i64::from(i32::MAX));
            let null = if nvb { Some(number("null", range.0, range.1)?) } else { None };
            let transform = transform(&mut t, pixels, pixels / c, null, number("slope", 0, 15)?)?;
            let (prior, image) = prior(&mut t, pixels / c)?;
            Some((transform, prior, image))
        };
        let vector = latent.as_ref().map_or(0, |(_, _, image)| image.outputs);
        demand(vector > 0 || latent.is_none(), Kind::BadModel, "image")?;
        let with = |t: &Tensors<'_>, group: &str| {
            let found = t.0.keys().any(|name| name.starts_with(group));
            demand(!found || (width, height) == (28, 28), Kind::BadModel, group)?;
            Ok(found)
        };
        let m = latent.as_ref().map(|(_, prior, _)| prior.centre.len());
        let told = if with(&t, "told.")? { m } else { None };
        let grids = if with(&t, "grid.")? { Some(Grids::load(&mut t, told)?) } else { None };
        let cells = with(&t, "cells.")?;
        let needed = cells || told.is_some();
        demand(!needed || grids.is_some(), Kind::BadModel, "grid.lines")?;
        // The network of a model with cells knows nothing of grids.
        let seen = grids.as_ref().filter(|_| !cells);
        let (more, gates) = (seen.map_or(0, Grids::row_inputs), seen.is_some());
        let row = t.layer("row", row_inputs(width, height) + more + vector, |_| 255)?;
        let pixel = t.layer("pixel", row.outputs + PIXEL_INPUTS, |_| 255)?;
        let ink = t.layer("ink", pixel.outputs, |_| 255)?;
        demand(row.outputs > 0 && pixel.outputs > 0, Kind::BadModel, "no outputs")?;
        demand(ink.outputs == 1, Kind::BadModel, "ink")?;
        let hidden = t.layer("hidden", pixel.outputs, |_| 255)?;
        let scans = with(&t, "scan.")?;
        let scans = if scans { Some(Scans::load(&mut t, latent.is_some())?) } else { None };
        let of_grids = grids.as_ref().filter(|_| cells);
        let cells = of_grids.map(|grids| Cells::load(&mut t, grids, m)).transpose()?;
        let model = Model {
            id,
            size: (width, height),
            reach: reach.unwrap_or_default(),
            latent,
            row,
            pixel,
            ink,
            high: t.head("head.high", 2, hidden.outputs, 64 * 17, gates)?,
            low: t.head("head.low", 3, hidden.outputs, 64, gates)?,
            hidden,
            position: t.flat("blank.position", 2, 2 * pixels)?,
            preview: t.flat("blank.preview", 2, 9)?,
            blank_high: t.flat("blank.high", 2, 16)?,
            blank_low: t.flat("blank.low", 2, 256)?,
            scans,
            grids,
            cells,
        };
        demand(t.0.is_empty(), Kind::BadModel, "a tensor that has no place")?;
        Ok(model)
    }
}

fn transform(
    t: &mut Tensors<'_>,
    pixels: usize,
    m: usize,
    null: Option<i64>,
    slope: i64,
) -> Result<Transform> {
    let mut couplings = Vec::new();
    while t.0.contains_key(&format!("flow.{}.split", couplings.len())) {
        let name = format!("flow.{}", couplings.len());
        let split = t.flat(&format!("{name}.split"), 0, pixels)?;
        demand(split.iter().all(|&s| s < 2), Kind::BadModel, &name)?;
        let changed = split.iter().sum::<i64>() as usize;
        demand(0 < changed && changed < pixels, Kind::BadModel, &name)?;
        let (mut layers, mut width) = (Vec::<Layer>::new(), pixels - changed);
        while t.0.contains_key(&format!("{name}.{}.weight", layers.len())) {
            layers.push(t.layer(&format!("{name}.{}", layers.len()), width, |_| 32_767)?);
            width = layers[layers.len() - 1].outputs;
        }
        demand(!layers.is_empty() && width == changed, Kind::BadModel, &name)?;
        let last = layers.remove(layers.len() - 1);
        couplings.push((split, layers, last));
    }
    let chunks = t.flat("latent.chunks", 4, pixels)?;
    let sorted: BTreeSet<i64> = chunks.iter().copied().collect();
    demand(sorted.into_iter().eq(0..pixels as i64), Kind::BadModel, "latent.chunks")?;
    let steps = t.flat("latent.step", 3, m)?;
    demand(steps.iter().all(|s| (1..=1 << 20).contains(s)), Kind::BadModel, "latent.step")?;
    Ok(Transform { couplings, slope, chunks, steps, null })
}

fn prior(t: &mut Tensors<'_>, m: usize) -> Result<(Prior, Layer)> {
    let centre = t.flat("prior.centre", 3, m)?;
    let hidden = t.layer("prior.hidden", m, |_| 8_128)?;
    let units = hidden.outputs / m;
    let fits = (1..=32).contains(&units) && hidden.outputs == units * m;
    demand(fits, Kind::BadModel, "prior.hidden")?;
    let logits = t.layer("prior.logits", units * m, |_| 32_767)?;
    demand(logits.outputs == 16 * m, Kind::BadModel, "prior.logits")?;
    let masked = |layer: &Layer, seen: &dyn Fn(usize) -> usize| {
        let mut rows = layer.weights.chunks(layer.inputs).enumerate();
        rows.all(|(r, row)| row[seen(r)..].iter().all(|&w| w == 0))
    };
    demand(masked(&hidden, &|r| r / units + 1), Kind::BadModel, "prior.hidden")?;
    demand(masked(&logits, &|r| r / 16 * units), Kind::BadModel, "prior.logits")?;
    Ok((Prior { centre, hidden, logits }, t.layer("image", m, |_| 8_128)?))
}

#[cfg(test)]
mod tests {
    use crate::refusal::Kind;
    use crate::tiny::Tiny;

    /// Models with told sides: with and without cells, with and without scans.
    const TOLD: [&[&str]; 4] = [
        &["grid", "told"],
        &["grid", "told", "cells"],
        &["grid", "told", "scan"],
        &["grid", "told", "cells", "scan"],
    ];
    const SYMBOLS: [&str; 4] = ["grid.side.high", "grid.side.low", "grid.top", "grid.left"];

    fn loads(tiny: &Tiny) -> Result<(), Kind> {
        tiny.load().map(|_| ()).map_err(|refusal| refusal.0)
    }

    #[test]
    fn told_sides_need_grids_and_a_latent() {
        for groups in TOLD {
            assert_eq!(loads(&Tiny::new(true, groups)), Ok(()));
            assert_eq!(loads(&Tiny::new(false, groups)), Err(Kind::BadModel));
            let mut with_symbols = Tiny::new(false, groups);
            with_symbols.symbols();
            assert_eq!(loads(&with_symbols), Err(Kind::BadModel));
            with_symbols.tensors.retain(|name, _| !name.starts_with("told."));
            assert_eq!(loads(&with_symbols), Ok(()));
        }
        for latent in [true, false] {
            assert_eq!(loads(&Tiny::new(latent, &[])), Ok(()));
            assert_eq!(loads(&Tiny::new(latent, &["told"])), Err(Kind::BadModel));
            assert_eq!(loads(&Tiny::new(latent, &["scan", "told"])), Err(Kind::BadModel));
        }
    }

    #[test]
    fn told_sides_have_all_their_tensors_and_no_other() {
        for groups in TOLD {
            let whole = Tiny::new(true, groups);
            for name in whole.tensors.keys().filter(|name| name.starts_with("told.")) {
                let mut without = Tiny::new(true, groups);
                without.tensors.remove(name);
                assert_eq!(loads(&without), Err(Kind::BadModel), "without {name}");
            }
            for name in ["told.rows", "told.hidden", "told.place.1.bias"] {
                let mut more = Tiny::new(true, groups);
                more.numbers(name, 0, &[0]);
                assert_eq!(loads(&more), Err(Kind::BadModel), "with {name}");
            }
        }
    }

    #[test]
    fn sides_are_told_or_symbols() {
        for groups in TOLD {
            for name in SYMBOLS {
                let mut both = Tiny::new(true, groups);
                both.symbols();
                both.tensors.retain(|other, _| other == name || !SYMBOLS.contains(&&other[..]));
                assert_eq!(loads(&both), Err(Kind::BadModel), "with {name}");
                let mut neither = Tiny::new(true, groups);
                neither.symbols();
                neither.tensors.retain(|other, _| !other.starts_with("told."));
                assert_eq!(loads(&neither), Ok(()));
                neither.tensors.remove(name);
                assert_eq!(loads(&neither), Err(Kind::BadModel), "without {name}");
            }
        }
    }
}
