//! `cargo xtask bad-files`: the files of `tests/bad`, each bad in its own way, and their README.

use std::fs;

use vbc_tests::bad_files::{files, readme};

use crate::run::Done;

/// Writes all of them anew, and removes what no list names.
pub fn run() -> Done {
    let folder = vbc_tests::path("bad");
    let all = files();
    let write = || {
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(&folder)? {
            fs::remove_file(entry?.path())?;
        }
        fs::write(folder.join("README.md"), readme(&all))?;
        all.iter().try_for_each(|bad| fs::write(folder.join(bad.name), &bad.bytes))
    };
    write().map_err(|e: std::io::Error| e.to_string())?;
    println!("{} files are in {}", all.len(), folder.display());
    Ok(())
}
