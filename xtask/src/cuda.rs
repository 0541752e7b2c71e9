//! `cargo xtask cuda` and `cargo xtask cuda-check`: the kernels compiled for real GPUs, and the Rust
//! side of `--features cuda` type-checked, both without a GPU.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Done, root, run_with, target};

/// The compiler's wheels, all five pinned: unpinned ones mix releases, and a front end newer than its
/// assembler writes what that cannot read.
const WHEELS: [&str; 3] = [
    "cuda-toolkit[nvcc,cudart,cccl,nvrtc]==13.0.2",
    "nvidia-nvvm==13.0.88",
    "nvidia-cuda-crt==13.0.88",
];

/// Architectures of consumer and data-centre GPUs from Turing to Hopper.
const ARCHITECTURES: [&str; 5] = ["sm_75", "sm_80", "sm_86", "sm_89", "sm_90"];

/// What the build script passes to nvcc.
const VIRTUAL: &str = "compute_75";

/// Compiles every kernel for every architecture and writes docs/results/cuda.md.
pub fn run() -> Done {
    let home = install()?;
    let nvcc = home.join("bin/nvcc");
    let out = target("cuda/out");
    fs::create_dir_all(&out).map_err(|e| e.to_string())?;
    let ptx = out.join("all.ptx");
    output(
        Command::new(&nvcc)
            .args(["-ptx", "-O3", "-arch", VIRTUAL])
            .arg(source("all.cu"))
            .arg("-o")
            .arg(&ptx),
    )?;
    let text = fs::read_to_string(&ptx).map_err(|e| e.to_string())?;
    let version = text.lines().find_map(|l| l.strip_prefix(".version ")).unwrap_or("?").to_owned();
    if version != "9.0" {
        return Err(format!("PTX {version} instead of 9.0: the wheels are not of one release"));
    }
    let mut kernels: Vec<Kernel> = Vec::new();
    for file in sources()? {
        for architecture in ARCHITECTURES {
            let cubin = out.join(format!("{file}.{architecture}.cubin"));
            let mut command = Command::new(&nvcc);
            command.args(["-cubin", "-O3", "-Xptxas", "-v", "-arch", architecture]);
            let log = output(command.arg(source(&file)).arg("-o").arg(&cubin))?;
            for (name, usage) in usages(&log) {
                match kernels.iter_mut().find(|k| k.name == name) {
                    Some(kernel) => kernel.usages.push(usage),
                    None => kernels.push(Kernel { file: file.clone(), name, usages: vec![usage] }),
                }
            }
        }
    }
    refuses_stand_in(&home, &out)?;
    if let Some(k) = kernels.iter().find(|k| k.usages.len() != ARCHITECTURES.len()) {
        return Err(format!("no figures of {} for some architecture", k.name));
    }
    let path = root().join("docs/results/cuda.md");
    fs::write(&path, report(&version, &kernels)).map_err(|e| e.to_string())?;
    println!("{} kernels, the figures are in {}", kernels.len(), path.display());
    let spilled = kernels.iter().find(|k| k.usages.iter().any(|u| u.spills > 0));
    spilled.map_or(Ok(()), |k| Err(format!("{} spills registers", k.name)))
}

/// Type-checks the crate and its tests with `--features cuda`, with a compiler that compiles nothing.
pub fn check() -> Done {
    let stand_in = stand_in()?.display().to_string();
    let folder = target("cuda-check").display().to_string();
    let env = [
        ("NVCC", stand_in.as_str()),
        ("CUDA_COMPUTE_CAP", "80"),
        ("CUDARC_CUDA_VERSION", "13000"),
        ("CARGO_TARGET_DIR", folder.as_str()),
    ];
    run_with(
        "cargo clippy -p vbc-kernels -p vbc-train --all-targets --features cuda -- -D warnings",
        &env,
    )
}

/// One kernel's use of an architecture.
struct Kernel {
    file: String,
    name: String,
    /// In the order of [`ARCHITECTURES`].
    usages: Vec<Usage>,
}

struct Usage {
    registers: u32,
    spills: u32,
    shared: u32,
}

/// The figures in the assembler's log, by kernel.
fn usages(log: &str) -> Vec<(String, Usage)> {
    let number_before = |line: &str, words: &str| -> u32 {
        let before = line.split(words).next().filter(|before| before.len() < line.len());
        let number = before.and_then(|b| b.trim_end().rsplit([' ', ',']).next()?.parse().ok());
        number.unwrap_or(0)
    };
    let (mut found, mut name, mut spills) = (Vec::new(), String::new(), 0);
    for line in log.lines() {
        if let Some((_, rest)) = line.split_once("Compiling entry function '") {
            name = rest.split('\'').next().unwrap_or_default().to_owned();
        } else if line.contains("bytes spill stores") {
            spills = number_before(line, " bytes spill stores")
                + number_before(line, " bytes spill loads");
        } else if let Some((_, rest)) = line.split_once("Used ") {
            let registers = number_before(rest, " registers");
            let shared = number_before(rest, " bytes smem");
            found.push((std::mem::take(&mut name), Usage { registers, spills, shared }));
        }
    }
    found
}

fn report(ptx: &str, kernels: &[Kernel]) -> String {
    let mut text = format!(
        "# CUDA kernels as compiled\n\n\
         Made with `cargo xtask cuda`: nvcc 13.0.88 from PyPI, `-O3 -Xptxas -v`, which needs \
         no GPU. The module that programs carry is PTX {ptx} for `{VIRTUAL}`. Nothing is run: this \
         shows that every kernel assembles for every architecture, and what it takes.\n\n\
         Registers a thread (the most are 255; 64 let a multiprocessor be full of threads), spills \
         in bytes, shared memory in bytes a block.\n\n| kernel | file |"
    );
    for architecture in ARCHITECTURES {
        let _ = write!(text, " {architecture} |");
    }
    text.push_str(" spills | shared |\n| --- | --- |");
    text.push_str(&" ---: |".repeat(ARCHITECTURES.len() + 2));
    text.push('\n');
    for k in kernels {
        let _ = write!(text, "| `{}` | `{}` |", k.name, k.file);
        for usage in &k.usages {
            let _ = write!(text, " {} |", usage.registers);
        }
        let spills: u32 = k.usages.iter().map(|u| u.spills).sum();
        let shared = k.usages.iter().map(|u| u.shared).max().unwrap_or(0);
        let _ = writeln!(text, " {spills} | {shared} |");
    }
    text
}

/// The compiler's folder, made with pip where it is not yet there.
fn install() -> Result<PathBuf, String> {
    let venv = target("cuda/venv");
    let done = venv.join("installed");
    if !done.exists() {
        println!("installing nvcc from PyPI into {}: 550 MB", venv.display());
        output(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        output(Command::new(venv.join("bin/pip")).args(["install", "--quiet"]).args(WHEELS))?;
        fs::write(&done, WHEELS.join("\n")).map_err(|e| e.to_string())?;
    }
    let found = fs::read_dir(venv.join("lib"))
        .map_err(|e| e.to_string())?
        .filter_map(Result::ok)
        .map(|python| python.path().join("site-packages/nvidia/cu13"))
        .find(|home| home.join("bin/nvcc").exists());
    found.ok_or(format!("no nvcc under {}", venv.display()))
}

fn source(file: &str) -> PathBuf {
    root().join("crates/vbc-kernels/cu").join(file)
}

/// The files with kernels, in order.
fn sources() -> Result<Vec<String>, String> {
    let entries = fs::read_dir(source("")).map_err(|e| e.to_string())?;
    let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
    let mut files: Vec<String> =
        names.filter(|name| name.ends_with(".cu") && name != "all.cu").collect();
    files.sort();
    Ok(files)
}

/// Standard output and error of a program that succeeds.
fn output(command: &mut Command) -> Result<String, String> {
    println!("$ {command:?}");
    let output = command
        .output()
        .map_err(|e| format!("{:?} cannot be started: {e}", command.get_program()))?;
    let text = [output.stdout, output.stderr].map(|b| String::from_utf8_lossy(&b).into_owned());
    if output.status.success() {
        Ok(text.concat())
    } else {
        Err(format!("{command:?} failed: {}\n{}", output.status, text.concat()))
    }
}

/// A program that candle's build scripts take for nvcc. What it writes is no PTX and no library: it
/// must neither load nor link.
const STAND_IN: &str = r#"#!/bin/sh
out= dir=. mode=c src=
while [ $# -gt 0 ]; do
  case "$1" in
    --version|-V) echo "Cuda compilation tools, release 13.0, V13.0.88"; exit 0;;
    --list-gpu-code) printf 'sm_75\nsm_80\nsm_86\nsm_89\nsm_90\n'; exit 0;;
    --ptx|-ptx) mode=ptx;;
    --lib|-lib) mode=lib;;
    -o) out=$2; shift;;
    --output-directory) dir=$2; shift;;
    *.cu) src="$src $1";;
  esac
  shift
done
no='stand-in nvcc: nothing was compiled, do not load this'
case $mode in
  ptx) for s in $src; do
         b=$(basename "$s" .cu)
         echo "$no" > "${out:-$dir/$b.ptx}"
       done;;
  *) echo "$no" > "$out";;
esac
"#;

fn stand_in() -> Result<PathBuf, String> {
    let folder = target("cuda");
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let path = folder.join("stand-in-nvcc");
    fs::write(&path, STAND_IN).map_err(|e| e.to_string())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(|e| e.to_string())?;
    }
    Ok(path)
}

/// That the real assembler, which is what a driver has too, refuses what the stand-in writes.
fn refuses_stand_in(home: &Path, out: &Path) -> Done {
    let ptx = out.join("stand-in.ptx");
    output(Command::new(stand_in()?).arg("-ptx").arg(source("all.cu")).arg("-o").arg(&ptx))?;
    let mut ptxas = Command::new(home.join("bin/ptxas"));
    ptxas.arg(&ptx).args(["-arch=sm_80", "-o"]).arg(out.join("stand-in.cubin"));
    match output(&mut ptxas) {
        Err(_) => Ok(()),
        Ok(_) => Err("the assembler takes the stand-in's output for a program".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_assemblers_log() {
        let log = "ptxas info    : Compiling entry function 'f' for 'sm_90'\n\
             ptxas info    : Function properties for f\n\
             \x20   8 bytes stack frame, 4 bytes spill stores, 12 bytes spill loads\n\
             ptxas info    : Used 31 registers, used 1 barriers, 2048 bytes smem\n";
        let found = usages(log);
        let (name, usage) = &found[0];
        assert_eq!((name.as_str(), found.len()), ("f", 1));
        assert_eq!((usage.registers, usage.spills, usage.shared), (31, 16, 2048));
    }
}
