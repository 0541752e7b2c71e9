//! The commands, one a file. Each resolves its arguments first and works then.

mod add;
mod append;
mod decode;
mod encode;
mod info;
mod models;
mod preview;
mod verify;

use std::io::{self, Write};

use serde_json::Value;

use crate::args::{Cli, Command};
use crate::failure::Outcome;
use crate::settings::Settings;

/// Runs what the command line asks for.
pub fn run(cli: Cli) -> Outcome {
    let settings = Settings::new(&cli.global);
    match cli.command {
        Command::Encode(args) => encode::run(&args, &settings),
        Command::Decode(args) => decode::run(&args, &settings),
        Command::Info(args) => info::run(&args, &settings),
        Command::Verify(args) => verify::run(&args, &settings),
        Command::Preview(args) => preview::run(&args, &settings),
        Command::Models => models::run(&settings),
        Command::Append(args) => append::run(&args, &settings),
    }
}

/// Prints what was asked for to standard output. A closed pipe is an error here and a success to
/// `main`; `println!` would panic instead.
fn print(text: &str) -> Outcome {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Prints JSON to standard output.
fn print_json(value: &Value) -> Outcome {
    print(&format!("{value:#}"))
}

/// Bits of each dimension (sample) of the pixels; `None` without any.
fn bits_per_dimension(bits: f64, samples: u64) -> Option<f64> {
    (samples > 0).then(|| bits / samples as f64)
}

/// A count with its noun, in the plural unless it is 1.
fn counted(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// A shape as people write it.
fn shape_text(shape: &vbc::Shape) -> String {
    format!("{} × {} {:?}", shape.width, shape.height, shape.format)
}
