//! Warnings, gathered so that ten thousand files with one flaw give one line.

use std::collections::BTreeMap;

/// Each warning with the first file that has it and the number of the others.
#[derive(Default)]
pub struct Warnings(BTreeMap<String, (String, u64)>);

impl Warnings {
    /// Notes a warning about a file.
    pub fn add(&mut self, file: &str, warning: impl ToString) {
        self.0
            .entry(warning.to_string())
            .and_modify(|(_, more)| *more += 1)
            .or_insert_with(|| (file.to_owned(), 0));
    }

    /// Prints them all to standard error.
    pub fn print(&self) {
        for (warning, (file, more)) in &self.0 {
            match more {
                0 => eprintln!("vbc: warning: {file}: {warning}"),
                1 => eprintln!("vbc: warning: {file} and another file: {warning}"),
                _ => eprintln!("vbc: warning: {file} and {more} other files: {warning}"),
            }
        }
    }
}
