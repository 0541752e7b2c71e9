//! `--config FILE.toml`: a command's settings from a file. The file's keys are the long flags of the
//! command and the names of its arguments, without dashes in front; what the command line gives is
//! taken from there.

mod added;
mod error;
mod file;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, Parser};

pub use added::AddedArgs;
pub use error::ConfigError;

/// A command's settings, which may be in a file.
#[derive(Args, Clone, Debug)]
pub struct Configured<T: Args> {
    /// Take settings from a TOML file whose keys are the flags below, such as the `config.toml` of a
    /// run; flags on the command line go before it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The settings.
    #[command(flatten)]
    pub args: T,
}

/// The command line, with what a `--config` of its subcommand adds to it.
///
/// # Errors
/// Where the file cannot be read or has what the subcommand does not take; what clap has to say about
/// the command line.
pub fn parse<T: Parser>(words: impl IntoIterator<Item = OsString>) -> Result<T, ConfigError> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    let mut command = T::command();
    // Settings from the file are not there yet, so a first look must not mind their absence.
    let looked = T::command().ignore_errors(true).try_get_matches_from(&words)?;
    if let Some((name, given)) = looked.subcommand()
        && let Ok(Some(path)) = given.try_get_one::<PathBuf>("config")
    {
        // Hands the global arguments on to the subcommands.
        command.build();
        if let Some(sub) = command.find_subcommand(name) {
            let settings = file::settings(sub, path, |id| is_given(given, id))?;
            let at = words.iter().position(|w| w == name).map_or(words.len(), |at| at + 1);
            words.splice(at..at, settings);
        }
    }
    Ok(T::from_arg_matches(&T::command().try_get_matches_from(words)?)?)
}

/// The settings in a file alone; those of `given`, by their flags, go before it.
///
/// # Errors
/// Where the file cannot be read, or is not of this command, or has not all it must have.
pub fn read<T: Args>(
    command: &'static str,
    path: &Path,
    given: &[(&str, &Path)],
) -> Result<T, ConfigError> {
    let command = T::augment_args(Command::new(command));
    let mut words = vec![OsString::from(command.get_name())];
    words.extend(file::settings(&command, path, |id| given.iter().any(|(flag, _)| *flag == id))?);
    for (flag, value) in given {
        words.extend([format!("--{flag}").into(), value.as_os_str().to_owned()]);
    }
    let matches = command.try_get_matches_from(words).map_err(|e| file::missing(path, e))?;
    Ok(T::from_arg_matches(&matches)?)
}

fn is_given(matches: &ArgMatches, id: &str) -> bool {
    matches.try_contains_id(id).unwrap_or(false)
        && matches.value_source(id) == Some(ValueSource::CommandLine)
}
