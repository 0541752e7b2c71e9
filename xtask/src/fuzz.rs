//! `cargo xtask fuzz SECONDS` and `cargo xtask fuzz-smoke`: the targets of `fuzz/` over seeds made
//! of the checked-in files.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use vbc_tests::bad_files::{Kind, archive, files, single};
use vbc_tests::properties::ALL;
use vbc_tests::synthetic;

use crate::run::{Done, root, run as sh, works};

/// Seconds of each target in a smoke run.
const SMOKE: u64 = 10;
/// Longest input in bytes: the synthetic model fits.
const MAX_LEN: usize = 1 << 15;

/// Builds and runs every target for some seconds; says so where the tools are missing.
pub fn smoke() -> Done {
    if !works("cargo +nightly fuzz --version") {
        println!("passed over: fuzzing needs a nightly compiler and cargo-fuzz");
        return Ok(());
    }
    run_all(SMOKE).and_then(|runs| refuse_findings(&runs))
}

/// Runs every target for `seconds`, as the argument says, and writes docs/results/fuzz.md.
pub fn run(seconds: Option<&str>) -> Done {
    let seconds = seconds
        .and_then(|s| s.parse().ok())
        .ok_or("usage: cargo xtask fuzz SECONDS, the time of each target")?;
    if !works("cargo +nightly fuzz --version") {
        return Err("fuzzing needs a nightly compiler and cargo-fuzz".into());
    }
    let runs = run_all(seconds)?;
    let path = root().join("docs/results/fuzz.md");
    fs::create_dir_all(root().join("docs/results")).map_err(|e| e.to_string())?;
    fs::write(&path, report(seconds, &runs)).map_err(|e| e.to_string())?;
    println!("the figures are in {}", path.display());
    refuse_findings(&runs)
}

/// What became of one target.
struct Run {
    target: &'static str,
    wall: u64,
    executions: u64,
    coverage: String,
    corpus: usize,
    finding: Option<String>,
}

fn run_all(seconds: u64) -> Result<Vec<Run>, String> {
    sh("cargo +nightly fuzz build --release")?;
    ALL.iter()
        .map(|(target, _)| {
            let seeds = root().join("fuzz/corpus").join(target);
            seed(target, &seeds).map_err(|e| e.to_string())?;
            run_one(target, seconds, &seeds)
        })
        .collect()
}

fn run_one(target: &'static str, seconds: u64, corpus: &Path) -> Result<Run, String> {
    let line = format!(
        "+nightly fuzz run --release {target} -- -max_total_time={seconds} -max_len={MAX_LEN} \
         -len_control=0 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1"
    );
    println!("$ cargo {line}");
    let start = Instant::now();
    let output = Command::new("cargo")
        .args(line.split_whitespace())
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("cargo cannot be started: {e}"))?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let stat = |name: &str| {
        let rest = text.lines().rev().find_map(|line| line.strip_prefix(name))?;
        rest.split_whitespace().next()?.parse().ok()
    };
    let coverage = text.lines().rev().find_map(|line| {
        let rest = &line[line.find(" cov: ")? + 6..];
        rest.split_whitespace().next()
    });
    let finding = (!output.status.success()).then(|| {
        print!("{text}");
        let panic = text.lines().skip_while(|line| !line.contains("panicked at")).take(2);
        panic.collect::<Vec<_>>().join(" ")
    });
    Ok(Run {
        target,
        wall: start.elapsed().as_secs(),
        executions: stat("stat::number_of_executed_units:").unwrap_or(0),
        coverage: coverage.unwrap_or("?").to_owned(),
        corpus: fs::read_dir(corpus).map_or(0, Iterator::count),
        finding,
    })
}

fn refuse_findings(runs: &[Run]) -> Done {
    let found: Vec<&str> = runs.iter().filter(|r| r.finding.is_some()).map(|r| r.target).collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(format!("findings in {}; their inputs are in fuzz/artifacts", found.join(", ")))
}

fn report(seconds: u64, runs: &[Run]) -> String {
    let mut text = format!(
        "# Fuzzing\n\nA run of **{seconds} seconds a target**, made with `cargo xtask fuzz \
         {seconds}` (libFuzzer, address sanitizer, debug assertions and overflow checks on, one \
         process). Findings that were mended are in `tests/findings` and in the tests beside the \
         code that they broke.\n\n\
         | target | wall seconds | executions | coverage (edges) | corpus (files) | findings |\n\
         | --- | --- | --- | --- | --- | --- |\n"
    );
    for r in runs {
        let finding = r.finding.as_deref().map_or("none".into(), |f| f.replace('|', "/"));
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {finding} |",
            r.target, r.wall, r.executions, r.coverage, r.corpus
        );
    }
    text
}

/// Puts the seeds of a target into its corpus: valid files of each kind, the bad files, and what
/// was found before.
fn seed(target: &str, folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut seeds: Vec<(String, Vec<u8>)> = Vec::new();
    let kind = match target {
        "single_decode" => {
            for method in ["raw", "generic", "model"] {
                seeds.push((method.into(), single(method, None)));
                seeds.push((format!("{method}-named"), single(method, Some("name"))));
            }
            Some(Kind::Single)
        }
        "archive_open" => {
            seeds.push(("generic".into(), archive(false, false)));
            seeds.push(("model".into(), archive(true, false)));
            seeds.push(("embedded".into(), archive(true, true)));
            Some(Kind::Archive)
        }
        "model_load" => {
            use synthetic::Kind::{Grids, NoLatent, Nvb, Rvb};
            for kind in [Rvb, Nvb, NoLatent] {
                seeds.push((format!("{kind:?}"), synthetic::model_of((6, 4), kind, 1)));
                seeds.push((format!("{kind:?}-small"), synthetic::model_of((2, 1), kind, 2)));
            }
            seeds.push(("Grids".into(), synthetic::model_of((28, 28), Grids, 1)));
            Some(Kind::Model)
        }
        "idx" => {
            for name in ["mnist-100-labels-idx1-ubyte", "fashion-100-labels-idx1-ubyte"] {
                seeds.push((name.into(), fs::read(vbc_tests::path("images").join(name))?));
            }
            seeds.push((
                "stack".into(),
                [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 6][..], &[9; 48]].concat(),
            ));
            seeds.push((
                "colour".into(),
                [&[0, 0, 8, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3][..], &[9; 6]]
                    .concat(),
            ));
            Some(Kind::Idx)
        }
        _ => {
            // Any bytes are wishes; these are long enough for many.
            seeds.extend(
                (0..8).map(|n| (format!("wishes-{n}"), synthetic::pixels(300 * n, n as u64))),
            );
            None
        }
    };
    for bad in files().into_iter().filter(|bad| Some(bad.kind) == kind) {
        seeds.push((bad.name.to_owned(), bad.bytes));
    }
    for entry in fs::read_dir(vbc_tests::path("findings"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(&format!("{target}-")) {
            seeds.push((name, fs::read(&path)?));
        }
    }
    seeds.iter().try_for_each(|(name, bytes)| fs::write(folder.join(name), bytes))
}
