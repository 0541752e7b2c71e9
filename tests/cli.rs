//! The `vbc` command from end to end, where all goes well.
//!
//! Sizes depend on the models that are embedded, so figures in outputs are masked.

use std::io::Write;
use std::process::Stdio;

use assert_cmd::Command;
use vbc::{ImageFileFormat, Limits, PixelFormat, read_image, write_image};
use vbc_tests::folder::Folder;
use vbc_tests::pattern;

const STACKS: [&str; 2] = ["mnist-100-images-idx3-ubyte", "fashion-100-images-idx3-ubyte"];

/// A run of the program in a folder.
fn vbc(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vbc"));
    command.current_dir(folder.path()).args(arguments);
    command
}

/// Standard output of a run that must succeed.
fn output(folder: &Folder, arguments: &[&str]) -> Vec<u8> {
    vbc(folder, arguments).assert().success().get_output().stdout.clone()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Text with every number as `#`.
fn masked(bytes: &[u8]) -> String {
    let mut out = String::new();
    for c in text(bytes).chars() {
        match c {
            '0'..='9' if out.ends_with('#') => {}
            '0'..='9' => out.push('#'),
            c => out.push(c),
        }
    }
    out.replace("#.#", "#")
}

fn image_file(name: &str) -> Vec<u8> {
    std::fs::read(vbc_tests::path("images").join(name)).expect("a test file")
}

#[test]
fn help() {
    let folder = Folder::new();
    insta::assert_snapshot!("help", text(&output(&folder, &["--help"])));
    for command in ["encode", "decode", "info", "verify", "preview", "models", "append"] {
        let help = text(&output(&folder, &[command, "--help"]));
        insta::assert_snapshot!(format!("help-{command}"), help);
    }
}

#[test]
fn an_idx_file_comes_back_byte_for_byte() {
    for name in STACKS {
        let folder = Folder::new();
        let original = image_file(name);
        folder.write(name, &original);
        let run = vbc(&folder, &["encode", name, "-o", "a.vbc", "--verify"]).assert().success();
        insta::assert_snapshot!("encode-idx", masked(&run.get_output().stderr));
        let info = text(&output(&folder, &["info", "a.vbc", "--json"]));
        let size = folder.read("a.vbc").len();
        assert!(info.contains(&format!("\"bytes\": {size}")), "{info}");
        assert!(info.contains("\"images\": 100"), "{info}");
        assert!(size < original.len());
        let verified = text(&output(&folder, &["verify", "a.vbc"]));
        assert_eq!(verified, "a.vbc: 100 images, all as written\n");
        output(&folder, &["decode", "a.vbc", "-o", "back"]);
        assert!(folder.read("back") == original);
        assert!(output(&folder, &["decode", "a.vbc", "-o", "-"]) == original);
        output(&folder, &["decode", "a.vbc", "-o", "dir/"]);
        assert!(folder.read(&format!("dir/{name}")) == original);
    }
}

#[test]
fn the_bytes_do_not_depend_on_threads() {
    let folder = Folder::new();
    folder.write("digits", image_file(STACKS[0]));
    output(&folder, &["encode", "digits", "-o", "1.vbc", "--threads", "1", "--block", "7"]);
    output(&folder, &["encode", "digits", "-o", "3.vbc", "--threads", "3", "--block", "7"]);
    assert!(folder.read("1.vbc") == folder.read("3.vbc"));
    let without = ["encode", "digits", "-o", "n.vbc", "--model", "none"];
    output(&folder, &without);
    output(&folder, &["decode", "n.vbc", "-o", "back"]);
    assert!(folder.read("back") == folder.read("digits"));
}

#[test]
fn a_level_chooses_the_models() {
    let folder = Folder::new();
    folder.write("digits", image_file(STACKS[0]));
    let size = |more: &[&str]| {
        let command = [&["encode", "digits", "-o", "a.vbc", "--force"], more].concat();
        output(&folder, &command);
        assert!(output(&folder, &["decode", "a.vbc", "-o", "-"]) == image_file(STACKS[0]));
        (folder.read("a.vbc").len(), text(&output(&folder, &["info", "a.vbc", "--json"])))
    };
    let (default, info) = size(&[]);
    assert!(info.contains("\"mnist-x8\"") && !info.contains("\"mnist-x8-fast\""), "{info}");
    assert_eq!(size(&["--level", "default"]).0, default);
    let (fast, info) = size(&["--level", "fast"]);
    assert!(info.contains("\"mnist-x8-fast\"") && !info.contains("\"mnist-x8\""), "{info}");
    let (best, _) = size(&["--level", "best"]);
    assert!(default < fast && best <= default, "{default} {fast} {best}");
}

#[test]
fn a_model_with_scans_makes_half_of_it() {
    let folder = Folder::new();
    folder.write("digits", image_file(STACKS[0]));
    output(&folder, &["encode", "digits", "-o", "default.vbc"]);
    for name in ["mnist-best", "mnist-x8-best"] {
        let model = format!("{}/../../models/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
        let size = |more: &[&str]| {
            let command = ["encode", "digits", "-o", "a.vbc", "--force", "--model", &model];
            output(&folder, &[&command[..], more].concat());
            let decode = ["decode", "a.vbc", "-o", "-", "--model", &model];
            assert!(output(&folder, &decode) == image_file(STACKS[0]));
            folder.read("a.vbc").len()
        };
        let scans = size(&[]);
        assert!(scans * 19 < folder.read("default.vbc").len() * 10, "{name}: {scans}");
        assert_eq!(size(&["--scan-tries", "4", "--threads", "2"]), scans);
        assert!(size(&["--scan-tries", "0"]) > 2 * scans);
    }
}

#[test]
fn a_gzipped_idx_loses_its_ending() {
    let folder = Folder::new();
    let original = image_file(STACKS[0]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&original).expect("memory");
    folder.write("digits.gz", gzip.finish().expect("memory"));
    output(&folder, &["encode", "digits.gz", "-o", "a.vbc"]);
    output(&folder, &["decode", "a.vbc", "-o", "out/"]);
    assert!(folder.read("out/digits") == original);
}

#[test]
fn a_directory_comes_back_as_it_was() {
    let folder = Folder::new();
    for (i, format) in PixelFormat::ALL.into_iter().enumerate() {
        for kind in ImageFileFormat::ALL.into_iter().filter(|k| k.holds(format)) {
            let image = pattern(5 + i as u32, 7, format);
            let bytes = write_image(&image, kind).expect("held");
            folder.write(&format!("in/{i}/picture.{}", kind.extension()), bytes);
        }
    }
    for name in ["mnist-100-labels-idx1-ubyte", STACKS[1]] {
        folder.write(&format!("in/data/{name}"), image_file(name));
    }
    output(&folder, &["encode", "in", "-o", "a.vbc", "--verify", "--quiet"]);
    output(&folder, &["decode", "a.vbc", "-o", "out"]);
    let (before, after) = (folder.files("in"), folder.files("out"));
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (name, bytes) in &before {
        if name.starts_with("data/") {
            assert!(bytes == &after[name], "{name}");
        } else {
            let read = |bytes| read_image(bytes, &Limits::default()).expect("a picture").0;
            assert_eq!(read(bytes), read(&after[name]), "{name}");
        }
    }
    // One image alone, by its number in the order of the paths' bytes.
    output(&folder, &["decode", "a.vbc", "--image", "0", "-o", "one.png"]);
    let first = read_image(&before["0/picture.bmp"], &Limits::default()).expect("a picture").0;
    let one = read_image(&folder.read("one.png"), &Limits::default()).expect("a picture").0;
    assert_eq!(first, one);
}

#[test]
fn two_directories_keep_their_own_names() {
    let folder = Folder::new();
    let picture = write_image(&pattern(3, 3, PixelFormat::Grey8), ImageFileFormat::Png);
    let picture = picture.expect("PNG");
    folder.write("x/1.png", &picture);
    folder.write("y/1.png", &picture);
    output(&folder, &["encode", "x", "y", "-o", "a.vbc"]);
    output(&folder, &["decode", "a.vbc", "-o", "out"]);
    assert_eq!(folder.files("out").into_keys().collect::<Vec<_>>(), ["x/1.png", "y/1.png"]);
}

#[test]
fn a_single_picture_through_pipes() {
    let folder = Folder::new();
    let image = pattern(28, 28, PixelFormat::Rgb16);
    let picture = write_image(&image, ImageFileFormat::Png).expect("PNG");
    let mut encode = vbc(&folder, &["encode", "-", "-o", "-"]);
    let coded = encode.write_stdin(picture).assert().success().get_output().stdout.clone();
    assert_eq!(vbc::decode(&coded, &vbc::DecodeOptions::default()).expect("an image"), image);
    for (arguments, kind) in [
        (&["decode", "-", "-o", "-"][..], ImageFileFormat::Png),
        (&["decode", "-", "-o", "-", "--format", "pam"], ImageFileFormat::Pam),
    ] {
        let run = vbc(&folder, arguments).write_stdin(coded.clone()).assert().success();
        assert!(run.get_output().stdout == write_image(&image, kind).expect("held"));
    }
    let run = vbc(&folder, &["verify", "-"]).write_stdin(coded).assert().success();
    assert_eq!(text(&run.get_output().stdout), "standard input: 1 image, all as written\n");
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn an_archive_through_pipes() {
    let folder = Folder::new();
    let original = image_file(STACKS[0]);
    for extra in [&[][..], &["--verify"]] {
        let mut encode =
            vbc(&folder, &[&["encode", "-", "-o", "-", "--name", "d"], extra].concat());
        let run = encode.write_stdin(original.clone()).assert().success();
        let coded = run.get_output().stdout.clone();
        let run = vbc(&folder, &["decode", "-", "-o", "-"]).write_stdin(coded).assert().success();
        assert!(run.get_output().stdout == original);
    }
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn single_images_store_a_name_when_asked() {
    let folder = Folder::new();
    let image = pattern(4, 4, PixelFormat::Grey8);
    folder.write("p.pgm", write_image(&image, ImageFileFormat::Pgm).expect("PGM"));
    output(&folder, &["encode", "p.pgm", "-o", "plain.vbc"]);
    output(&folder, &["encode", "p.pgm", "-o", "named.vbc", "--name", "sub/q.bmp"]);
    assert!(folder.read("named.vbc").len() > folder.read("plain.vbc").len());
    output(&folder, &["decode", "plain.vbc", "-o", "out/"]);
    output(&folder, &["decode", "named.vbc", "-o", "out/"]);
    assert_eq!(folder.files("out").into_keys().collect::<Vec<_>>(), ["plain.png", "sub/q.bmp"]);
    output(&folder, &["encode", "p.pgm", "-o", "a.vbc", "--archive"]);
    let info = masked(&output(&folder, &["info", "a.vbc"]));
    assert!(info.starts_with("archive, # image in # block"), "{info}");
    output(&folder, &["decode", "a.vbc", "-o", "back.pgm"]);
    assert!(folder.read("back.pgm") == folder.read("p.pgm"));
}

#[test]
fn append_adds_and_keeps() {
    let folder = Folder::new();
    folder.write("digits", image_file(STACKS[0]));
    folder.write("fashion", image_file(STACKS[1]));
    let picture = write_image(&pattern(9, 5, PixelFormat::Rgba8), ImageFileFormat::Png);
    folder.write("p.png", picture.expect("PNG"));
    output(&folder, &["encode", "digits", "-o", "a.vbc"]);
    let before = folder.read("a.vbc");
    output(&folder, &["append", "a.vbc", "fashion", "p.png", "--verify"]);
    assert!(folder.read("a.vbc").starts_with(&before));
    output(&folder, &["decode", "a.vbc", "-o", "out"]);
    for name in ["digits", "fashion", "p.png"] {
        assert!(folder.read(name) == folder.read(&format!("out/{name}")), "{name}");
    }
}

#[test]
fn preview_needs_a_latent_and_says_so() {
    let folder = Folder::new();
    folder.write("digits", image_file(STACKS[0]));
    output(&folder, &["encode", "digits", "-o", "n.vbc", "--model", "none"]);
    vbc(&folder, &["preview", "n.vbc", "-o", "p.png"]).assert().code(1);
    assert_eq!(folder.names(), ["digits", "n.vbc"]);
    output(&folder, &["encode", "digits", "-o", "a.vbc"]);
    let coded_with_a_model =
        text(&output(&folder, &["info", "a.vbc", "--json"])).contains("\"model\": \"");
    let run = vbc(&folder, &["preview", "a.vbc", "-o", "p.png"]).assert();
    if coded_with_a_model && folder.path().join("p.png").exists() {
        run.success();
        output(&folder, &["preview", "a.vbc", "-o", "each/", "--count", "3"]);
    } else {
        run.code(1);
    }
}

#[test]
fn preview_shows_the_rows_that_are_there() {
    let folder = Folder::new();
    folder.write("digits", image_file(STACKS[0]));
    output(&folder, &["encode", "digits", "-o", "a.vbc"]);
    output(&folder, &["decode", "a.vbc", "--image", "7", "-o", "seven.pgm"]);
    output(&folder, &["encode", "seven.pgm", "-o", "seven.vbc"]);
    let pixels = |name: &str| folder.read(name).split_off("P5\n28 28\n255\n".len());
    let shown = |file: &str, options: &[&str]| {
        let command = [&["preview", file, "-o", "p.pgm", "--force"], options].concat();
        let run = vbc(&folder, &command).assert().success();
        (pixels("p.pgm"), text(&run.get_output().stderr))
    };
    let (seven, (x_hat, _)) = (pixels("seven.pgm"), shown("seven.vbc", &[]));
    assert!(x_hat.len() == 784 && x_hat != seven);
    let both = |rows: usize| [&seven[..28 * rows], &x_hat[28 * rows..]].concat();
    assert_eq!(shown("seven.vbc", &["--rows", "11"]), (both(11), String::new()));
    assert_eq!(shown("seven.vbc", &["--rows", "99"]), (seven.clone(), String::new()));
    let of_archive = shown("a.vbc", &["--first", "7", "--count", "1", "--rows", "11"]);
    assert_eq!(of_archive, (both(11), String::new()));
    let file = folder.read("seven.vbc");
    folder.write("cut.vbc", &file[..file.len() * 2 / 3]);
    let (picture, warning) = shown("cut.vbc", &["--rows", "28"]);
    let rows = (0..=28).find(|&rows| picture == both(rows)).expect("rows, then the preview");
    assert!((1..28).contains(&rows), "{rows}");
    assert_eq!(warning, format!("vbc: warning: cut.vbc: the file holds {rows} rows so far\n"));
}

#[test]
fn models_are_listed() {
    let folder = Folder::new();
    output(&folder, &["models"]);
    let json = text(&output(&folder, &["models", "--json"]));
    assert_eq!(json.matches("\"id\"").count(), vbc::Registry::embedded().iter().count());
}

#[test]
fn metadata_is_dropped_with_a_warning() {
    let folder = Folder::new();
    let png = |value| {
        let chunks: &[(&[u8; 4], &[u8])] = &[(b"tEXt", b"Title\0four")];
        vbc_tests::raw_png::png(1, 1, 8, 0, chunks, &[0, value])
    };
    for name in ["in/a.png", "in/b.png", "in/c.png"] {
        folder.write(name, png(name.as_bytes()[3]));
    }
    let run = vbc(&folder, &["encode", "in", "-o", "a.vbc"]).assert().success();
    insta::assert_snapshot!("warnings", masked(&run.get_output().stderr));
    let quiet = ["encode", "in", "-o", "a.vbc", "--force", "--quiet"];
    let run = vbc(&folder, &quiet).assert().success();
    assert_eq!(text(&run.get_output().stderr), "");
}

#[test]
fn a_closed_pipe_is_success() {
    let folder = Folder::new();
    folder.write("digits", image_file(STACKS[0]));
    output(&folder, &["encode", "digits", "-o", "a.vbc"]);
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_vbc"))
        .args(["decode", "a.vbc", "-o", "-"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    drop(child.stdout.take());
    let done = child.wait_with_output().expect("ended");
    assert!(done.status.success());
    assert_eq!(text(&done.stderr), "");
}
