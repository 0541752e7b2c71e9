//! The `vbc` command where something is wrong: exit codes, one line of error, and nothing left
//! behind.

use std::io::Cursor;

use assert_cmd::Command;
use vbc::{ArchiveWriter, EncodeOptions, ImageFileFormat, PixelFormat, write_image};
use vbc_tests::folder::Folder;
use vbc_tests::pattern;

/// Runs the program, which must end with `code` and leave the folder as it was; gives its error.
fn fails(folder: &Folder, code: i32, arguments: &[&str]) -> String {
    let before = folder.files("");
    let run = Command::new(env!("CARGO_BIN_EXE_vbc"))
        .current_dir(folder.path())
        .args(arguments)
        .assert()
        .code(code);
    let error = String::from_utf8(run.get_output().stderr.clone()).expect("UTF-8");
    assert!(folder.files("") == before, "{arguments:?} left something: {:?}", folder.names());
    if code != 2 {
        assert!(error.starts_with("vbc: ") && error.lines().count() == 1, "{error:?}");
    }
    assert!(!error.contains("panicked"), "{error}");
    error
}

/// A folder with a picture, a stack of digits, and both of them encoded.
fn filled() -> Folder {
    let folder = Folder::new();
    let picture = write_image(&pattern(28, 28, PixelFormat::Rgb8), ImageFileFormat::Png);
    folder.write("p.png", picture.expect("PNG"));
    let digits = vbc_tests::path("images").join("mnist-100-images-idx3-ubyte");
    folder.write("digits", std::fs::read(digits).expect("a test file"));
    for (from, to) in [("p.png", "p.vbc"), ("digits", "d.vbc")] {
        Command::new(env!("CARGO_BIN_EXE_vbc"))
            .current_dir(folder.path())
            .args(["encode", from, "-o", to])
            .assert()
            .success();
    }
    folder
}

#[test]
fn what_exists_is_not_overwritten() {
    let folder = filled();
    let error = fails(&folder, 1, &["encode", "p.png", "-o", "d.vbc"]);
    insta::assert_snapshot!("exists", error);
    fails(&folder, 1, &["encode", "digits", "-o", "p.vbc"]);
    fails(&folder, 1, &["decode", "p.vbc", "-o", "p.png"]);
    fails(&folder, 1, &["decode", "d.vbc", "-o", "digits"]);
    folder.write("out/digits", "mine");
    fails(&folder, 1, &["decode", "d.vbc", "-o", "out"]);
    Command::new(env!("CARGO_BIN_EXE_vbc"))
        .current_dir(folder.path())
        .args(["decode", "d.vbc", "-o", "out", "--force"])
        .assert()
        .success();
    assert!(folder.read("out/digits") == folder.read("digits"));
}

#[test]
fn failed_is_1() {
    let folder = filled();
    fails(&folder, 1, &["encode", "missing.png", "-o", "x.vbc"]);
    fails(&folder, 1, &["decode", "missing.vbc", "-o", "x.png"]);
    fails(&folder, 1, &["encode", "p.png", "-o", "no/such/place.vbc"]);
    fails(&folder, 1, &["decode", "p.vbc", "-o", "x.jpg"]);
    fails(&folder, 1, &["decode", "p.vbc", "-o", "x.pgm"]);
    fails(&folder, 1, &["decode", "p.vbc", "-o", "x.png", "--image", "1"]);
    fails(&folder, 1, &["decode", "d.vbc", "-o", "x.png", "--image", "100"]);
    fails(&folder, 1, &["encode", "p.png", "p.png", "-o", "x.vbc"]);
    fails(&folder, 1, &["append", "d.vbc", "digits"]);
    fails(&folder, 1, &["append", "p.vbc", "digits"]);
    let error = fails(&folder, 1, &["decode", "p.vbc", "-o", "x.pgm"]);
    insta::assert_snapshot!("not-held", error);
}

#[test]
fn usage_is_2() {
    let folder = filled();
    fails(&folder, 2, &[]);
    fails(&folder, 2, &["unknown"]);
    fails(&folder, 2, &["encode", "p.png"]);
    fails(&folder, 2, &["encode", "p.png", "-o", "x.vbc", "--block", "0"]);
    fails(&folder, 2, &["decode", "p.vbc", "-o", "x", "--format", "jpg"]);
    fails(&folder, 2, &["info", "p.vbc", "--limit-memory", "much"]);
    fails(&folder, 2, &["encode", "p.png", "digits", "-o", "x.vbc", "--name", "n"]);
    fails(&folder, 2, &["encode", "p.png", "-o", "-", "--json"]);
    fails(&folder, 2, &["encode", "p.png", "-o", "x.vbc", "--embed-model"]);
}

#[test]
fn corrupt_is_3() {
    let folder = filled();
    let digits = folder.read("digits");
    folder.write("short", &digits[..digits.len() - 1]);
    folder.write("long", [&digits[..], &[0]].concat());
    folder.write("header", &digits[..9]);
    folder.write("cut.png", &folder.read("p.png")[..40]);
    let labels = vbc_tests::path("images").join("mnist-100-labels-idx1-ubyte");
    let labels = std::fs::read(labels).expect("a test file");
    folder.write("short-labels", &labels[..labels.len() - 1]);
    for bad in ["short", "long", "header", "cut.png", "short-labels"] {
        fails(&folder, 3, &["encode", bad, "-o", "x.vbc"]);
        fails(&folder, 3, &["encode", "p.png", bad, "-o", "x.vbc"]);
        fails(&folder, 3, &["append", "d.vbc", bad]);
    }
    insta::assert_snapshot!("short", fails(&folder, 3, &["encode", "short", "-o", "x.vbc"]));
    folder.write("text.vbc", "not a vbc file");
    folder.write("empty.vbc", "");
    for bad in ["text.vbc", "empty.vbc", "p.png"] {
        for command in ["info", "verify"] {
            fails(&folder, 3, &[command, bad]);
        }
        fails(&folder, 3, &["decode", bad, "-o", "x.png"]);
    }
}

#[test]
fn damage_is_found_wherever_it_is() {
    let folder = filled();
    for name in ["p.vbc", "d.vbc"] {
        let whole = folder.read(name);
        for at in (3..whole.len()).step_by(whole.len() / 20) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            folder.write("flipped.vbc", &flipped);
            folder.write("cut.vbc", &whole[..at]);
            for bad in ["flipped.vbc", "cut.vbc"] {
                let run = Command::new(env!("CARGO_BIN_EXE_vbc"))
                    .current_dir(folder.path())
                    .args(["verify", bad])
                    .assert();
                let code = run.get_output().status.code();
                // A flipped bit may also name another version, a model or a huge image.
                assert!(matches!(code, Some(3..=5)), "{name} at {at}, {bad}: {code:?}");
            }
        }
    }
}

#[test]
fn unsupported_is_4() {
    let folder = filled();
    for (name, bytes, _) in vbc_tests::unsupported_files::files() {
        folder.write(name, bytes);
        fails(&folder, 4, &["encode", name, "-o", "x.vbc"]);
        fails(&folder, 4, &["encode", "p.png", name, "-o", "x.vbc"]);
    }
    fails(&folder, 4, &["encode", "d.vbc", "-o", "x.vbc"]);
    fails(&folder, 4, &["encode", "p.png", "-o", "x.vbc", "--model", "00000000"]);
}

#[test]
fn limits_are_5() {
    let folder = filled();
    for name in ["p.png", "digits"] {
        fails(&folder, 5, &["encode", name, "-o", "x.vbc", "--limit-pixels", "783"]);
        fails(&folder, 5, &["encode", name, "-o", "x.vbc", "--limit-memory", "500"]);
    }
    for name in ["p.vbc", "d.vbc"] {
        fails(&folder, 5, &["decode", name, "-o", "x.png", "--limit-pixels", "783"]);
        fails(&folder, 5, &["decode", name, "-o", "x.png", "--limit-memory", "500"]);
    }
}

#[test]
fn stored_names_lead_nowhere_else() {
    let image = pattern(3, 3, PixelFormat::Grey8);
    let outside = ["../evil.png", "/tmp/vbc-evil.png", "a/../../evil.png", "a//b.png"];
    let odd = ["..", ".", "a/", "/", "a/.."];
    let images = outside.map(|name| (name, true)).into_iter();
    for (name, is_image) in images.chain(outside.into_iter().chain(odd).map(|n| (n, false))) {
        let folder = Folder::new();
        let out = Cursor::new(Vec::new());
        let mut writer = ArchiveWriter::new(out, EncodeOptions::default()).expect("memory");
        if is_image {
            writer.add_image(&image, Some(name)).expect("stored as it is");
        } else {
            writer.add_opaque(name, b"evil").expect("stored as it is");
        }
        writer.add_image(&image, Some("good.png")).expect("stored");
        let (file, _) = writer.finish().expect("memory");
        folder.write("inner/a.vbc", file.into_inner());
        std::fs::create_dir(folder.path().join("inner/out")).expect("made");
        fails(&folder, 3, &["decode", "inner/a.vbc", "-o", "inner/out"]);
    }
}

/// An interrupt while the program waits for input.
#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_nothing() {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let folder = filled();
    let before = folder.files("");
    let mut child = Command::new(env!("CARGO_BIN_EXE_vbc"))
        .args(["encode", "-", "-o", "x.vbc"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .spawn()
        .expect("started");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(&folder.read("digits")[..40_000]).expect("written");
    while folder.names().len() == before.len() {
        std::thread::sleep(std::time::Duration::from_millis(10));
        assert!(child.try_wait().expect("asked").is_none(), "ended early");
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.expect("started").success());
    assert_eq!(child.wait().expect("ended").code(), Some(130));
    assert!(folder.files("") == before, "{:?}", folder.names());
}
