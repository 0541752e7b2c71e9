//! A file's keys as words of the command line.

use std::any::TypeId;
use std::ffi::OsString;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};
use toml::{Table, Value};

use super::ConfigError;

/// Keys that are spelt less alike than this are not suggested.
const ALIKE: f64 = 0.7;

/// The words that a file stands for, but for the settings that `is_given` knows by their id.
pub(super) fn settings(
    command: &Command,
    path: &Path,
    is_given: impl Fn(&str) -> bool,
) -> Result<Vec<OsString>, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Io { path: path.to_owned(), source })?;
    let table: Table = text
        .parse()
        .map_err(|source| ConfigError::Toml { path: path.to_owned(), source: Box::new(source) })?;
    let mut words = Vec::new();
    for (key, value) in &table {
        let arg = argument(command, path, key)?;
        let own = self::words(arg, path, key, value)?;
        check(command, path, key, &own)?;
        if !is_given(arg.get_id().as_str()) {
            words.extend(own);
        }
    }
    Ok(words)
}

/// A setting's name in a file.
fn name(arg: &Arg) -> Option<&str> {
    let name = arg.get_long().or_else(|| arg.is_positional().then(|| arg.get_id().as_str()))?;
    (!["config", "help", "version"].contains(&name)).then_some(name)
}

fn argument<'a>(command: &'a Command, path: &Path, key: &str) -> Result<&'a Arg, ConfigError> {
    if let Some(arg) = command.get_arguments().find(|a| name(a) == Some(key)) {
        return Ok(arg);
    }
    let nearest = command
        .get_arguments()
        .filter_map(name)
        .map(|name| (strsim::jaro_winkler(name, key), name))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    Err(ConfigError::Unknown {
        path: path.to_owned(),
        command: command.get_name().to_owned(),
        key: key.to_owned(),
        suggestion: nearest.filter(|n| n.0 >= ALIKE).map(|n| n.1.to_owned()),
    })
}

/// A key and its value as words.
fn words(arg: &Arg, path: &Path, key: &str, value: &Value) -> Result<Vec<OsString>, ConfigError> {
    let refuse = |wanted: &'static str, value: &Value| ConfigError::Type {
        path: path.to_owned(),
        key: key.to_owned(),
        wanted,
        found: kind(value),
    };
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return match value {
            Value::Boolean(true) => Ok(vec![format!("--{key}").into()]),
            Value::Boolean(false) => Ok(vec![]),
            other => Err(refuse("true or false", other)),
        };
    }
    let one = |value: &Value| match (is_number(arg), value) {
        (true, Value::Integer(n)) => Ok(n.to_string()),
        (true, Value::Float(n)) => Ok(n.to_string()),
        (false, Value::String(text)) => Ok(text.clone()),
        (true, other) => Err(refuse("a number", other)),
        (false, other) => Err(refuse("a text", other)),
    };
    let together = arg.get_num_args().is_some_and(|n| n.max_values() > 1);
    let values = match value {
        Value::Array(values) if together || matches!(arg.get_action(), ArgAction::Append) => {
            values.iter().map(one).collect::<Result<_, _>>()?
        }
        other if together => return Err(refuse("an array", other)),
        other => vec![one(other)?],
    };
    if together {
        let flag = format!("--{key}");
        return Ok(std::iter::once(flag).chain(values).map(OsString::from).collect());
    }
    let word = |value| if arg.is_positional() { value } else { format!("--{key}={value}") };
    Ok(values.into_iter().map(word).map(OsString::from).collect())
}

fn is_number(arg: &Arg) -> bool {
    let numbers = [
        TypeId::of::<u64>(),
        TypeId::of::<u32>(),
        TypeId::of::<usize>(),
        TypeId::of::<i64>(),
        TypeId::of::<f64>(),
        TypeId::of::<f32>(),
    ];
    let of = arg.get_value_parser().type_id();
    numbers.iter().any(|number| of == *number)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "an array",
        Value::Table(_) => "a table",
    }
}

/// Lets clap read one setting alone, so that what it refuses is known by the file and the key.
fn check(command: &Command, path: &Path, key: &str, own: &[OsString]) -> Result<(), ConfigError> {
    let alone = command.clone().mut_args(|arg| arg.required(false));
    let words = std::iter::once(OsString::from(command.get_name())).chain(own.iter().cloned());
    match alone.try_get_matches_from(words) {
        Ok(_) => Ok(()),
        Err(error) => {
            let text = error.render().to_string();
            let first = text.lines().next().unwrap_or_default();
            let why = first.strip_prefix("error: ").unwrap_or(first).to_owned();
            Err(ConfigError::Value { path: path.to_owned(), key: key.to_owned(), why })
        }
    }
}

/// What clap misses, where a file is all there is.
pub(super) fn missing(path: &Path, error: clap::Error) -> ConfigError {
    match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::MissingRequiredArgument, Some(ContextValue::Strings(missing))) => {
            ConfigError::Missing { path: path.to_owned(), missing: missing.clone() }
        }
        _ => error.into(),
    }
}
