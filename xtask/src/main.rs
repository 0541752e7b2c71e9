//! Tasks of the repository: `cargo xtask TASK`, one small file a task.

mod ci;
mod completions;
mod fuzz;
mod man;
mod run;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask TASK

  ci            what the continuous integration runs, in its order
  fuzz          builds every fuzz target and runs each for ten seconds
  man           writes the manual pages to target/man
  completions   writes the shell completions to target/completions";

fn main() -> ExitCode {
    let task = std::env::args().nth(1);
    let done = match task.as_deref() {
        Some("ci") => ci::run(),
        Some("fuzz") => fuzz::run(),
        Some("man") => man::run(),
        Some("completions") => completions::run(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
