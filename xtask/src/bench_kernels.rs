//! `cargo xtask bench-kernels`: the kernels' operations against candle's own, on the CPU and, where
//! there is one, on a GPU.

use std::process::Command;

use crate::run::{Done, root, run as sh, works};

const EXAMPLE: &str = "cargo run --quiet --release -p vbc-kernels --example bench_kernels";

/// Prints the ratios; a machine without a GPU passes over each kernel by name.
pub fn run() -> Done {
    sh(&format!("{EXAMPLE} -- cpu"))?;
    if !works("nvidia-smi -L") {
        println!("no GPU answers (nvidia-smi -L): passed over on a GPU:");
        return sh(&format!("{EXAMPLE} -- names"));
    }
    let nvcc = std::env::var("NVCC").unwrap_or_else(|_| "nvcc".into());
    if !Command::new(&nvcc)
        .arg("--version")
        .current_dir(root())
        .output()
        .is_ok_and(|o| o.status.success())
    {
        println!("there is a GPU, but no {nvcc} to build for it: passed over on a GPU:");
        return sh(&format!("{EXAMPLE} -- names"));
    }
    sh(&format!("{} -- cuda", EXAMPLE.replace("-p vbc-kernels", "-p vbc-kernels --features cuda")))
}
