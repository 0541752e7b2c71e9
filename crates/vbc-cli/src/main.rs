//! The `vbc` command: parses its arguments, runs them, and maps the result to an exit code.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    vbc_cli::main(vbc_cli::Cli::parse())
}
