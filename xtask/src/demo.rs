//! `cargo xtask demo`: the main job on the shipped samples, from pictures to a file and back.

use crate::run::{Done, root, run as sh, target};

/// Builds `vbc` and, for both sample sets, encodes, looks at, verifies, decodes and compares.
pub fn run() -> Done {
    sh("cargo build --release --package vbc-cli")?;
    let out = target("demo");
    std::fs::create_dir_all(&out).map_err(|e| e.to_string())?;
    let vbc = target("release/vbc").display().to_string();
    for set in ["mnist", "fashion"] {
        let sample = format!("tests/images/{set}-100-images-idx3-ubyte");
        let file = out.join(format!("{set}.vbc")).display().to_string();
        let back = out.join(format!("{set}-images-idx3-ubyte")).display().to_string();
        let grid = out.join(format!("{set}-preview.png")).display().to_string();
        sh(&format!("{vbc} encode {sample} -o {file} --force"))?;
        sh(&format!("{vbc} info {file}"))?;
        sh(&format!("{vbc} verify {file}"))?;
        sh(&format!("{vbc} decode {file} -o {back} --force"))?;
        sh(&format!("{vbc} preview {file} -o {grid} --force"))?;
        let read = |path: &std::path::Path| std::fs::read(path).map_err(|e| e.to_string());
        if read(&root().join(&sample))? != read(back.as_ref())? {
            return Err(format!("{back} differs from {sample}"));
        }
        println!("{back} is {sample}, byte for byte; what the latents alone show is in {grid}");
    }
    Ok(())
}
