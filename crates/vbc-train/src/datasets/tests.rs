//! A table of small files, in folders laid out here.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;
use sha2::{Digest, Sha256};

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    data: DataArgs,
}

pub(super) fn content(set: Set, name: &str) -> Vec<u8> {
    format!("{}/{name} ", set.folder()).repeat(50).into_bytes()
}

/// As [`KNOWN`], of the files of [`content`].
pub(super) fn table() -> Vec<Known> {
    let known = |k: &Known| {
        let bytes = content(k.set, k.name);
        let sum: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        Known { set: k.set, name: k.name, len: bytes.len() as u64, sha256: sum.leak() }
    };
    KNOWN.iter().map(known).collect()
}

pub(super) fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// Lays a set out in a folder.
fn lay(folder: &Path, place: &str, set: Set, zip: bool) {
    let folder = folder.join(place);
    std::fs::create_dir_all(&folder).unwrap();
    for known in table().iter().filter(|k| k.set == set) {
        let bytes = content(set, known.name);
        let (name, bytes) = match zip {
            true => (format!("{}.gz", known.name), zipped(&bytes)),
            false => (known.name.to_owned(), bytes),
        };
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

/// Runs the command on the small table.
fn data(out: &Path, from: &Path, more: &str) -> Result<(), DatasetError> {
    let fixed = ["data", "-o", out.to_str().unwrap()];
    let from = ["--from", from.to_str().unwrap()];
    let from = if more.contains("--verify") { &from[..0] } else { &from[..] };
    let words = fixed.iter().chain(from).copied().chain(more.split_whitespace());
    let args = Cli::try_parse_from(words).unwrap().data;
    let all = [Set::Mnist, Set::Fashion];
    let sets = if args.sets.is_empty() { &all[..] } else { &args.sets };
    if args.verify { verify(&args, sets, &table()) } else { get(&args, sets, &table()) }
}

fn folders() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (from, out) = (folder.path().join("from"), folder.path().join("out"));
    std::fs::create_dir(&from).unwrap();
    (folder, from, out)
}

#[test]
fn every_layout_is_found_and_written_decompressed() {
    let layouts = [
        ("mnist", "fashion", true),
        ("MNIST/raw", "FashionMNIST/raw", false),
        ("MNIST", "fashion-mnist", true),
        // The fashion files right in the folder are passed over for MNIST.
        ("mnist", "", false),
        ("", "FashionMNIST", true),
    ];
    for (mnist, fashion, zip) in layouts {
        let (_folder, from, out) = folders();
        lay(&from, mnist, Set::Mnist, zip);
        lay(&from, fashion, Set::Fashion, zip);
        data(&out, &from, "").unwrap();
        for known in &table() {
            let path = out.join(known.set.folder()).join(known.name);
            assert_eq!(std::fs::read(path).unwrap(), content(known.set, known.name));
        }
        data(&out, &from, "--verify").unwrap();
    }
}

#[test]
fn right_files_are_left_alone_and_only_missing_ones_are_got() {
    let (_folder, from, out) = folders();
    lay(&from, "mnist", Set::Mnist, true);
    data(&out, &from, "--set mnist").unwrap();
    let file = |name: &str| out.join("mnist").join(name);
    let kept = file("t10k-images-idx3-ubyte");
    let written = || std::fs::metadata(&kept).unwrap().modified().unwrap();
    let before = written();
    std::fs::remove_file(file("train-labels-idx1-ubyte")).unwrap();
    std::fs::remove_dir_all(from.join("mnist")).unwrap();
    let e = data(&out, &from, "--set mnist").unwrap_err();
    let files = "mnist/train-labels-idx1-ubyte";
    assert!(matches!(&e, DatasetError::Missing { files: f, .. } if f == files), "{e}");
    let e = data(&out, &from, "--verify").unwrap_err();
    assert!(matches!(e, DatasetError::NotRight { wrong: 5, all: 8, .. }), "{e}");
    lay(&from, "mnist", Set::Mnist, false);
    data(&out, &from, "--set mnist").unwrap();
    assert_eq!(written(), before);
}

#[test]
fn an_unknown_file_is_refused_with_both_sums() {
    let (_folder, from, out) = folders();
    lay(&from, "mnist", Set::Mnist, false);
    let path = from.join("mnist/t10k-images-idx3-ubyte");
    let right = std::fs::read(&path).unwrap();
    let mut bytes = right.clone();
    bytes[7] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let sum =
        |bytes: &[u8]| Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect::<String>();
    let e = data(&out, &from, "--set mnist").unwrap_err().to_string();
    assert!(e.contains(&format!("found SHA-256 {}", sum(&bytes))), "{e}");
    assert!(e.contains(&format!("expected {}", sum(&right))), "{e}");
    assert!(!out.join("mnist/t10k-images-idx3-ubyte").exists());

    bytes.push(0);
    std::fs::write(&path, &bytes).unwrap();
    let e = data(&out, &from, "--set mnist").unwrap_err();
    assert!(matches!(e, DatasetError::Long { .. }), "{e}");

    std::fs::remove_file(&path).unwrap();
    let zip = zipped(&right);
    std::fs::write(path.with_extension("gz"), &zip[..zip.len() - 9]).unwrap();
    let e = data(&out, &from, "--set mnist").unwrap_err();
    assert!(matches!(e, DatasetError::Io { .. }), "{e}");
}

#[test]
fn a_wrong_file_in_the_output_folder_is_not_overwritten() {
    let (_folder, from, out) = folders();
    lay(&from, "mnist", Set::Mnist, false);
    data(&out, &from, "--set mnist").unwrap();
    let path = out.join("mnist/t10k-labels-idx1-ubyte");
    for wrong in [b"mine".to_vec(), content(Set::Fashion, "t10k-labels-idx1-ubyte")] {
        // The other set's name is longer, so its file here is too.
        std::fs::write(&path, &wrong).unwrap();
        let e = data(&out, &from, "--set mnist").unwrap_err();
        assert!(matches!(e, DatasetError::InTheWay(_)), "{e}");
        assert_eq!(std::fs::read(&path).unwrap(), wrong);
        assert!(data(&out, &from, "--verify --set mnist").is_err());
    }
}

#[test]
fn addresses_and_folders_are_checked_before_anything_is_done() {
    let (_folder, from, out) = folders();
    for url in ["http://example.org/mnist", "https://", "file:///etc", "https://a.org/?b", "x"] {
        let e = data(&out, &from, &format!("--set mnist --url {url}")).unwrap_err();
        assert!(matches!(e, DatasetError::Address(_)), "{e}");
    }
    let e = data(&out, &from, "--url https://example.org/mnist").unwrap_err();
    assert!(matches!(e, DatasetError::WhichSet), "{e}");
    let e = data(&out, Path::new("/nonexistent"), "").unwrap_err();
    assert!(matches!(e, DatasetError::Io { .. }), "{e}");
    assert!(!out.exists());
}

#[test]
fn programs_that_are_missing_or_fail_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let e = apt::run("no-such-program", &[], folder.path()).unwrap_err();
    assert!(matches!(e, DatasetError::NoProgram { .. }), "{e}");
    if cfg!(unix) {
        let e = apt::run("false", &["x"], folder.path()).unwrap_err();
        assert!(matches!(&e, DatasetError::Program { command, .. } if command == "false x"), "{e}");
    }
}

#[test]
fn the_table_is_whole() {
    for known in &KNOWN {
        assert!(known.sha256.len() == 64 && known.sha256.bytes().all(|b| b.is_ascii_hexdigit()));
        assert_eq!(KNOWN.iter().filter(|k| k.sha256 == known.sha256).count(), 1);
        assert_eq!(KNOWN.iter().filter(|k| k.set == known.set && k.name == known.name).count(), 1);
    }
}
