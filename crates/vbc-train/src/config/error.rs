//! What can be wrong with a file of settings.

use std::path::PathBuf;

/// Why settings could not be had from a file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}: not TOML", path.display())]
    Toml {
        /// Which one.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// The command has no such setting.
    #[error("{}: `{command}` has no setting `{key}`{}", path.display(), hint(suggestion.as_deref()))]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The command.
        command: String,
        /// The key in the file.
        key: String,
        /// The setting that is spelt most like it, if any is.
        suggestion: Option<String>,
    },
    /// The setting is of another type.
    #[error("{}: {key}: {wanted} is wanted, and this is {found}", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// The key in the file.
        key: String,
        /// What it should be.
        wanted: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// The setting has a value that it cannot have.
    #[error("{}: {key}: {why}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The key in the file.
        key: String,
        /// What the command says to it.
        why: String,
    },
    /// The file has not all settings that the command must have.
    #[error("{}: no {}", path.display(), missing.join(", "))]
    Missing {
        /// The file.
        path: PathBuf,
        /// The settings.
        missing: Vec<String>,
    },
    /// The command line itself is wrong, or asks for help.
    #[error(transparent)]
    Usage(#[from] clap::Error),
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |s| format!("; is `{s}` meant?"))
}
