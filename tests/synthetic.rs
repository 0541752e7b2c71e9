//! A small model file with random weights: it is good for nothing but zeros, and valid in every
//! field.
//!
//! No dependency and no float stands behind it, so that fuzz targets and the programs of the
//! cross-target check can include this file as it is.

use std::fmt::Write as _;

/// Width and height of the images that [`model`] codes.
pub const SIZE: (u32, u32) = (6, 4);

/// What a model keeps of y = f(x).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The mean of two chunks.
    Rvb,
    /// The first of two chunks.
    Nvb,
    /// Nothing: the model has no latent.
    NoLatent,
    /// Nothing; the model knows scans, and is for images of 28 × 28.
    Scans,
    /// The mean of 56 chunks; the model knows scans and grids, and is for images of 28 × 28.
    RvbScans,
    /// The mean of 56 chunks; the model knows grids, and is for images of 28 × 28.
    Grids,
    /// The mean of 56 chunks; the model knows grids and cells, and is for images of 28 × 28.
    Cells,
    /// Nothing; the model knows scans, grids and cells, and is for images of 28 × 28.
    ScanCells,
    /// The mean of 56 chunks, which tells the sides of grids; for images of 28 × 28.
    Told,
    /// The same with cells.
    ToldCells,
    /// The same with scans.
    ToldScans,
    /// The mean of 56 chunks, which tells the sides of grids; cells have a network of values.
    ToldValues,
}

impl Kind {
    /// The number of chunks; 0 without a latent.
    fn chunks(self) -> usize {
        match self {
            Kind::Rvb | Kind::Nvb => 2,
            Kind::RvbScans | Kind::Grids | Kind::Cells => 56,
            Kind::Told | Kind::ToldCells | Kind::ToldScans | Kind::ToldValues => 56,
            Kind::NoLatent | Kind::Scans | Kind::ScanCells => 0,
        }
    }

    fn has_scans(self) -> bool {
        matches!(self, Kind::Scans | Kind::RvbScans | Kind::ScanCells | Kind::ToldScans)
    }

    fn has_grids(self) -> bool {
        matches!(self, Kind::RvbScans | Kind::Grids) || self.has_cells() || self.is_told()
    }

    fn has_cells(self) -> bool {
        matches!(self, Kind::Cells | Kind::ScanCells | Kind::ToldCells | Kind::ToldValues)
    }

    fn is_told(self) -> bool {
        matches!(self, Kind::Told | Kind::ToldCells | Kind::ToldScans | Kind::ToldValues)
    }
}

/// Names, element types, shapes and data of the tensors; sorted before they are written.
#[derive(Default)]
struct Tensors(Vec<(String, &'static str, Vec<usize>, Vec<u8>)>);

impl Tensors {
    fn put(&mut self, name: &str, ty: &'static str, shape: &[usize], data: Vec<u8>) {
        self.0.push((name.to_owned(), ty, shape.to_vec(), data));
    }

    fn i16s(&mut self, name: &str, shape: &[usize], values: impl Iterator<Item = i16>) {
        let data = values.take(shape.iter().product()).flat_map(i16::to_le_bytes).collect();
        self.put(name, "I16", shape, data);
    }

    fn i32s(&mut self, name: &str, shape: &[usize], values: impl Iterator<Item = i32>) {
        let data = values.take(shape.iter().product()).flat_map(i32::to_le_bytes).collect();
        self.put(name, "I32", shape, data);
    }

    /// A layer of random weights; `keep(output, input)` says which may differ from 0.
    fn layer(
        &mut self,
        random: &mut Random,
        name: &str,
        [inputs, outputs]: [usize; 2],
        shift: u8,
        keep: impl Fn(usize, usize) -> bool,
    ) {
        let mut weights = Vec::new();
        for o in 0..outputs {
            for i in 0..inputs {
                let w = random.within(15) as i8;
                weights.push(if keep(o, i) { w as u8 } else { 0 });
            }
        }
        self.put(&format!("{name}.weight"), "I8", &[outputs, inputs], weights);
        self.i32s(
            &format!("{name}.bias"),
            &[outputs],
            std::iter::repeat_with(|| random.within(9_000)),
        );
        self.put(&format!("{name}.shift"), "U8", &[outputs], vec![shift; outputs]);
    }

    /// Changes the first output of a layer to one of these weights and this bias.
    fn first_output(&mut self, name: &str, mut weights: impl Iterator<Item = i8>, bias: i32) {
        for (found, _, _, data) in &mut self.0 {
            if *found == format!("{name}.weight") {
                data.iter_mut().zip(weights.by_ref()).for_each(|(d, w)| *d = w as u8);
            } else if *found == format!("{name}.bias") {
                data[..4].copy_from_slice(&bias.to_le_bytes());
            }
        }
    }

    /// Sixteen layers as one tensor, one for each high nibble.
    fn sixteen(&mut self, random: &mut Random, name: &str, [i, o]: [usize; 2], shift: u8) {
        let mut all = Tensors::default();
        all.layer(random, name, [i, 16 * o], shift, |_, _| true);
        for (name, ty, mut shape, data) in all.0 {
            shape[0] /= 16;
            shape.insert(0, 16);
            self.0.push((name, ty, shape, data));
        }
    }

    /// Adds `more` to the first bias of a layer.
    fn favour_first(&mut self, name: &str, more: i32) {
        for (found, _, _, data) in &mut self.0 {
            if *found == format!("{name}.bias")
                && let Some(first) = data.first_chunk_mut()
            {
                *first = (i32::from_le_bytes(*first) + more).to_le_bytes();
            }
        }
    }

    /// The safetensors file.
    fn file(mut self, metadata: &[(&str, &str)]) -> Vec<u8> {
        self.0.sort();
        let entries: Vec<String> =
            metadata.iter().map(|(key, value)| format!("\"{key}\":\"{value}\"")).collect();
        let mut header = format!("{{\"__metadata__\":{{{}}}", entries.join(","));
        let mut data = Vec::new();
        for (name, ty, shape, bytes) in &self.0 {
            let (start, end) = (data.len(), data.len() + bytes.len());
            let _ = write!(
                header,
                ",\"{name}\":{{\"dtype\":\"{ty}\",\"shape\":{shape:?},\
                 \"data_offsets\":[{start},{end}]}}"
            );
            data.extend_from_slice(bytes);
        }
        header.push('}');
        header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(header.as_bytes());
        file.extend_from_slice(&data);
        file
    }
}

/// A linear congruential generator.
struct Random(u64);

impl Random {
    /// A number from −`bound` to `bound`.
    fn within(&mut self, bound: i32) -> i32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let width = 2 * bound as u64 + 1;
        ((self.0 >> 33) % width) as i32 - bound
    }
}

/// A model file for grey images of [`SIZE`] under the redundancy bottleneck with c = 2.
pub fn model(seed: u64) -> Vec<u8> {
    model_of(SIZE, Kind::Rvb, seed)
}

/// A model file for grey images of any small size with an even number of pixels.
pub fn model_of((width, height): (u32, u32), kind: Kind, seed: u64) -> Vec<u8> {
    let (w, h) = (width as usize, height as usize);
    let (pixels, random) = (w * h, &mut Random(seed));
    let mut t = Tensors::default();
    let all = |_, _| true;
    let latent = pixels.checked_div(kind.chunks()).unwrap_or(0);
    let image = if latent > 0 { 3 } else { 0 };
    if latent > 0 {
        for k in 0..2 {
            let split = (0..pixels).map(|p| ((p + k) % 2) as u8).collect();
            t.put(&format!("flow.{k}.split"), "U8", &[pixels], split);
            t.layer(random, &format!("flow.{k}.0"), [pixels / 2, 5], 6, all);
            t.layer(random, &format!("flow.{k}.1"), [5, pixels - pixels / 2], 5, all);
        }
        let chunks =
            (0..pixels).flat_map(|p| ((p * 2 % pixels + p * 2 / pixels) as u32).to_le_bytes());
        t.put("latent.chunks", "U32", &[kind.chunks(), latent], chunks.collect());
        let steps = std::iter::repeat_with(|| 300 + random.within(99));
        t.i32s("latent.step", &[latent], steps);
        let centres = std::iter::repeat_with(|| 6 + random.within(2));
        t.i32s("prior.centre", &[latent], centres);
        t.layer(random, "prior.hidden", [latent, latent], 4, |o, i| i <= o);
        t.layer(random, "prior.logits", [latent, 16 * latent], 6, |o, i| i < o / 16);
        t.layer(random, "image", [latent, image], 6, all);
    }
    let of_grids = if kind.has_grids() { grids(&mut t, random) } else { 0 };
    if kind.is_told() {
        told(&mut t, random, latent);
    }
    let (of_grids_told, gates) = match kind.has_grids() && !kind.has_cells() {
        true => (of_grids, 3 + 2),
        false => (0, 3),
    };
    // Widths of the row part's and pixel part's inputs: SPEC.md section 6.
    t.layer(random, "row", [356 + h + w + of_grids_told + image, 4], 8, all);
    t.layer(random, "pixel", [4 + 112, 4], 6, all);
    t.layer(random, "ink", [4, 1], 5, all);
    t.layer(random, "hidden", [4, 4], 6, all);
    t.layer(random, "head.high", [4, 16 + gates + 16], 5, all);
    t.sixteen(random, "head.low", [4, 16 + gates + 16], 5);
    for (name, shape) in [
        ("head.high.image", vec![1, 64, 17]),
        ("head.high.column", vec![1, 32]),
        ("head.high.row", vec![1, 32]),
        ("head.low.image", vec![1, 64]),
        ("head.low.column", vec![1, 32]),
        ("head.low.row", vec![1, 32]),
        ("blank.preview", vec![9]),
        ("blank.high", vec![16]),
        ("blank.low", vec![16, 16]),
    ] {
        // A head's function of no count is 0; its table here is the only one of its kind.
        let count_of_none = name.starts_with("head").then_some(0);
        let rest = std::iter::repeat_with(|| random.within(900) as i16);
        t.i16s(name, &shape, count_of_none.into_iter().chain(rest));
    }
    // Zeros are cheap, so that images of many zeros are smaller than their bytes.
    let ink = std::iter::repeat_with(|| random.within(900) as i16 - 4_000);
    t.i16s("blank.position", &[pixels, 2], ink);
    t.favour_first("ink", -(4_000 << 5));
    if kind.has_scans() {
        scans(&mut t, random, latent > 0);
    }
    if kind.has_cells() {
        cells(&mut t, random, (of_grids - 40) / 2, latent, kind == Kind::ToldValues);
    }
    let bottleneck = match kind {
        Kind::Nvb => "nvb",
        _ if latent > 0 => "rvb",
        _ => "none",
    };
    t.file(&[
        ("format", "vbc-model-3"),
        ("shape", &format!("{height}x{width}x1")),
        ("name", "synthetic"),
        ("c", &kind.chunks().to_string()),
        ("bottleneck", bottleneck),
        ("null", "7"),
        ("slope", "3"),
        ("context", "2x3"),
    ])
}

/// What a model knows of scans: enough that the scan of a digit is smaller than its pixels.
fn scans(t: &mut Tensors, random: &mut Random, latent: bool) {
    t.layer(random, "scan.inputs", [12_757 + if latent { 208 } else { 0 }, 6], 6, |_, _| true);
    t.layer(random, "scan.hidden", [6, 4], 6, |_, _| true);
    t.layer(random, "scan.ink", [4, 1], 2, |_, _| true);
    // The first unit guesses from west, north, north-west and north-east; all others disturb it.
    let guess = (0..8192u32).map(|bits| {
        let b = |k: u32| (bits >> k & 1) as i8;
        18 * (4 * (b(2) + b(5) - b(4)) + 2 * b(6) - 3)
    });
    let before = std::iter::repeat_n(0, 3584);
    t.first_output("scan.inputs", before.chain(guess).chain(std::iter::repeat(0)), 128 << 6);
    t.first_output("scan.hidden", [64, 0, 0, 0, 0, 0].into_iter(), 0);
    t.first_output("scan.ink", [100].into_iter(), -128 * 100);
    let plain = (0..6336).map(|k| if k < 3168 { -7000 } else { 7000 });
    let plain: Vec<i16> = plain.map(|l| l + random.within(900) as i16).collect();
    t.i16s("scan.plain", &[6336], plain.into_iter());
    let mut table = |name: &str, shape: &[usize], less: i16| {
        let values = (0..256).map(|k| random.within(900) as i16 - less * k);
        t.i16s(name, shape, values);
    };
    if latent {
        table("scan.plain.preview", &[16], 0);
    }
    table("scan.size.high", &[16], 0);
    table("scan.size.low", &[16, 16], 0);
    table("scan.corrections", &[16], 400);
}

/// What a model has for the cells of grids of so many classes of lines.
fn cells(t: &mut Tensors, random: &mut Random, classes: usize, latent: usize, has_network: bool) {
    let image = if latent > 0 { 3 } else { 0 };
    if latent > 0 {
        t.layer(random, "cells.image", [latent, image], 6, |_, _| true);
    }
    t.layer(random, "cells.inputs", [4_853 + classes + image, 5], 8, |_, _| true);
    t.layer(random, "cells.ink", [5, 1], 3, |_, _| true);
    if has_network {
        t.layer(random, "cells.value.inputs", [3_317 + classes + image, 7], 8, |_, _| true);
        t.layer(random, "cells.value.hidden", [7, 6], 6, |_, _| true);
        t.layer(random, "cells.value.high", [6, 19], 3, |_, _| true);
        t.sixteen(random, "cells.value.low", [6, 20], 3);
    } else {
        t.layer(random, "cells.head", [5, 23], 3, |_, _| true);
    }
    t.favour_first("cells.ink", -(2_000 << 3));
    let mut table = |name: &str, shape: &[usize], first: i16| {
        t.i16s(name, shape, std::iter::repeat_with(|| first + random.within(900) as i16));
    };
    if !has_network {
        table("cells.low", &[16, 16], 0);
    }
    table("cells.plain", &[400, 2], -4_000);
    table("cells.plain.preview", &[16], 0);
}

/// What a model knows of grids; returns the number of inputs for them. Sides whose greys have small
/// weights are worth their while for an image that has some of the greys.
fn grids(t: &mut Tensors, random: &mut Random) -> usize {
    let (mut lines, mut counts) = (Vec::new(), Vec::new());
    let (mut greys, mut weights) = (Vec::new(), Vec::new());
    let mut inputs = 40;
    for side in 0..101 {
        let classes = 1 + side % 4;
        // 7 has no factor in common with a number of classes: none of them is left out.
        lines.extend((0..20).map(|line| ((7 * line + side) % classes) as u8));
        inputs += 2 * classes;
        let weight = if side % 8 < 5 { 128 } else { 8 };
        for _ in 0..classes * (classes + 1) / 2 {
            let count = 6 + random.within(6);
            let mut grey = 0;
            for _ in 0..count {
                grey += 11 + random.within(10);
                greys.push(grey as u8);
                weights.push((weight + random.within(weight - 1)) as u8);
            }
            counts.push(count as u8);
        }
    }
    t.put("grid.lines", "U8", &[101, 20], lines);
    t.put("grid.counts", "U8", &[counts.len()], counts);
    t.put("grid.greys", "U8", &[greys.len()], greys);
    t.put("grid.weights", "U8", &[weights.len()], weights);
    // Number 0, no grid, is as likely as all others together.
    for (name, shape, first) in [
        ("grid.side.high", vec![16], 3_000),
        ("grid.side.low", vec![16, 16], 4_000),
        ("grid.top", vec![16], 0),
        ("grid.left", vec![16, 16], 0),
    ] {
        let rest = std::iter::repeat_with(|| random.within(900) as i16);
        t.i16s(name, &shape, std::iter::once(first).chain(rest));
    }
    inputs
}

/// What latents tell of grids, in place of the symbols of these: any side, and no grid where the number is above
/// all of them.
fn told(t: &mut Tensors, random: &mut Random, latent: usize) {
    let symbols = ["grid.side.high", "grid.side.low", "grid.top", "grid.left"];
    t.0.retain(|tensor| !symbols.contains(&tensor.0.as_str()));
    let columns = (0..latent).map(|j| match j {
        0..7 => 1 << j,
        _ => (64 + random.within(63)) as u32,
    });
    let columns: Vec<u8> = columns.flat_map(u32::to_le_bytes).collect();
    t.put("told.columns", "U32", &[latent], columns);
    let sides = (0..128).map(|n| if n > 101 { 0 } else { n }).collect();
    t.put("told.sides", "U8", &[128], sides);
    t.layer(random, "told.hidden", [latent, 5], 6, |_, _| true);
    t.layer(random, "told.place", [5, 32], 4, |_, _| true);
}

/// The pixels of one grey image of `len` bytes, with the blank margins, greys and repeated values
/// that the models are made for.
pub fn pixels(len: usize, seed: u64) -> Vec<u8> {
    let random = &mut Random(seed);
    (0..len)
        .map(|_| match random.within(50) {
            -50..30 => 0,
            30..40 => 255,
            other => (other * 5) as u8,
        })
        .collect()
}
