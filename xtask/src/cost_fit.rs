//! What images of a shape of model cost, a formula for it, and what a document says of both.

use std::fmt::Write as _;
use std::path::Path;

use crate::run::{Done, figure, output, target};

/// Images that are coded, the first of the training images: few, so that some run falls into a quiet moment of a
/// machine that others share.
pub(crate) const IMAGES: usize = 512;
pub(crate) const SIDE: usize = 28;

/// A shape on a set, and what an image of it has: `N` counts.
pub(crate) struct Measured<const N: usize> {
    counts: [f64; N],
    /// The least microseconds an image so far, decoding and encoding.
    micros: [f64; 2],
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
    fn predicted(&self, formulas: &[[f64; N]; 2]) -> ([f64; 2], f64) {
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

/// Those of the images that are measured.
pub(crate) fn pixels(idx: &Path) -> Result<Vec<u8>, String> {
    let bytes = std::fs::read(idx).map_err(|e| e.to_string())?;
    Ok(bytes.get(16..16 + IMAGES * SIDE * SIDE).ok_or("too few images")?.to_vec())
}

/// Two tables: the formula, a row for each of its parts, and what it says of each shape. A shape is the cells that it
/// begins a row of the second table with, before its counts, whether it is only predicted, and what was measured; `columns` names these
/// cells and the counts but the first.
pub(crate) fn report<const N: usize>(
    parts: &[&str; N],
    columns: &str,
    shapes: &[(String, bool, &Measured<N>)],
) -> [String; 2] {
    let fitted: Vec<&Measured<N>> = shapes.iter().filter(|s| !s.1).map(|s| s.2).collect();
    let formulas = [0, 1].map(|way| fit(&fitted, way));
    let mut formula = "\n| part | decode, ns | encode, ns |\n| --- | --- | --- |\n".to_owned();
    for (k, part) in parts.iter().enumerate() {
        let [decode, encode] = formulas.map(|formula| formula[k] * 1e3);
        let digits = usize::from(decode < 100.0);
        let _ = writeln!(formula, "| {part} | {decode:.digits$} | {encode:.digits$} |");
    }
    let mut table = format!("\n| {columns} | decode, µs (formula) | encode, µs (formula) | |\n|");
    let cells = columns.split('|').count() + 3;
    table += &" --- |".repeat(cells);
    table.push('\n');
    let mut worst: f64 = 0.0;
    for (shape, is_check, measured) in shapes {
        let (predicted, off) = measured.predicted(&formulas);
        if *is_check {
            worst = worst.max(off);
        }
        let _ = write!(table, "| {shape} |");
        for count in &measured.counts[1..] {
            let _ = write!(table, " {count:.0} |");
        }
        for (micros, predicted) in measured.micros.iter().zip(predicted) {
            let _ = write!(table, " {micros:.1} ({predicted:.1}) |");
        }
        table += if *is_check { " predicted |\n" } else { " |\n" };
    }
    let _ = writeln!(table, "\nThe worst prediction is off by {:.1} %.", worst * 100.0);
    [formula, table]
}

fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The numbers with the least squares of the relative error: the normal equations, eliminated.
fn fit<const N: usize>(measured: &[&Measured<N>], way: usize) -> [f64; N] {
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
    fn a_report_has_what_was_measured_and_what_is_predicted() {
        let of = |counts: [f64; 2], micros| Measured { counts, micros, line: String::new() };
        let measured = [of([1.0, 2.0], [5.0, 7.0]), of([1.0, 4.0], [9.0, 13.0])];
        let predicted = of([1.0, 8.0], [20.0, 25.0]);
        let [a, b] = &measured;
        let shapes = [
            ("a".to_owned(), false, a),
            ("b".to_owned(), false, b),
            ("c".to_owned(), true, &predicted),
        ];
        let [formula, table] = report(&["one", "two"], "shape | count", &shapes);
        assert!(formula.ends_with("| one | 1000 | 1000 |\n| two | 2000 | 3000 |\n"), "{formula}");
        assert!(
            table.contains(
                "\n| --- | --- | --- | --- | --- |\n| a | 2 | 5.0 (5.0) | 7.0 (7.0) | |\n"
            ),
            "{table}"
        );
        assert!(table.contains("\n| c | 8 | 20.0 (17.0) | 25.0 (25.0) | predicted |\n"), "{table}");
        assert!(table.ends_with("\nThe worst prediction is off by 15.0 %.\n"), "{table}");
    }
}
