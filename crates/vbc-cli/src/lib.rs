//! The `vbc` command as a library: its definition, for manual pages and completions, and the
//! function that runs it. Not an interface for other programs; those use the crate `vbc`.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod failure;
mod grid;
mod inputs;
mod interrupt;
mod names;
mod opened;
mod output;
mod progress;
mod settings;
mod warnings;

use std::process::ExitCode;

pub use args::Cli;

/// Runs a parsed command line; errors become one line on standard error and an exit code.
pub fn main(cli: Cli) -> ExitCode {
    interrupt::install();
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            // Standard error may be gone as well, and then there is nobody left to tell.
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("vbc: {failure}\n").as_bytes(),
            );
            ExitCode::from(failure.exit_code())
        }
    }
}
