//! What the encoder writes is what it wrote: no build, option or machine changes a byte.

use std::collections::BTreeSet;

#[test]
fn encodings_are_those_of_the_list() {
    let list = std::fs::read_to_string(vbc_tests::path("golden/encodings.txt"))
        .expect("tests/golden/encodings.txt is there");
    let recorded: BTreeSet<&str> = list.lines().collect();
    let lines = vbc_tests::encodings_of::lines(vbc_tests::encodings_of::ALL);
    let new: Vec<&str> = lines.lines().filter(|line| !recorded.contains(line)).collect();
    assert!(
        new.is_empty(),
        "not in tests/golden/encodings.txt (if they are meant, write it anew with \
         `cargo run -p vbc-tests --bin encodings > tests/golden/encodings.txt`):\n{}",
        new.join("\n")
    );
}
