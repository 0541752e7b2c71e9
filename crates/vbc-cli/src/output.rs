//! Files that appear whole or not at all.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use crate::failure::{About, Failure, Outcome};
use crate::interrupt::Guard;

/// Where a result goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
}

impl Target {
    /// The target that an argument names; `-` is standard output.
    pub fn of(argument: &Path) -> Self {
        if argument == Path::new("-") { Target::Stdout } else { Target::File(argument.to_owned()) }
    }
}

/// An output that is being written. Dropping it without [`commit`](Output::commit) leaves nothing
/// behind, unless it is a stream.
pub struct Output {
    sink: Sink,
    name: String,
}

enum Sink {
    /// Standard output, a device, a pipe: written as it comes.
    Stream(Box<dyn Write>),
    /// As a stream, but held back in a nameless file until it is committed.
    HeldBack { file: File, stream: Box<dyn Write> },
    /// A file under a temporary name beside its future one.
    File { file: File, temporary: TempPath, guard: Guard, to: PathBuf, force: bool },
}

impl Output {
    /// Begins an output. With `reread`, [`written`](Output::written) can be asked for it.
    ///
    /// Fails at once where the file exists and `force` is not set, so that no work is wasted; the
    /// check that counts is the one at the end.
    pub fn create(target: &Target, force: bool, reread: bool) -> Outcome<Self> {
        let path = match target {
            Target::Stdout => {
                let name = "standard output".to_owned();
                return Self::stream(Box::new(io::stdout()), name, reread);
            }
            Target::File(path) => path,
        };
        let name = path.display().to_string();
        match std::fs::metadata(path) {
            Ok(meta) if meta.is_dir() => {
                return Err(Failure::input("is a directory")).about(path);
            }
            // Renaming over a device or a pipe would replace it.
            Ok(meta) if !meta.is_file() => {
                let file = File::options().write(true).open(path).about(path)?;
                return Self::stream(Box::new(file), name, reread);
            }
            Ok(_) if !force => return Err(exists()).about(path),
            _ => {}
        }
        // A link is followed: its target is replaced, not the link.
        let to = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let folder = match to.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".vbc-").suffix(".tmp");
        open_to_all(&mut builder);
        let (file, temporary) = builder.tempfile_in(folder).about(path)?.into_parts();
        let guard = Guard::new(&temporary);
        Ok(Output { sink: Sink::File { file, temporary, guard, to, force }, name })
    }

    fn stream(stream: Box<dyn Write>, name: String, reread: bool) -> Outcome<Self> {
        let sink = if reread {
            Sink::HeldBack { file: tempfile::tempfile()?, stream }
        } else {
            Sink::Stream(stream)
        };
        Ok(Output { sink, name })
    }

    /// What the output is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes so far, from their start; `None` for a stream.
    pub fn written(&mut self) -> io::Result<Option<File>> {
        self.flush()?;
        match &mut self.sink {
            Sink::Stream(_) => Ok(None),
            Sink::HeldBack { file, .. } | Sink::File { file, .. } => {
                let mut file = file.try_clone()?;
                file.rewind()?;
                Ok(Some(file))
            }
        }
    }

    /// Makes the output appear.
    pub fn commit(mut self) -> Outcome {
        self.flush().about_name(&self.name)?;
        match self.sink {
            Sink::Stream(_) => Ok(()),
            Sink::HeldBack { mut file, mut stream } => (|| {
                file.rewind()?;
                io::copy(&mut file, &mut stream)?;
                stream.flush()
            })()
            .about_name(&self.name),
            Sink::File { file, temporary, guard, to, force } => {
                let named = NamedTempFile::from_parts(file, temporary);
                let done = if force { named.persist(&to) } else { named.persist_noclobber(&to) };
                drop(guard);
                match done {
                    Ok(_) => Ok(()),
                    Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Err(exists()),
                    Err(e) => Err(e.error.into()),
                }
                .about_name(&self.name)
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &mut self.sink {
            Sink::Stream(stream) => stream.write(buf),
            Sink::HeldBack { file, .. } | Sink::File { file, .. } => file.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Stream(stream) => stream.flush(),
            Sink::HeldBack { file, .. } | Sink::File { file, .. } => file.flush(),
        }
    }
}

/// Writes a whole output at once.
pub fn write(target: &Target, force: bool, bytes: &[u8]) -> Outcome {
    let mut output = Output::create(target, force, false)?;
    output.write_all(bytes).about_name(output.name())?;
    output.commit()
}

fn exists() -> Failure {
    Failure::input("exists; --force overwrites it")
}

/// Gives the file the permissions of any new file, instead of those of a secret.
fn open_to_all(builder: &mut tempfile::Builder<'_, '_>) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    #[cfg(not(unix))]
    let _ = builder;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        entries.map(|e| e.expect("entry").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = Target::File(folder.path().join("out"));
        let mut output = Output::create(&target, false, false).expect("a new file");
        output.write_all(b"abc").expect("written");
        drop(output);
        assert_eq!(names(folder.path()), [""; 0]);
        write(&target, false, b"abc").expect("a new file");
        assert_eq!(names(folder.path()), ["out"]);
        assert_eq!(write(&target, false, b"x").expect_err("exists").exit_code(), 1);
        write(&target, true, b"def").expect("forced");
        assert_eq!(std::fs::read(folder.path().join("out")).expect("there"), b"def");
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out");
        let output = Output::create(&Target::File(path.clone()), false, false).expect("new");
        std::fs::write(&path, "other").expect("written");
        assert!(output.commit().is_err());
        assert_eq!(std::fs::read(&path).expect("there"), b"other");
        assert_eq!(names(folder.path()), ["out"]);
    }
}
