//! What a cell costs, by the shape of a network of values: the second part of `cargo xtask bench-cost DATA`.

use std::path::Path;

use crate::cost_fit::{Measured, SIDE, pixels, report};
use crate::run::{Done, output, target};

/// Units and hidden outputs.
type Shape = [usize; 2];

/// Shapes that the formula is fitted on.
const FITTED: [Shape; 6] = [[64, 32], [64, 64], [128, 64], [128, 128], [192, 64], [256, 128]];

/// Shapes that it is checked on.
const CHECKED: [Shape; 3] = [[96, 48], [160, 32], [192, 96]];

/// Table rows of a cell of ink, outputs of which half a cache line has the weights, and outputs of both heads.
const ROWS: usize = 12;
const HALF: usize = 32;
const HEADS: usize = 64;

const PARTS: [&str; 3] = [
    "an image: flow, prior, grid, whether cells are ink, symbols, files",
    "half a line of a table row of a cell of ink, 32 units",
    "1 000 multiply-adds of the network of values",
];

/// Models of all shapes.
pub(crate) struct Cells(Vec<(Shape, bool, Measured<3>)>);

impl Cells {
    /// Trains them for a few steps.
    pub fn new(data: &Path) -> Result<Self, String> {
        let idx =
            crate::bench_speed::plain(&data.join("mnist"), "mnist", "train-images-idx3-ubyte")?;
        let pixels = pixels(&idx)?;
        let shapes = FITTED.map(|shape| (shape, false)).into_iter();
        let all = shapes.chain(CHECKED.map(|shape| (shape, true))).map(|(shape, is_check)| {
            let [units, hidden] = shape;
            let out = target(&format!("bench-cost/cells-{units}-{hidden}"));
            let model = out.join("model.safetensors");
            if !model.exists() {
                let base = "models/mnist-x8.safetensors";
                output(&format!(
                    "{} cells --name cells-cost --out {} --data {} --validation 64 --base {base} --grids {base} \
                     --width 32 --values {units} {hidden} --steps 20",
                    target("release/vbc-train").display(),
                    out.display(),
                    idx.display()
                ))?;
            }
            Ok((shape, is_check, Measured::new(counts(&pixels, shape), &idx, &model)))
        });
        all.collect::<Result<_, String>>().map(Cells)
    }

    pub fn time(&mut self) -> Done {
        for (shape, _, model) in &mut self.0 {
            println!("cells {shape:?}");
            model.time()?;
        }
        Ok(())
    }

    /// What the document says of them.
    pub fn section(&self) -> String {
        let rows: Vec<_> = self
            .0
            .iter()
            .map(|(shape, is_check, model)| (format!("{shape:?}"), *is_check, model))
            .collect();
        let columns = "units, hidden | half lines | thousand multiply-adds";
        let [formula, shapes] = report(&PARTS, columns, &rows);
        format!(
            "\n## Cells\n\nDigits with a grid are coded cell by cell, and what ink is by a network of values (docs/decisions.md 26 and 27). The \
             same for models of several such shapes, which share all else with MNIST's `default`: the first six are \
             fitted, the last three predicted.\n{formula}{shapes}"
        )
    }
}

/// What an image has, in the mean: 1, half lines of table rows, thousands of multiply-adds.
fn counts(pixels: &[u8], [units, hidden]: Shape) -> [f64; 3] {
    let images = pixels.len() / (SIDE * SIDE);
    let ink = pixels.iter().filter(|&&v| v != 0).count() as f64 / images as f64;
    let adds = units * hidden.next_multiple_of(16) + hidden * HEADS;
    [1.0, ink * (ROWS * units.div_ceil(HALF)) as f64, ink * adds as f64 / 1e3]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ink_costs_is_counted() {
        let mut image = [0; SIDE * SIDE * 2];
        image[300..303].fill(9);
        // 1.5 cells of ink an image, each of 12 rows of 3 halves, and of 96 · 48 + 40 · 64 multiply-adds.
        assert_eq!(counts(&image, [96, 40]), [1.0, 54.0, 1.5 * (96.0 * 48.0 + 40.0 * 64.0) / 1e3]);
    }
}
