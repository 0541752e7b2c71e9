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

/// A forced instruction set that is not there would go unnoticed: results are the same.
fn check_instruction_set() -> failure::Outcome {
    let Some(forced) = std::env::var_os(vbc::INSTRUCTION_SET) else { return Ok(()) };
    let here = vbc::instruction_sets();
    if here.iter().any(|name| forced == *name) {
        return Ok(());
    }
    Err(failure::Failure::usage(format!(
        "{}={}: this machine has {}",
        vbc::INSTRUCTION_SET,
        forced.display(),
        here.join(", ")
    )))
}

/// Runs a parsed command line; errors become one line on standard error and an exit code.
pub fn main(cli: Cli) -> ExitCode {
    interrupt::install();
    match check_instruction_set().and_then(|()| commands::run(cli)) {
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
