//! `cargo xtask bench-train`: a training step of the paper's network beside the same in JAX, on one
//! core, in turn.

use std::fmt::Write as _;

use crate::run::{Done, cpu, figure, output, python, root, run as sh, target};

/// Preset, width, steps a run.
const PRESETS: [(&str, usize, usize); 2] = [("cpu", 128, 100), ("paper", 2000, 3)];

/// Runs of each side; the least counts.
const RUNS: usize = 3;

/// Measures and writes docs/results/train-speed.md.
pub fn run() -> Done {
    let python = python("bench-train", "jax")?;
    sh("cargo build --release -p vbc-train --example step_time")?;
    let ours = target("release/examples/step_time").display().to_string();
    let script = root().join("xtask/src/step_time.py");
    let theirs = format!("{} {}", python.display(), script.display());
    let mut rows = String::new();
    for (preset, width, steps) in PRESETS {
        let mut least = [f64::INFINITY; 2];
        let mut gflop = 0.0;
        for _ in 0..RUNS {
            for (side, program) in [&ours, &theirs].into_iter().enumerate() {
                let out = output(&format!("{program} {width} {steps} 1"))?;
                let seconds = figure(&out, "seconds_least")?;
                least[side] = least[side].min(seconds);
                gflop = figure(&out, "gflop_a_step")?;
            }
        }
        let [a, b] = least;
        let _ = writeln!(
            rows,
            "| {preset} | {width} | {gflop:.2} | {a:.4} | {b:.4} | {:.1} | {:.1} | {:.2} |",
            gflop / a,
            gflop / b,
            b / a
        );
    }
    let text = format!(
        "# Speed of a training step\n\nThe paper's network, RVB X8 as published, batches of 128, forward, \
         backward and Adam, one thread; the least of {RUNS} runs each, in turn. `cargo xtask \
         bench-train` on {}.\n\n| preset | width | GFLOP | vbc-train, s | JAX, s | vbc-train, GFLOP/s | \
         JAX, GFLOP/s | JAX / vbc-train |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n{rows}",
        cpu()
    );
    print!("{text}");
    let path = root().join("docs/results/train-speed.md");
    std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))
}
