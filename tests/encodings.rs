//! Prints a line for each encoding of the sample images; `tests/golden/encodings.txt` is what it
//! printed, and what it prints on every machine. An argument is a number of images to take of each
//! sample instead of all, for a machine that is slow.

use std::process::ExitCode;

use vbc_tests::encodings_of::{ALL, lines};

fn main() -> ExitCode {
    match std::env::args().nth(1).map_or(Ok(ALL), |count| count.parse()) {
        Ok(count @ 1..=ALL) => {
            print!("{}", lines(count));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("a number of images up to {ALL} is wanted");
            ExitCode::from(2)
        }
    }
}
