//! Programs that a task calls.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What a task gives back: nothing, or one line on what failed.
pub type Done = Result<(), String>;

/// The root of the repository.
pub fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

/// A folder under the build directory.
pub fn target(name: &str) -> PathBuf {
    let base =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    base.join(name)
}

/// Runs a command line, split at spaces, in the root; `env` is set for it.
pub fn run_with(line: &str, env: &[(&str, &str)]) -> Done {
    println!("$ {line}");
    let mut words = line.split(' ');
    let program = words.next().unwrap_or_default();
    let status = Command::new(program)
        .args(words)
        .envs(env.iter().copied())
        .current_dir(root())
        .status()
        .map_err(|e| format!("`{program}` cannot be started: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` failed: {status}")) }
}

/// Runs a command line, split at spaces, in the root.
pub fn run(line: &str) -> Done {
    run_with(line, &[])
}

/// Whether a command line succeeds; its output is dropped.
pub fn works(line: &str) -> bool {
    let mut words = line.split(' ');
    Command::new(words.next().unwrap_or_default())
        .args(words)
        .current_dir(root())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// Standard output of a command line, split at spaces.
pub fn output(line: &str) -> Result<String, String> {
    let mut words = line.split(' ');
    let output = Command::new(words.next().unwrap_or_default())
        .args(words)
        .output()
        .map_err(|e| format!("`{line}`: {e}"))?;
    if !output.status.success() {
        return Err(format!("`{line}`: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A number of a JSON object: the first of that key.
pub fn figure(json: &str, key: &str) -> Result<f64, String> {
    json.split_once(&format!("\"{key}\":"))
        .and_then(|(_, rest)| rest.trim_start().split([',', '}']).next())
        .and_then(|number| number.trim().parse().ok())
        .ok_or_else(|| format!("no {key} in {json}"))
}

/// The processor's name.
pub fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| "a CPU without a name".to_owned(), |(_, name)| name.to_owned())
}

/// A Python of its own under the build directory, with these packages.
pub fn python(name: &str, packages: &str) -> Result<PathBuf, String> {
    let venv = target(name);
    let python = venv.join("bin/python");
    if !python.exists() {
        run(&format!("python3 -m venv {}", venv.display()))?;
    }
    run(&format!("{} -m pip install --quiet {packages}", python.display()))?;
    Ok(python)
}
