//! `cargo xtask bench-cost DATA`: what a pixel costs, by a model's shape, and how well formulas of a few
//! numbers predict it.

use std::fmt::Write as _;
use std::path::Path;

use crate::cost_cells::Cells;
use crate::cost_fit::{IMAGES, Measured, SIDE, pixels, report};
use crate::run::{Done, cpu, output, root, run as sh, target};

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
    let mut cells = Cells::new(data)?;
    // A machine that others share is slow for minutes at a time: every shape gets its turn in each round.
    for round in 0..ROUNDS {
        for (set, shape, _, model) in &mut lines {
            println!("round {round}: {set} {:?}", shape.widths);
            model.time()?;
        }
        cells.time()?;
    }
    let rows: Vec<_> = lines
        .iter()
        .map(|(set, Shape { widths, context: [rows, columns] }, is_check, model)| {
            (format!("{set} | {widths:?} | {rows} × {columns}"), *is_check, model)
        })
        .collect();
    let columns = "set | widths | reach | with context | ink | thousand multiply-adds";
    let [formula, shapes] = report(&PARTS, columns, &rows);
    let _ = write!(
        text,
        "{formula}\nMultiply-adds of 16-bit pairs a nanosecond on registers alone: {}\n{shapes}{}",
        peak.trim(),
        cells.section()
    );
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

#[cfg(test)]
mod tests {
    use super::*;

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
