//! Debian's package of Fashion-MNIST, without root and without installing it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::DatasetError;

const PACKAGE: &str = "dataset-fashion-mnist";

/// Downloads the package into `folder` and unpacks it there; apt checks the archive's signature.
/// Gives the folder that stands for [`super::local::DEBIAN`].
pub(super) fn unpacked(folder: &Path) -> Result<PathBuf, DatasetError> {
    run("apt-get", &["download", PACKAGE], folder)?;
    let io = |source| DatasetError::Io { place: folder.display().to_string(), source };
    let mut package = None;
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        if Path::new(&name).extension().is_some_and(|e| e == "deb") {
            package = name.into_string().ok();
        }
    }
    let package = package.ok_or_else(|| DatasetError::NoPackage(folder.to_owned()))?;
    run("dpkg-deb", &["-x", &package, "."], folder)?;
    Ok(folder.join("usr/share/datasets"))
}

/// Runs a program in `folder`, and says so.
pub(super) fn run(
    program: &'static str,
    arguments: &[&str],
    folder: &Path,
) -> Result<(), DatasetError> {
    let command = format!("{program} {}", arguments.join(" "));
    println!("running in {}: {command}", folder.display());
    let status = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .status()
        .map_err(|source| match source.kind() {
            ErrorKind::NotFound => DatasetError::NoProgram { program, source },
            _ => DatasetError::Io { place: command.clone(), source },
        })?;
    match status.success() {
        true => Ok(()),
        false => Err(DatasetError::Program { command, status }),
    }
}
