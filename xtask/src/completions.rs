//! `cargo xtask completions`: shell completions from the definition of the command line.

use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;

use crate::run::{Done, target};

/// Writes a file for each shell that `clap_complete` knows.
pub fn run() -> Done {
    let folder = target("completions");
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    for &shell in Shell::value_variants() {
        clap_complete::generate_to(shell, &mut vbc_cli::Cli::command(), "vbc", &folder)
            .map_err(|e| e.to_string())?;
    }
    println!("completions are in {}", folder.display());
    Ok(())
}
