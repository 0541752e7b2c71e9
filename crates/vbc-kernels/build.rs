//! With the feature `cuda`: compiles `cu/all.cu` to PTX. The driver makes it fit its GPU, so one text
//! for the oldest supported architecture serves all, and the build machine needs no GPU.

use std::env::var_os;
use std::path::PathBuf;
use std::process::Command;

/// Turing.
const ARCHITECTURE: &str = "-arch=compute_75";

fn main() {
    println!("cargo::rerun-if-changed=cu");
    println!("cargo::rerun-if-changed=build.rs");
    for name in ["NVCC", "CUDA_HOME"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    if var_os("CARGO_FEATURE_CUDA").is_none() {
        return;
    }
    let nvcc = var_os("NVCC").map(PathBuf::from).unwrap_or_else(|| match var_os("CUDA_HOME") {
        Some(home) => PathBuf::from(home).join("bin/nvcc"),
        None => "nvcc".into(),
    });
    let ptx = PathBuf::from(var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("kernels.ptx");
    let status = Command::new(&nvcc)
        .args(["-ptx", "-O3", ARCHITECTURE, "cu/all.cu", "-o"])
        .arg(&ptx)
        .status()
        .unwrap_or_else(|e| panic!("{} cannot be started: {e}", nvcc.display()));
    assert!(status.success(), "{} failed: {status}", nvcc.display());
}
