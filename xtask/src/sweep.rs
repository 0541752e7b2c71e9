//! `cargo xtask sweep DATA [--report]`: what the weight of the squared error and the compression factor do
//! to the latent and to the whole.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::run::{Done, output, python, root, run, target};

/// A set, and the arguments of its trainings.
struct Set {
    name: &'static str,
    /// The model whose flow the trainings of factor 8 start from.
    start: &'static str,
    /// Of every training.
    network: &'static str,
    /// Of the first training, of transform and prior, where the flow starts from a trained one.
    joint: &'static str,
    /// Of the second, of the pixel network alone.
    pixel: &'static str,
    lambdas: &'static [&'static str],
    /// Factors for which flows are trained from nothing, with λ = 2.
    factors: &'static [&'static str],
}

const SETS: [Set; 2] = [
    Set {
        name: "mnist",
        start: "mnist-x8-best",
        network: "--widths 32 48 48 48 --context 2 2",
        joint: "--flow-steps 800 --joint-steps 16000",
        pixel: "--pixel-steps 12000",
        lambdas: &["0.5", "1", "1.5", "2", "2.5", "4", "8"],
        factors: &["4", "8", "16"],
    },
    Set {
        name: "fashion",
        start: "fashion-x8",
        network: "--widths 48 64 64 48 --context 2 3",
        joint: "--flow-steps 800 --joint-steps 10000",
        pixel: "--pixel-steps 8000",
        lambdas: &["1", "2", "4"],
        factors: &[],
    },
];

/// Of every training of a transform.
const LATENT: &str = "--joint-batch 8 --prior-units 3 --prior-steps 2000";

/// Of one whose flow starts from nothing.
const NEW: &str = "--flow-steps 2500 --joint-steps 12000";

/// A row of the tables: name of the run, compression factor, λ.
type Row = (String, String, String);

pub fn task(arguments: &[String]) -> Done {
    let data =
        PathBuf::from(arguments.first().ok_or("a folder with mnist/ and fashion/ is wanted")?);
    let data = fs::canonicalize(&data).map_err(|e| format!("{}: {e}", data.display()))?;
    let folder = target("sweep");
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    if arguments.get(1).is_none_or(|a| a != "--report") {
        run("cargo build --release --package vbc-train")?;
        for set in &SETS {
            train(set, &data, &folder)?;
        }
    }
    let mut text = String::new();
    let mut points = Vec::new();
    for set in &SETS {
        text += &table(set, &folder, &mut points)?;
    }
    let json = folder.join("points.json");
    fs::write(&json, Value::Array(points).to_string()).map_err(|e| e.to_string())?;
    let python = python("sweep", "matplotlib")?;
    let (script, plot) =
        (root().join("xtask/src/plot_sweep.py"), root().join("docs/results/sweep.png"));
    let (python, script) = (python.display(), script.display());
    output(&format!("{python} {script} {} {}", json.display(), plot.display()))?;
    let path = root().join("docs/results/sweep.md");
    fs::write(&path, HEAD.to_owned() + &text).map_err(|e| format!("{}: {e}", path.display()))
}

const HEAD: &str = "\
# What a latent costs and what it gives

`cargo xtask sweep DATA`. Each transform is trained jointly with a pixel network, λ being the weight of the \
squared error in that stage; then every row's pixel network is trained from nothing for the same number of \
steps, far fewer than those of the shipped models, so that rows compare with each other alone. Flows of factor 8 \
start from those of `mnist-x8-best` and `fashion-x8`, but where a row says that its flow is trained from nothing, which rows of other factors compare with. Figures are of \
the 5 000 validation images: archives by `vbc-train eval --validation 5000`; bits are an image's. 5-NN is the \
share of labels that the five nearest latents of the 55 000 training images get right.

![bits of a whole image against 5-NN accuracy and preview](sweep.png)
";

/// The rows of a set: without a latent, λ, factors.
fn rows(set: &Set) -> Vec<Row> {
    let name = |rest: &str| format!("{}-{rest}", set.name);
    let mut rows = vec![(name("none"), "none".into(), "".into())];
    rows.extend(set.lambdas.iter().map(|l| (name(&format!("l{l}")), "8".into(), (*l).into())));
    let new = |c: &&str| (name(&format!("x{c}")), format!("{c}, new flow"), "2".into());
    rows.extend(set.factors.iter().map(new));
    rows
}

fn train(set: &Set, data: &Path, folder: &Path) -> Done {
    let (data, program) = (data.join(set.name), target("release/vbc-train"));
    let program = program.display();
    let images = ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"].map(|n| data.join(n));
    let images = images.iter().find(|path| path.exists()).ok_or("no training images")?;
    let scans = folder.join("mnist.scans");
    let grids =
        if set.name == "mnist" { format!(" --grids {}", scans.display()) } else { String::new() };
    let common =
        format!("{program} --threads 1 train --data {}{grids} {}", images.display(), set.network);
    let of = |name: &str| folder.join(name);
    let joint = |name: &str, stages: &str, more: &str| -> Result<String, String> {
        let out = of(&format!("{name}-transform"));
        let line = format!("{common} --out {} --name {name} {LATENT}", out.display());
        run(&format!("{line} {stages} --pixel-steps 1 {more}"))?;
        Ok(format!("--transform {}", out.join("model.safetensors").display()))
    };
    for (name, factor, lambda) in rows(set) {
        let factor = factor.split(',').next().unwrap_or_default();
        let start = root().join(format!("models/{}.safetensors", set.start));
        let latent = if factor == "none" {
            "--factor 0".to_owned()
        } else if name.ends_with(&format!("-l{lambda}")) {
            let more = format!("--start-flow {} --joint-lambda {lambda}", start.display());
            joint(&name, set.joint, &more)?
        } else {
            let more = format!("--factor {factor} --joint-lambda {lambda}");
            format!("--factor {factor} {}", joint(&name, NEW, &more)?)
        };
        let out = of(&name);
        run(&format!("{common} --out {} --name {name} {} {latent}", out.display(), set.pixel))?;
        let model = out.join("model.safetensors");
        let line = format!(
            "{program} --threads 1 eval --data {} --model {} --validation 5000",
            data.display(),
            model.display()
        );
        fs::write(out.join("eval.json"), output(&line)?).map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn table(set: &Set, folder: &Path, points: &mut Vec<Value>) -> Result<String, String> {
    let factors = match set.factors {
        [] => String::new(),
        _ => format!(" (`{NEW}` for new flows)"),
    };
    let mut text = format!(
        "\n## {}\n\n`vbc-train train {} {LATENT} {}`{}, then `--transform` and `{}`.\n\n\
         | c | λ | all, bits per dimension | against no latent | latent | residual | preview, dB | 5-NN | \
         chunks' spread | from one chunk, dB | one to mean, dB |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        set.name, set.network, set.joint, factors, set.pixel
    );
    let mut without = f64::NAN;
    for (name, factor, lambda) in rows(set) {
        let Ok(read) = fs::read_to_string(folder.join(&name).join("eval.json")) else {
            let _ = writeln!(text, "| {factor} | {lambda} | not run yet | | | | | | | | |");
            continue;
        };
        let found: Value = serde_json::from_str(&read).map_err(|e| e.to_string())?;
        let at = |pointer: &str| found.pointer(pointer).and_then(Value::as_f64);
        let archive = |key: &str| {
            at(&format!("/validation_archive/{key}")).ok_or(format!("no {key} in {name}"))
        };
        let bits = archive("bits_per_dimension")?;
        if factor == "none" {
            without = bits;
        }
        let latent = |key: &str, digits: usize| {
            let value = at(&format!("/latent/{key}"));
            value.map_or("–".to_owned(), |value| format!("{value:.digits$}"))
        };
        let _ = writeln!(
            text,
            "| {factor} | {lambda} | {bits:.4} | {:+.1} % | {:.1} | {:.1} | {} | {} | {} | {} | {} |",
            100.0 * (bits / without - 1.0),
            archive("latent_bits_per_image")?,
            archive("residual_bits_per_image")?,
            latent("preview_psnr", 2),
            latent("five_nn_accuracy", 4),
            latent("chunks/spread", 1),
            latent("chunks/from_one_psnr", 2),
            latent("chunks/one_to_mean_psnr", 2),
        );
        let kind = if factor == "8" {
            format!("λ {lambda}")
        } else {
            format!("X{}", factor.replace(", new flow", ""))
        };
        points.push(serde_json::json!({
            "set": set.name, "label": kind, "bits": bits, "psnr": at("/latent/preview_psnr"),
            "neighbours": at("/latent/five_nn_accuracy"), "latent": archive("latent_bits_per_image")?,
        }));
    }
    Ok(text)
}
