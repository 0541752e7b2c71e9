//! What fuzzing found once: every file of `tests/findings`, through the property of the target that
//! its name begins with.

use vbc_tests::meter::Meter;
use vbc_tests::properties::ALL;

#[global_allocator]
static METER: Meter = Meter;

#[test]
fn findings_stay_mended() {
    let folder = std::fs::read_dir(vbc_tests::path("findings")).expect("the folder is there");
    for entry in folder {
        let path = entry.expect("it can be listed").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == "README.md" {
            continue;
        }
        let property = ALL.iter().find(|(target, _)| name.starts_with(&format!("{target}-")));
        let (_, property) = property.unwrap_or_else(|| panic!("{name} names no target"));
        println!("{name}");
        property(&std::fs::read(&path).expect("it can be read"));
    }
}
