//! `cargo xtask man`: manual pages from the definition of the command line.

use clap::CommandFactory;

use crate::run::{Done, target};

/// Writes `vbc.1` and a page for each subcommand.
pub fn run() -> Done {
    let folder = target("man");
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    clap_mangen::generate_to(vbc_cli::Cli::command(), &folder).map_err(|e| e.to_string())?;
    println!("manual pages are in {}", folder.display());
    Ok(())
}
