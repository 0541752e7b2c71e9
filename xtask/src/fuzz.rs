//! `cargo xtask fuzz`: every target of `fuzz/` builds, and finds nothing in ten seconds.

use crate::run::{Done, root, run as sh, works};

/// Builds and runs the targets where a nightly compiler and cargo-fuzz are there; says so where
/// they are not.
pub fn run() -> Done {
    let targets = root().join("fuzz/fuzz_targets");
    if !targets.is_dir() {
        println!("passed over: there is no {}", targets.display());
        return Ok(());
    }
    if !works("cargo +nightly fuzz --version") {
        println!("passed over: fuzzing needs a nightly compiler and cargo-fuzz");
        return Ok(());
    }
    sh("cargo +nightly fuzz build")?;
    let mut names: Vec<String> = std::fs::read_dir(&targets)
        .map_err(|e| e.to_string())?
        .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned))
        .collect();
    names.sort();
    names.iter().try_for_each(|name| {
        sh(&format!("cargo +nightly fuzz run {name} -- -max_total_time=10 -rss_limit_mb=4096"))
    })
}
