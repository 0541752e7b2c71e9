//! What fuzzing found once: every file of `tests/findings`, through the property of the target that
//! its name begins with.

use vbc_tests::bad_files::{Kind, archive, files, single};
use vbc_tests::meter::Meter;
use vbc_tests::properties::{self, ALL};
use vbc_tests::synthetic;

#[global_allocator]
static METER: Meter = Meter;

/// All in one test, because the properties measure memory and must not run beside each other.
#[test]
fn properties_hold() {
    findings_stay_mended();
    for bad in files() {
        println!("{}", bad.name);
        match bad.kind {
            Kind::Single => properties::single_decode(&bad.bytes),
            Kind::Archive => properties::archive_open(&bad.bytes),
            Kind::Model => properties::model_load(&bad.bytes),
            Kind::Idx => properties::idx(&bad.bytes),
        }
    }
    for method in ["raw", "generic", "model"] {
        properties::single_decode(&single(method, Some("name")));
    }
    for file in [archive(false, false), archive(true, false)] {
        (0..=file.len()).rev().for_each(|len| properties::archive_open(&file[..len]));
    }
    properties::model_load(&synthetic::model_of((28, 28), synthetic::Kind::Grids, 1));
    for n in 0..20 {
        properties::roundtrip(&synthetic::pixels(400, n));
    }
}

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
