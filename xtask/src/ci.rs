//! `cargo xtask ci`: what must hold before a commit, cheapest first.

use crate::run::{Done, root, run as sh, run_with, works};
use crate::{cuda, fuzz};

/// Runs every check and stops at the first that fails. A check whose tool is missing is named and
/// passed over.
///
/// No line may say `--all-features` of a set with `vbc-kernels` in it: a program with its feature
/// `cuda` does not start where there is no driver. That feature is type-checked on its own.
pub fn run() -> Done {
    sh("cargo fmt --all --check")?;
    // All targets: the benchmarks and examples too, which nothing else here compiles.
    sh("cargo clippy --workspace --all-targets -- -D warnings")?;
    sh("cargo build --workspace")?;
    sh("cargo test --workspace")?;
    run_with("cargo doc --workspace --no-deps", &[("RUSTDOCFLAGS", "-D warnings")])?;
    // The library alone, without what its default features pull in, and with one model of two.
    sh("cargo clippy -p vbc --no-default-features -- -D warnings")?;
    sh("cargo clippy -p vbc --no-default-features --features model-mnist -- -D warnings")?;
    // With the model that is not embedded by default.
    sh("cargo clippy -p vbc-cli --features best -- -D warnings")?;
    sh("cargo test -p vbc --features model-mnist-best,model-fashion-best --lib registry")?;
    cuda::check()?;
    if works("cargo deny --version") {
        sh("cargo deny check licenses bans sources")?;
    } else {
        println!("passed over: cargo-deny is not installed, licences and sources are unchecked");
    }
    oldest_compiler()?;
    fuzz::smoke()
}

/// The compiler that `rust-version` promises builds the workspace.
fn oldest_compiler() -> Done {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).map_err(|e| e.to_string())?;
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \""))
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or("Cargo.toml names no rust-version")?;
    if works(&format!("rustc +{version} --version")) {
        sh(&format!("cargo +{version} check --workspace"))
    } else {
        println!("passed over: Rust {version}, the oldest supported, is not installed");
        Ok(())
    }
}
