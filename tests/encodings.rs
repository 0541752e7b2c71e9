//! Prints a line for each encoding of the sample images; `tests/golden/encodings.txt` is what it
//! printed, and what it prints on every machine.

fn main() {
    print!("{}", vbc_tests::encodings_of::lines());
}
