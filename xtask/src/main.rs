//! Tasks of the repository: `cargo xtask TASK`, one small file a task.

mod bad_files;
mod bench_cost;
mod bench_kernels;
mod bench_rate;
mod bench_speed;
mod bench_train;
mod ci;
mod completions;
mod cost_cells;
mod cost_fit;
mod cross;
mod cuda;
mod demo;
mod fuzz;
mod man;
mod run;
mod sweep;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask TASK

  ci            what the continuous integration runs, in its order
  demo          encodes, verifies and decodes the shipped samples
  bad-files     writes tests/bad anew
  cuda          compiles every kernel for real GPUs and writes docs/results/cuda.md
  cuda-check    type-checks the kernels' CUDA build; needs neither a GPU nor its compiler
  bench-cost DATA  what a pixel costs by a model's shape, measured and by formula; writes
                docs/results/cost.md
  bench-kernels times the kernels' operations against candle's own
  bench-rate DATA  bits per dimension and speed beside other codecs, of the test images, and images
                the models were not trained on; writes docs/results/rate.md
  bench-speed DATA  images a second beside other codecs, of the training images in DATA/mnist and
                DATA/fashion; writes docs/results/speed.md
  bench-train   times a training step of the paper's network beside the same in JAX
  cross         the same bytes on other machines: 32-bit, big-endian; writes docs/results/cross.md
  fuzz SECONDS  runs every fuzz target for that long and writes docs/results/fuzz.md
  fuzz-smoke    builds every fuzz target and runs each for ten seconds
  sweep DATA    trains and measures latents by λ and compression factor, hours of work that go on where they
                were stopped; writes docs/results/sweep.md (with --report from what is there)
  man           writes the manual pages to target/man
  completions   writes the shell completions to target/completions";

fn main() -> ExitCode {
    let task = std::env::args().nth(1);
    let done = match task.as_deref() {
        Some("bad-files") => bad_files::run(),
        Some("bench-cost") => bench_cost::run(std::env::args().nth(2).as_deref()),
        Some("bench-kernels") => bench_kernels::run(),
        Some("bench-rate") => bench_rate::run(std::env::args().nth(2).as_deref()),
        Some("bench-speed") => bench_speed::run(std::env::args().nth(2).as_deref()),
        Some("bench-train") => bench_train::run(),
        Some("ci") => ci::run(),
        Some("cuda") => cuda::run(),
        Some("cuda-check") => cuda::check(),
        Some("demo") => demo::run(),
        Some("cross") => cross::run(&std::env::args().skip(2).collect::<Vec<_>>()),
        Some("fuzz") => fuzz::run(std::env::args().nth(2).as_deref()),
        Some("fuzz-smoke") => fuzz::smoke(),
        Some("sweep") => sweep::task(&std::env::args().skip(2).collect::<Vec<_>>()),
        Some("man") => man::run(),
        Some("completions") => completions::run(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
