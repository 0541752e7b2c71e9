//! The `vbc` command.
fn main() {}
