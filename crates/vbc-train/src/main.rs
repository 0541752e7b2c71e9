//! The trainer of vbc's models.
fn main() {}
