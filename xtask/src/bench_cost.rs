//! `cargo xtask bench-cost DATA`: what a pixel costs, by a model's shape, and how well formulas of a few
//! numbers predict it.

use std::fmt::Write as _;
use std::path::Path;

use crate::cost_cells::Cells;
use crate::run::{Done, cpu, figure, output, root, run as sh, target};

/// Images that are coded, the first of the training images: few, so that some run falls into a quiet moment of a
/// machine that others share.
const IMAGES: usize = 512;
pub(crate) const SIDE: usize = 28;

/// Widths of image vector, row vector, first and last hidden layer, and the reach of context.
struct Shape {
    widths: [usize; 4],
    context: [usize; 2],
}

const fn shape(widths: [usize; 4], context: [usize; 2]) -> Shape {
    Shape { widths, context }
}

/// Shapes that the formula is fitted on.
const FITTED: [Shape; 6] = [
    shape([32, 32, 32, 32], [2, 2]),
    shape([48, 64, 64, 48], [2, 3]),
    shape([48, 96, 96, 64], [2, 3]),
    shape([64, 160, 128, 96], [2, 3]),
    shape([32, 32, 32, 32], [4, 6]),
    shape([48, 64, 64, 48], [1, 2]),
];

/// Shapes that it is checked on.
const CHECKED: [Shape; 3] = [
    shape([48, 48, 64, 32], [2, 2]),
    shape([48, 96, 64, 48], [3, 4]),
    shape([64, 128, 96, 64], [2, 4]),
];

/// Dense inputs of the row part, of the pixel part, and outputs of a head.
const ROW_INPUTS: usize = 148;
const PIXEL_INPUTS: usize = 32;
const HEAD: usize = 48;

/// What an image has, in the mean: 1, pixels with context, pixels of ink with context, thousands of
/// multiply-adds of the pixel network.
type Counts = [f64; 4];
const PARTS: [&str; 4] = [
    "an image: flow, prior, its pixels without context, files",
    "a pixel with context: inputs, table rows, state, the choice of ink and its symbol",
    "a pixel of ink: heads, two distributions and symbols, counts, candidates",
    "1 000 multiply-adds of the pixel network",
];

/// Times that every shape is measured, three runs each.
const ROUNDS: usize = 16;

/// A shape on a set, and what an image of it has: `N` counts.
pub(crate) struct Measured<const N: usize> {
    pub counts: [f64; N],
    /// The least microseconds an image so far, decoding and encoding.
    pub micros: [f64; 2],
    /// What prints images a second.
    line: String,
}

impl<const N: usize> Measured<N> {
    /// An archive of the first images of an IDX file by a model is what is measured.
    pub fn new(counts: [f64; N], idx: &Path, model: &Path) -> Self {
        let speed = target("release/examples/speed");
        let line =
            format!("{} {IMAGES} {} {} archive", speed.display(), idx.display(), model.display());
        Measured { counts, micros: [f64::INFINITY; 2], line }
    }

    /// Microseconds that the formulas give, decoding and encoding, and by how much of a part the worse is off.
    pub fn predicted(&self, formulas: &[[f64; N]; 2]) -> ([f64; 2], f64) {
        let predicted = formulas.each_ref().map(|formula| dot(formula, &self.counts));
        let off = [0, 1].map(|way| (predicted[way] / self.micros[way] - 1.0).abs());
        (predicted, off[0].max(off[1]))
    }

    pub fn time(&mut self) -> Done {
        let json = output(&self.line)?;
        for (least, key) in self.micros.iter_mut().zip(["decode", "encode"]) {
            *least = least.min(1e6 / figure(&json, key)?);
        }
        Ok(())
    }
}

pub fn run(data: Option<&str>) -> Done {
    let data = Path::new(data.ok_or("a folder with mnist/ and fashion/ is wanted")?);
    sh("cargo build --release --package vbc-train")?;
    sh("cargo build --release --package vbc --example speed --example peak")?;
    let peak = output(&target("release/examples/peak").display().to_string())?;
    let mut text = format!(
        "# What a pixel costs\n\n`cargo xtask bench-cost DATA` on one core of {}: models of several \
         shapes, hardly trained (what a pixel costs does not depend on it), code the first {IMAGES} \
         training images as an archive, one thread, the fastest of {} runs in {ROUNDS} rounds over all \
         shapes. The formula is a sum of \
         four products, fitted by least squares of the relative error on the first shapes and both \
         sets; the last three shapes are predicted.\n",
        cpu(),
        3 * ROUNDS
    );
    let mut lines = Vec::new();
    for set in ["mnist", "fashion"] {
        for (shapes, is_check) in [(&FITTED[..], false), (&CHECKED[..], true)] {
            for shape in shapes {
                lines.push((set, shape, is_check, model(data, set, shape)?));
            }
        }
    }
    // A machine that others share is slow for minutes at a time: every shape gets its turn in each round.
    let mut cells = Cells::new(data)?;
    for round in 0..ROUNDS {
        for (set, shape, _, model) in &mut lines {
            println!("round {round}: {set} {:?}", shape.widths);
            model.time()?;
        }
        cells.time()?;
    }
    let fitted: Vec<&Measured<4>> = lines.iter().filter(|l| !l.2).map(|l| &l.3).collect();
    let formulas = [0, 1].map(|way| fit(&fitted, way));
    text += "\n| part | decode, ns | encode, ns |\n| --- | --- | --- |\n";
    for (k, part) in PARTS.iter().enumerate() {
        let [decode, encode] = formulas.map(|formula| formula[k] * 1e3);
        let _ = writeln!(text, "| {part} | {decode:.0} | {encode:.0} |");
    }
    let _ =
        writeln!(text, "\nMultiply-adds of 16-bit pairs a nanosecond on registers alone: {peak}");
    text += "\n| set | widths | reach | with context | ink | thousand multiply-adds | decode, µs (formula) | \
             encode, µs (formula) | |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    let mut worst: f64 = 0.0;
    for (set, shape, is_check, model) in &lines {
        let Measured { counts, micros, .. } = model;
        let (predicted, off) = model.predicted(&formulas);
        if *is_check {
            worst = worst.max(off);
        }
        let _ = writeln!(
            text,
            "| {set} | {:?} | {} × {} | {:.0} | {:.0} | {:.0} | {:.0} ({:.0}) | {:.0} ({:.0}) | {} |",
            shape.widths,
            shape.context[0],
            shape.context[1],
            counts[1],
            counts[2],
            counts[3],
            micros[0],
            predicted[0],
            micros[1],
            predicted[1],
            if *is_check { "predicted" } else { "" },
        );
    }
    let _ = writeln!(text, "\nThe worst prediction is off by {:.1} %.", worst * 100.0);
    text += &cells.section();
    print!("{text}");
    let path = root().join("docs/results/cost.md");
    std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))
}

/// Trains a model of the shape for a few steps.
fn model(data: &Path, set: &str, shape: &Shape) -> Result<Measured<4>, String> {
    let list =
        |numbers: &[usize]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let (widths, context) = (list(&shape.widths), list(&shape.context));
    let name = format!("{set} {widths} {context}").replace(' ', "-");
    let out = target(&format!("bench-cost/{name}"));
    let file = crate::bench_speed::plain(&data.join(set), set, "train-images-idx3-ubyte")?;
    let model = out.join("model.safetensors");
    if !model.exists() {
        output(&format!(
            "{} train --name {set}-cost --out {} --data {} --validation 64 --transform \
             models/{set}-x8.safetensors --widths {widths} --context {context} --pixel-steps 20",
            target("release/vbc-train").display(),
            out.display(),
            file.display()
        ))?;
    }
    Ok(Measured::new(counts(&pixels(&file)?, shape), &file, &model))
}

/// Those of the images that are measured.
pub(crate) fn pixels(idx: &Path) -> Result<Vec<u8>, String> {
    let bytes = std::fs::read(idx).map_err(|e| e.to_string())?;
    Ok(bytes.get(16..16 + IMAGES * SIDE * SIDE).ok_or("too few images")?.to_vec())
}

fn counts(pixels: &[u8], shape: &Shape) -> Counts {
    let [rows, columns] = shape.context;
    let (mut context, mut ink) = (0, 0);
    for image in pixels.chunks_exact(SIDE * SIDE) {
        for (at, &value) in image.iter().enumerate() {
            let (y, x) = (at / SIDE, at % SIDE);
            let of = |y: usize, until: usize| {
                image[y * SIDE + x.saturating_sub(columns)..y * SIDE + until.min(SIDE)]
                    .iter()
                    .any(|&v| v != 0)
            };
            if of(y, x) || (y.saturating_sub(rows)..y).any(|y| of(y, x + columns + 1)) {
                context += 1;
                ink += usize::from(value != 0);
            }
        }
    }
    let images = (pixels.len() / SIDE / SIDE) as f64;
    let (context, ink) = (context as f64 / images, ink as f64 / images);
    let [row, pixel, hidden] = [1, 2, 3].map(|k| shape.widths[k].next_multiple_of(16));
    let of_context = ROW_INPUTS * row + row * pixel + PIXEL_INPUTS * pixel;
    let of_ink = pixel * hidden + 2 * hidden * HEAD;
    [1.0, context, ink, (context * of_context as f64 + ink * of_ink as f64) / 1e3]
}

fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The numbers with the least squares of the relative error: the normal equations, eliminated.
pub(crate) fn fit<const N: usize>(measured: &[&Measured<N>], way: usize) -> [f64; N] {
    let (mut rows, mut sums) = ([[0.0; N]; N], [0.0; N]);
    for m in measured {
        let relative = m.counts.map(|count| count / m.micros[way]);
        for ((row, sum), a) in rows.iter_mut().zip(&mut sums).zip(relative) {
            row.iter_mut().zip(relative).for_each(|(cell, b)| *cell += a * b);
            *sum += a;
        }
    }
    for k in 0..N {
        let (pivot, of_pivot) = (rows[k].map(|cell| cell / rows[k][k]), sums[k] / rows[k][k]);
        for other in (0..N).filter(|&other| other != k) {
            let share = rows[other][k];
            rows[other].iter_mut().zip(pivot).for_each(|(cell, p)| *cell -= share * p);
            sums[other] -= share * of_pivot;
        }
        (rows[k], sums[k]) = (pivot, of_pivot);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_comes_back() {
        let truth = [50.0, 0.3, 0.7, 0.02];
        let measured: Vec<Measured<4>> = (0..8u8)
            .map(|k| {
                let k = f64::from(k);
                let counts =
                    [1.0, 300.0 + 37.0 * k, 150.0 + 11.0 * k * k, 900.0 + 500.0 * (k % 3.0)];
                Measured { counts, micros: [dot(&truth, &counts); 2], line: String::new() }
            })
            .collect();
        let found = fit(&measured.iter().collect::<Vec<_>>(), 0);
        assert!(found.iter().zip(truth).all(|(a, b)| (a - b).abs() < 1e-6 * b), "{found:?}");
    }

    #[test]
    fn pixels_with_context_are_counted() {
        let mut image = [0; SIDE * SIDE];
        image[10 * SIDE + 10] = 200;
        image[10 * SIDE + 11] = 9;
        let [_, context, ink, _] = counts(&image, &shape([0; 4], [2, 3]));
        // Ink reaches 4 pixels to the right in its row, and 8 columns of two rows below.
        assert_eq!((context, ink), (4.0 + 16.0, 1.0));
    }
}
