//! `cargo xtask cross`: the library on machines of another word size and byte order, under qemu where this one does
//! not run their programs itself.
//!
//! A target passes if the library's own tests pass on it and if every encoding of the sample images
//! (see `tests/encodings.rs`) has the bytes that it has here, in debug and in release builds.
//!
//! The compiler is Debian's, with the standard library built from its sources, because a target's
//! standard library cannot be had ready-made for every compiler: see [`COMPILER`].

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Done, root, run as sh, target, works};

/// Debian packages of the compiler, unpacked under the build directory and not installed.
const COMPILER: [&str; 5] =
    ["rustc-web", "libstd-rust-web-1.96", "libstd-rust-web-dev", "rust-web-src", "libllvm22"];
/// Their version; libllvm22 has its own.
const VERSION: &str = "1.96.0+dfsg1-1~deb12u2";

/// A machine to be emulated.
struct Machine {
    target: &'static str,
    /// Prefix of its C compiler and of the folder of its libraries.
    gnu: &'static str,
    qemu: &'static str,
    packages: [&'static str; 2],
    /// Images of each sample for the debug build where it takes hours over all of them.
    debug_images: Option<&'static str>,
    why: &'static str,
}

const MACHINES: [Machine; 3] = [
    Machine {
        target: "i686-unknown-linux-gnu",
        gnu: "i686-linux-gnu",
        qemu: "qemu-i386",
        packages: ["gcc-i686-linux-gnu", "libc6-dev-i386-cross"],
        debug_images: None,
        why: "32-bit",
    },
    Machine {
        target: "s390x-unknown-linux-gnu",
        gnu: "s390x-linux-gnu",
        qemu: "qemu-s390x",
        packages: ["gcc-s390x-linux-gnu", "libc6-dev-s390x-cross"],
        debug_images: Some("4"),
        why: "big-endian",
    },
    Machine {
        target: "aarch64-unknown-linux-gnu",
        gnu: "aarch64-linux-gnu",
        qemu: "qemu-aarch64",
        packages: ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
        debug_images: Some("4"),
        why: "another SIMD",
    },
];

/// Checks the machines named by their targets' first words, or all, and writes
/// docs/results/cross.md.
pub fn run(names: &[String]) -> Done {
    let machines: Vec<&Machine> = MACHINES
        .iter()
        .filter(|m| names.is_empty() || names.iter().any(|n| m.target.starts_with(n.as_str())))
        .collect();
    if machines.is_empty() {
        return Err("no such machine; there are i686, s390x and aarch64".into());
    }
    install(&machines)?;
    let compiler = compiler()?;
    let list = fs::read_to_string(root().join("tests/golden/encodings.txt"))
        .map_err(|e| format!("tests/golden/encodings.txt: {e}"))?;
    if native(None)? != list {
        return Err("the encodings made here are not those of tests/golden/encodings.txt".into());
    }
    let mut rows = String::new();
    let mut failed = Vec::new();
    for machine in machines {
        for profile in ["dev", "release"] {
            let few = (profile == "dev").then_some(machine.debug_images).flatten();
            let expected = if few.is_some() { native(few)? } else { list.clone() };
            let encodings = machine.encodings(&compiler, profile, few)?;
            let different = different(&expected, &encodings);
            let tests = if profile == "release" { machine.test(&compiler) } else { None };
            if different > 0 || tests == Some(false) {
                failed.push(machine.target);
            }
            let _ = writeln!(
                rows,
                "| {} ({}) | {profile} | {} | {} of {} equal | {} |",
                machine.target,
                machine.why,
                few.unwrap_or("100"),
                list.lines().count() - different,
                list.lines().count(),
                match tests {
                    Some(true) => "pass",
                    Some(false) => "**fail**",
                    None => "not run in this profile",
                }
            );
        }
    }
    let path = root().join("docs/results/cross.md");
    let text = report(names, &rows);
    fs::create_dir_all(root().join("docs/results"))
        .and_then(|()| fs::write(&path, text))
        .map_err(|e| e.to_string())?;
    println!("{rows}the result is in {}", path.display());
    if failed.is_empty() { Ok(()) } else { Err(format!("other bytes on {}", failed.join(", "))) }
}

fn report(names: &[String], rows: &str) -> String {
    format!(
        "# The same bytes on other machines\n\nMade with `{}`: Debian's rustc {VERSION} with \
         `-Z build-std`, qemu-user, but for i686 on a processor that knows it. Each row encodes the samples of two sets, synthetic models' images \
         and one image of each pixel format: as archives of 1 and of 64 images a block, with 1 and \
         with 2 threads, and as single images. The lines are those that \
         this machine makes, for all 100 images of a sample those of `tests/golden/encodings.txt`.\n\n\
         | machine | profile | images of each sample | encodings | library's tests |\n| --- | --- | --- | --- | --- |\n{rows}",
        ["cargo xtask cross"]
            .into_iter()
            .chain(names.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(" ")
    )
}

/// Lines of `list` that are not in their place in `found`.
fn different(list: &str, found: &str) -> usize {
    let mut found = found.lines();
    list.lines()
        .filter(|line| {
            let other = found.next();
            if other != Some(line) {
                println!("expected {line}\n     got {}", other.unwrap_or("nothing"));
            }
            other != Some(line)
        })
        .count()
}

/// Installs emulator and C compilers where they are missing.
fn install(machines: &[&Machine]) -> Done {
    let mut missing = Vec::new();
    for machine in machines {
        let needs_qemu =
            machine.loader().is_none() && !works(&format!("{} --version", machine.qemu));
        if needs_qemu && !missing.contains(&"qemu-user") {
            missing.push("qemu-user");
        }
        if !works(&format!("{}-gcc --version", machine.gnu)) {
            missing.extend(machine.packages);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get install -y --no-install-recommends {}", missing.join(" "));
    sh("apt-get update -q")
        .and_then(|()| sh(&line))
        .map_err(|why| format!("{why}; as root, on Debian 12: `{line}`"))
}

/// The folder of the unpacked compiler.
fn compiler() -> Result<PathBuf, String> {
    let folder = target("cross-compiler");
    if folder.join("usr/bin/rustc").exists() {
        return Ok(folder);
    }
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    for package in COMPILER {
        let version = if package == "libllvm22" { String::new() } else { format!("={VERSION}") };
        let done = Command::new("apt-get")
            .args(["download", "-q", &format!("{package}{version}")])
            .current_dir(&folder)
            .status();
        if !done.is_ok_and(|s| s.success()) {
            return Err(format!("Debian's package {package}{version} cannot be had from apt-get"));
        }
    }
    for entry in fs::read_dir(&folder).map_err(|e| e.to_string())? {
        let path = entry.map_err(|e| e.to_string())?.path();
        if path.extension().is_some_and(|e| e == "deb") {
            sh(&format!("dpkg -x {} {}", path.display(), folder.display()))?;
            fs::remove_file(path).map_err(|e| e.to_string())?;
        }
    }
    Ok(folder)
}

/// The encodings that this machine makes with the workspace's compiler, of `few` images a sample or
/// all.
fn native(few: Option<&str>) -> Result<String, String> {
    let mut cargo = Command::new("cargo");
    cargo.args([
        "run",
        "--quiet",
        "-p",
        "vbc-tests",
        "--no-default-features",
        "--features",
        "models",
        "--bin",
        "encodings",
        "--",
    ]);
    output(cargo.args(few))
}

impl Machine {
    /// `cargo` with this machine's tools.
    fn cargo(&self, compiler: &Path, command: &str) -> Command {
        let upper = self.target.to_uppercase().replace('-', "_");
        let mut cargo = Command::new("cargo");
        cargo
            .args([command, "-Zbuild-std", "--target", self.target])
            .args(["--no-default-features"])
            .env("RUSTC", compiler.join("usr/bin/rustc"))
            .env("RUSTDOC", compiler.join("usr/bin/rustdoc"))
            .env("LD_LIBRARY_PATH", compiler.join("usr/lib/x86_64-linux-gnu"))
            // Debug assertions and overflow checks are the point of the debug build; without
            // optimisation an emulated machine takes a quarter of an hour over the encodings.
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "3")
            // Building the standard library is not stable.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_DIR", target("cross"))
            .env(format!("CARGO_TARGET_{upper}_LINKER"), format!("{}-gcc", self.gnu))
            .env(format!("CC_{}", self.target.replace('-', "_")), format!("{}-gcc", self.gnu))
            .env(format!("CARGO_TARGET_{upper}_RUNNER"), self.runner());
        cargo
    }

    /// What starts its programs on this machine's own processor, where that knows them.
    fn loader(&self) -> Option<String> {
        let libraries = format!("/usr/{}/lib", self.gnu);
        let loader = format!("{libraries}/ld-linux.so.2");
        let is_known = self.target.starts_with("i686") && works(&format!("{loader} --version"));
        is_known.then(|| format!("{loader} --library-path {libraries}"))
    }

    /// What starts its programs.
    fn runner(&self) -> String {
        self.loader().unwrap_or_else(|| format!("{} -L /usr/{}", self.qemu, self.gnu))
    }

    fn encodings(
        &self,
        compiler: &Path,
        profile: &str,
        few: Option<&str>,
    ) -> Result<String, String> {
        println!("encodings on {}, profile {profile}", self.target);
        let mut cargo = self.cargo(compiler, "run");
        cargo.args(["-p", "vbc-tests", "--features", "models", "--bin", "encodings"]);
        output(cargo.args(["--profile", profile, "--"]).args(few))
    }

    /// Whether the library's own tests pass.
    fn test(&self, compiler: &Path) -> Option<bool> {
        println!("the library's tests on {}", self.target);
        let mut cargo = self.cargo(compiler, "test");
        // Random cases are many on the machine itself; here a few show as much.
        cargo.args(["-p", "vbc", "--lib", "--release"]).env("PROPTEST_CASES", "8");
        Some(cargo.current_dir(root()).status().is_ok_and(|s| s.success()))
    }
}

/// Standard output of a program that succeeds.
fn output(command: &mut Command) -> Result<String, String> {
    let output = command
        .current_dir(root())
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|e| format!("{:?} cannot be started: {e}", command.get_program()))?;
    if !output.status.success() {
        return Err(format!("{command:?} failed: {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|e| e.to_string())
}
