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

/// The processor's name and what it can do.
pub fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    described(&info).unwrap_or_else(|| "a CPU without a name".to_owned())
}

/// Instruction sets that the kernels ask for, and those that tell one core from another.
const FEATURES: [&str; 8] =
    ["sse4_2", "avx2", "fma", "avx_vnni", "avx512f", "avx512bw", "avx512vbmi", "avx512_vnni"];

/// The first processor of `/proc/cpuinfo`: name, family and model, features.
fn described(info: &str) -> Option<String> {
    let field = |name: &str| {
        let mut fields = info.lines().filter_map(|line| line.split_once(':'));
        fields.find_map(|(key, value)| (key.trim() == name).then_some(value.trim()))
    };
    let name = field("model name")?;
    let mut text = name.to_owned();
    if let (Some(family), Some(model)) = (field("cpu family"), field("model")) {
        text += &format!(" (family {family}, model {model}");
        let has: Vec<&str> = field("flags").unwrap_or_default().split_whitespace().collect();
        for feature in FEATURES.iter().filter(|feature| has.contains(feature)) {
            text += &format!(", {feature}");
        }
        text.push(')');
    }
    Some(text)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_named_with_what_it_can_do() {
        let info = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: An EPYC\nflags\t\t: fpu sse4_2 avx2 avx512_vnni\n\n\
                    processor\t: 1\nmodel name\t: Another\n";
        let expected = "An EPYC (family 25, model 17, sse4_2, avx2, avx512_vnni)";
        assert_eq!(described(info).as_deref(), Some(expected));
        assert_eq!(described("model name : A Cortex\n").as_deref(), Some("A Cortex"));
        assert_eq!(described(""), None);
    }
}
