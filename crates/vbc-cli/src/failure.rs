//! What ends a run: an error of the library, and the file that it is about.

use std::fmt;
use std::io;
use std::path::Path;

use vbc::Error;

/// An error and its subject, which is mostly a path.
#[derive(Debug)]
pub struct Failure {
    subject: Option<String>,
    error: Error,
    usage: bool,
}

/// The result of everything here.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A request that cannot be fulfilled.
    pub fn input(what: impl Into<String>) -> Self {
        Error::Input(what.into()).into()
    }

    /// Arguments that make no sense together.
    pub fn usage(what: impl Into<String>) -> Self {
        Failure { usage: true, ..Self::input(what) }
    }

    /// The exit code, as `--help` documents it.
    pub fn exit_code(&self) -> u8 {
        match self.error {
            _ if self.usage => 2,
            Error::Corrupt { .. } | Error::Model { .. } => 3,
            Error::Unsupported(_) | Error::UnknownModel { .. } => 4,
            Error::Limit { .. } => 5,
            _ => 1,
        }
    }

    /// Whether the reader of our output has gone, which is its good right.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(&self.error, Error::Io(e) if e.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(subject) = &self.subject {
            write!(f, "{subject}: ")?;
        }
        self.error.fmt(f)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { subject: None, error, usage: false }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Error::Io(error).into()
    }
}

/// Adds the subject to an error that has none yet.
pub trait About<T> {
    /// Says that the error is about a file.
    fn about(self, path: &Path) -> Outcome<T>;

    /// Says what the error is about.
    fn about_name(self, name: &str) -> Outcome<T>;
}

impl<T, E: Into<Failure>> About<T> for Result<T, E> {
    fn about(self, path: &Path) -> Outcome<T> {
        self.map_err(|e| with_subject(e.into(), || path.display().to_string()))
    }

    fn about_name(self, name: &str) -> Outcome<T> {
        self.map_err(|e| with_subject(e.into(), || name.to_owned()))
    }
}

fn with_subject(mut failure: Failure, subject: impl FnOnce() -> String) -> Failure {
    failure.subject.get_or_insert_with(subject);
    failure
}
