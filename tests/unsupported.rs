//! Every file of `tests/unsupported` is refused for its reason.
//!
//! The files are written by `unsupported_files.rs`; one that is missing is written here, so a new
//! one needs only its line there.

use vbc::{Error, Limits};

#[test]
fn refused_for_their_reason() {
    for (name, bytes, reason) in vbc_tests::unsupported_files::files() {
        let path = vbc_tests::path("unsupported").join(name);
        if !path.exists() {
            std::fs::write(&path, &bytes).expect("tests/unsupported can be written");
        }
        let stored = std::fs::read(&path).expect("just checked");
        assert!(stored == bytes, "{name} differs from what unsupported_files.rs writes");
        match vbc::read_image(&stored, &Limits::default()) {
            Err(Error::Unsupported(why)) => assert!(why.contains(reason), "{name}: {why}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}
