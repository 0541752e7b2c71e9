//! `cargo xtask bench-speed DATA`: what `vbc` and other codecs do in a second, on one core.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::run::{Done, cpu, figure, output, python, root, run as sh, target};

/// Training images, from the first: the models may have seen them, and the test images choose
/// nothing.
const IMAGES: usize = 10_000;

/// Those that two threads code.
const OF_THREADS: usize = 60_000;

/// Runs of a process that decodes one image.
const STARTS: u32 = 40;

const LEVELS: [&str; 2] = ["default", "fast"];

const PEERS: [&str; 5] = ["JPEG XL e10", "JPEG XL e7", "WebP lossless", "PNG (Pillow)", "JPEG-LS"];

/// Measures on the sets in the folder `data`, as `vbc-train data` makes it, and writes
/// docs/results/speed.md.
pub fn run(data: Option<&str>) -> Done {
    let data = PathBuf::from(data.ok_or("a folder with mnist/ and fashion/ is wanted")?);
    let python = python("bench-speed", "numpy pillow imagecodecs")?;
    sh("cargo build --release --package vbc-cli")?;
    sh("cargo build --release --package vbc --example speed")?;
    let mut text = format!(
        "# Speed\n\nImages a second on one core of {}, training images 0 to {}, everything in one run: \
         `cargo xtask bench-speed DATA`. `vbc` codes them as one archive in memory, the other codecs as \
         a file each; single images by `vbc` stand below. The fastest of three runs of each, or of up to nine within ten seconds. What two threads give is \
         measured on training images 0 to {}: times as fast as one thread (processor seconds that they take in a \
         second), and how much more is done where two archives are coded at once, by a thread each, which is what the \
         machine has to give.\n",
        cpu(),
        IMAGES - 1,
        OF_THREADS - 1
    );
    for set in ["mnist", "fashion"] {
        text += &one(&data, set, &python)?;
    }
    print!("{text}");
    let path = root().join("docs/results/speed.md");
    std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))
}

/// A set's section.
fn one(data: &Path, set: &str, python: &Path) -> Result<String, String> {
    let file = plain(&data.join(set), set, "train-images-idx3-ubyte")?;
    let file = file.display();
    let speed = target("release/examples/speed");
    let run = |images: usize, what: &str| -> Result<Vec<String>, String> {
        let of_level = |level| {
            output(format!("{} {images} {file} {level} {what}", speed.display()).trim_end())
        };
        LEVELS.into_iter().map(of_level).collect()
    };
    let ours = run(IMAGES, "")?;
    let script = root().join("xtask/src/peers_speed.py");
    let peers = output(&format!("{} {} {IMAGES} {file}", python.display(), script.display()))?;
    let start = start(set)?;
    let threads = run(OF_THREADS, "threads")?;
    let mut text = format!(
        "\n## {set}\n\n| codec | encode | decode | bytes an image |\n| --- | --- | --- | --- |\n"
    );
    for (level, ours) in LEVELS.iter().zip(&ours) {
        let of = |key: &str| figure(ours, key);
        let bytes = of("bytes")? / of("images")?;
        let (encode, decode) = (of("encode")?, of("decode")?);
        let _ = writeln!(text, "| vbc, level {level} | {encode} | {decode} | {bytes:.1} |");
    }
    for name in PEERS {
        let (_, rest) = peers.split_once(&format!("\"{name}\"")).ok_or("a codec is missing")?;
        let of = |key: &str| figure(rest, key);
        let (encode, decode, bytes) = (of("encode")?, of("decode")?, of("bytes")?);
        let _ = writeln!(text, "| {name} | {encode:.0} | {decode:.0} | {bytes:.1} |");
    }
    text.push('\n');
    let each = |key: &str| -> Result<Vec<f64>, String> {
        ours.iter().map(|ours| figure(ours, key)).collect()
    };
    let mut row = |name: &str, cells: Vec<String>| {
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    };
    let whole = |cells: Vec<f64>| cells.iter().map(|v| format!("{v:.0}")).collect::<Vec<_>>();
    let both = |a: Vec<f64>, b: Vec<f64>, digits: usize| {
        a.iter().zip(b).map(|(a, b)| format!("{a:.digits$} and {b:.digits$}")).collect::<Vec<_>>()
    };
    row("", LEVELS.map(|level| format!("level {level}")).to_vec());
    row("---", LEVELS.map(|_| "---".into()).to_vec());
    row("latents, images/s", whole(each("latents")?));
    row("previews, images/s", whole(each("previews")?));
    let (encode, decode) = (each("single_encode_us")?, each("single_decode_us")?);
    row("one image, warm, encode and decode, µs", both(encode, decode, 0));
    for (name, kind) in [("encode", "encoding"), ("decode", "decoding")] {
        let of = |what: &str| -> Result<Vec<f64>, String> {
            threads.iter().map(|threads| figure(threads, &format!("{name}_{what}"))).collect()
        };
        let (two, busy, twice) = (of("threads_2")?, of("busy")?, of("twice")?);
        let cells = two.iter().zip(&busy).map(|(two, busy)| format!("{two:.2} ({busy:.2})"));
        row(&format!("two threads, {kind}"), cells.collect());
        row(
            &format!("two archives at once, {kind}"),
            twice.iter().map(|v| format!("{v:.2}")).collect(),
        );
    }
    let _ = writeln!(
        text,
        "\n`vbc decode` of one image at level default, start of the process included: {start:.1} ms."
    );
    Ok(text)
}

/// The IDX file `name` of the set, decompressed if need be.
pub fn plain(folder: &Path, set: &str, name: &str) -> Result<PathBuf, String> {
    let path = folder.join(name);
    if path.exists() {
        return Ok(path);
    }
    std::fs::create_dir_all(target("bench-speed")).map_err(|e| e.to_string())?;
    let out = target("bench-speed").join(format!("{set}-{name}"));
    let packed = path.with_extension("gz");
    let open = || -> std::io::Result<()> {
        let packed = std::fs::File::open(&packed)?;
        let done = Command::new("gzip")
            .args(["--decompress", "--stdout"])
            .stdin(packed)
            .stdout(std::fs::File::create(&out)?)
            .status()?;
        if done.success() { Ok(()) } else { Err(std::io::Error::other("gzip failed")) }
    };
    open().map_err(|e| format!("{}: {e}", packed.display()))?;
    Ok(out)
}

/// Milliseconds that a process takes to decode one image of the set's sample, the least of many.
fn start(set: &str) -> Result<f64, String> {
    let (vbc, folder) = (target("release/vbc"), target("bench-speed"));
    let (vbc, one) = (vbc.display(), folder.join(format!("{set}.vbc")).display().to_string());
    let back = folder.join(format!("{set}.pgm")).display().to_string();
    let sample = std::fs::read(root().join(format!("tests/images/{set}-100-images-idx3-ubyte")))
        .map_err(|e| e.to_string())?;
    let mut picture = b"P5\n28 28\n255\n".to_vec();
    picture.extend_from_slice(&sample[16..16 + 784]);
    std::fs::write(&back, picture).map_err(|e| e.to_string())?;
    output(&format!("{vbc} encode --quiet --force {back} -o {one}"))?;
    let mut least = f64::INFINITY;
    for _ in 0..STARTS {
        let begun = Instant::now();
        output(&format!("{vbc} decode --quiet --force {one} -o {back}"))?;
        least = least.min(begun.elapsed().as_secs_f64());
    }
    Ok(least * 1e3)
}
