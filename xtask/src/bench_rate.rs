//! `cargo xtask bench-rate DATA`: sizes and speeds of `vbc` and of other codecs on the test sets, and what
//! `vbc` makes of images that its models were not trained on.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::bench_speed::plain;
use crate::run::{Done, cpu, output, python, root, run as sh, target};

/// Levels, the last one without latents where a model has none.
const LEVELS: [&str; 4] = ["fast", "default", "best", "smallest"];
const PIXELS: f64 = 784.0;
/// Images of a set that the models were not trained on.
const FOREIGN: u64 = 1000;

/// The part of docs/results/rate.md that this task writes.
const BEGIN: &str = "<!-- cargo xtask bench-rate -->\n";
const END: &str = "<!-- end -->\n";

/// A row of the comparison: JSON with set, name, kind (vbc, file, set), bits, encode, decode.
type Row = Value;

pub fn run(data: Option<&str>) -> Done {
    let data = PathBuf::from(data.ok_or("a folder with mnist/ and fashion/ is wanted")?);
    let python = python("bench-rate", "numpy pillow imagecodecs zstandard matplotlib")?;
    sh("cargo build --release --package vbc-cli --features best")?;
    let models = "model-mnist-best,model-fashion-best";
    sh(&format!("cargo build --release --package vbc --features {models} --example speed"))?;
    let mut rows = Vec::new();
    for set in ["mnist", "fashion"] {
        rows.extend(ours(&data, set)?);
        rows.extend(peers(&data, set, &python)?);
    }
    let folder = target("bench-rate");
    let json = folder.join("rows.json");
    write(&json, &Value::Array(rows.clone()).to_string())?;
    let plot = root().join("docs/results/rate.png");
    let script = root().join("xtask/src/plot_rate.py");
    output(&format!(
        "{} {} {} {}",
        python.display(),
        script.display(),
        json.display(),
        plot.display()
    ))?;
    let (foreign, worst) = foreign(&data, &python)?;
    let mut text = format!(
        "Sizes and speeds in one run on one core of {}: `cargo xtask bench-rate DATA`, the 10 000 test \
         images of each set. `vbc` codes a set as one archive of which every image can be read alone; its \
         single files are the mean of the first 1 000. Of JPEG XL e10 every fifth image is coded, of xz \
         every twentieth. Speeds are images a second.\n\n![bits per dimension against speed](rate.png)\n",
        cpu()
    );
    for set in ["mnist", "fashion"] {
        text += &table(set, &rows);
    }
    text += &foreign;
    let path = root().join("docs/results/rate.md");
    let old = std::fs::read_to_string(&path).unwrap_or_else(|_| format!("# Rate\n\n{BEGIN}{END}"));
    let (before, rest) =
        old.split_once(BEGIN).ok_or("docs/results/rate.md has no place for this")?;
    let (_, after) = rest.split_once(END).ok_or("docs/results/rate.md has no end of the place")?;
    write(&path, &format!("{before}{BEGIN}\n{text}\n{END}{after}"))?;
    if worst > 1.0 {
        return Err(format!(
            "auto is {worst:.2} bytes an image larger than the best single method"
        ));
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Done {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, text))
        .map_err(|e| format!("{}: {e}", path.display()))
}

fn parsed(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|e| format!("{e} in {text}"))
}

fn number(value: &Value, key: &str) -> Result<f64, String> {
    value[key].as_f64().ok_or_else(|| format!("no {key} in {value}"))
}

fn ours(data: &Path, set: &str) -> Result<Vec<Row>, String> {
    let file = plain(&data.join(set), set, "t10k-images-idx3-ubyte")?;
    let speed = target("release/examples/speed");
    LEVELS
        .iter()
        .map(|level| {
            let line = format!("{} 10000 {} {level} sizes", speed.display(), file.display());
            let found = parsed(&output(&line)?)?;
            Ok(json!({
                "set": set, "name": format!("vbc {level}"), "kind": "vbc",
                "bits": 8.0 * number(&found, "bytes")? / number(&found, "images")? / PIXELS,
                "single": number(&found, "single_bytes")?,
                "encode": number(&found, "encode")?, "decode": number(&found, "decode")?,
            }))
        })
        .collect()
}

fn peers(data: &Path, set: &str, python: &Path) -> Result<Vec<Row>, String> {
    let folder = data.join(set);
    let test = plain(&folder, set, "t10k-images-idx3-ubyte")?;
    let training = plain(&folder, set, "train-images-idx3-ubyte")?;
    let script = root().join("xtask/src/peers_rate.py");
    let line = format!(
        "{} {} {} {}",
        python.display(),
        script.display(),
        test.display(),
        training.display()
    );
    let found = parsed(&output(&line)?)?;
    let rows = found.as_array().ok_or("no rows")?.iter().map(|row| {
        let mut row = row.clone();
        row["bits"] = json!(8.0 * number(&row, "bytes")? / number(&row, "images")? / PIXELS);
        row["set"] = json!(set);
        Ok(row)
    });
    rows.collect()
}

/// The rows of a set, fewest bits first.
fn table(set: &str, rows: &[Row]) -> String {
    let mut rows: Vec<&Row> = rows.iter().filter(|row| row["set"] == set).collect();
    let bits = |row: &Row| row["bits"].as_f64().unwrap_or(f64::NAN);
    rows.sort_by(|a, b| bits(a).total_cmp(&bits(b)));
    let mut text = format!(
        "\n### {set}\n\n| codec | what is a file | bits per dimension | bytes an image | encode | decode |\n\
         | --- | --- | --- | --- | --- | --- |\n"
    );
    for row in rows {
        let name = row["name"].as_str().unwrap_or_default();
        let kind = match row["kind"].as_str() {
            Some("vbc") => "the set; every image readable alone",
            Some("file") => "an image",
            _ => "the set",
        };
        let speed = |key: &str| format!("{:.0}", row[key].as_f64().unwrap_or(f64::NAN));
        let _ = writeln!(
            text,
            "| {name} | {kind} | {:.3} | {:.1} | {} | {} |",
            bits(row),
            bits(row) * PIXELS / 8.0,
            speed("encode"),
            speed("decode")
        );
        if let Some(single) = row["single"].as_f64() {
            let bits = 8.0 * single / PIXELS;
            let _ = writeln!(text, "| {name} | an image | {bits:.3} | {single:.1} | | |");
        }
    }
    text
}

/// A table of sizes of foreign images, and by how many bytes an image `auto` is at most larger than the
/// best single method.
fn foreign(data: &Path, python: &Path) -> Result<(String, f64), String> {
    let folder = target("bench-rate/foreign");
    let test = |set: &str| plain(&data.join(set), set, "t10k-images-idx3-ubyte");
    let script = root().join("xtask/src/foreign.py");
    let (mnist, fashion) = (test("mnist")?, test("fashion")?);
    let sets = output(&format!(
        "{} {} {} {} {}",
        python.display(),
        script.display(),
        mnist.display(),
        fashion.display(),
        folder.display()
    ))?;
    let vbc = target("release/vbc");
    let models = parsed(&output(&format!("{} models --json", vbc.display()))?)?;
    let models = models.as_array().ok_or("no models")?;
    let models: Vec<(String, String, bool)> = models
        .iter()
        .map(|model| {
            let text = |key: &str| model[key].as_str().unwrap_or_default().to_owned();
            let has_latent = model["latent"].as_u64().is_some_and(|m| m > 0);
            (text("name"), text("id"), has_latent)
        })
        .collect();
    let mut text = format!(
        "\n### Images the models were not trained on\n\nBytes an image, {FOREIGN} images of each kind in one \
         archive; `none` is the untrained coder (docs/architecture.md), of which `raw` is the last resort.\n\n\
         | images | auto, level best | auto, level default | auto, level fast |"
    );
    models.iter().for_each(|(name, ..)| {
        let _ = write!(text, " {name} |");
    });
    text += " none |\n| --- | --- | --- | --- | --- |";
    text += &" --- |".repeat(models.len());
    text.push('\n');
    let mut worst = f64::NEG_INFINITY;
    for set in sets.lines() {
        let file = folder.join(format!("{set}.idx"));
        let size = |options: &str| -> Result<f64, String> {
            let out = folder.join("out.vbc");
            output(&format!(
                "{} encode --quiet --force {options} {} -o {}",
                vbc.display(),
                file.display(),
                out.display()
            ))?;
            let bytes = std::fs::metadata(&out).map_err(|e| e.to_string())?.len();
            Ok(bytes as f64 / FOREIGN as f64)
        };
        let auto = ["best", "default", "fast"].map(|level| size(&format!("--level {level}")));
        let [best, default, fast] = auto;
        let (best, default, fast) = (best?, default?, fast?);
        let each: Vec<f64> = models
            .iter()
            .map(|(_, id, _)| size(&format!("--model {id}")))
            .chain([size("--model none")])
            .collect::<Result<_, _>>()?;
        // What has no latent is only tried where none is asked for; the untrained coder always is.
        let keeps = models.iter().map(|model| model.2).chain([true]);
        let tried = each.iter().zip(keeps).filter(|method| method.1).map(|method| *method.0);
        worst = worst.max(best - tried.fold(f64::INFINITY, f64::min));
        let cells = [best, default, fast].into_iter().chain(each).map(|v| format!("{v:.1}"));
        let _ = writeln!(text, "| {set} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    let _ = writeln!(
        text,
        "\nAt level best `auto` is at most {worst:.2} bytes an image larger than the best single method that \
         keeps latents; models without one are tried with `--latent none` alone."
    );
    Ok((text, worst))
}
