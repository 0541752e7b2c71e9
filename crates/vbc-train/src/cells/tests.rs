//! A whole run on the sample's hundred digits, with and without a latent.

use std::path::Path;

use super::*;
use crate::scans::tests::size;
use clap::Parser;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    cells: CellArgs,
}

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn sample() -> String {
    format!("{ROOT}/tests/images/mnist-100-images-idx3-ubyte")
}

fn model(name: &str) -> String {
    format!("{ROOT}/models/{name}.safetensors")
}

fn arguments(out: &Path, base: &str, steps: u64) -> CellArgs {
    let (data, steps, grids) = (sample(), steps.to_string(), model("mnist-x8"));
    let few = "--validation 20 --width 8 --image 4 --batch 4 --keep 0.3 --name tiny";
    let fixed = ["cells", "--data", &data, "--out", out.to_str().unwrap(), "--base", base];
    let more = ["--grids", &grids, "--steps", &steps];
    Cli::try_parse_from(fixed.into_iter().chain(more).chain(few.split(' '))).unwrap().cells
}

/// The model's file, without the tensors whose names begin so.
fn lacking(name: &str, part: &str) -> Result<Vec<u8>> {
    let mut out = Exported::as_it_is(&std::fs::read(model(name))?)?;
    out.tensors.remove(&[part]);
    out.file()
}

fn figures(dir: &Path) -> Result<Value> {
    Ok(serde_json::from_slice(&std::fs::read(dir.join("figures.json"))?)?)
}

#[test]
fn a_network_for_cells_is_trained_and_added_to_a_model() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let of = |name: &str| folder.path().join(name);
    let file = |name: &str| of(name).join("model.safetensors");
    run(&arguments(&of("short"), &model("mnist-x8-best"), 2))?;
    run(&arguments(&of("long"), &model("mnist-x8-best"), 300))?;
    let (short, long) = (size(&file("short"))?, size(&file("long"))?);
    // The same image is coded by the new network, which was random before: far larger after two steps.
    assert!(long * 5 < short * 4, "{short} {long}");
    let found = figures(&of("long"))?;
    let number = |key: &str| found["validation"][key].as_f64().unwrap_or(f64::NAN);
    let bits = number("bits_per_dimension") * 784.0;
    assert!((bits - number("latent_bits") - number("residual_bits")).abs() < 1e-6, "{found}");
    assert!(number("images_without_cells") < 5.0, "{found}");
    // What the float network says of the validation images, and what the integer one takes.
    let parts = &found["validation"]["float_network_plain_ink_high_low_bits_first_1000"];
    let float: f64 = parts.as_array().unwrap().iter().filter_map(Value::as_f64).sum();
    let integer = number("residual_bits");
    assert!((0.0..20.0).contains(&(integer - float)), "{float} {integer}: the rest is the grid");

    // A run that is done is not trained again, and one of other settings is refused.
    run(&arguments(&of("long"), &model("mnist-x8-best"), 300))?;
    assert_eq!(size(&file("long"))?, long);
    assert!(run(&arguments(&of("long"), &model("mnist-x8-best"), 299)).is_err());

    // A model without a latent; and one whose network was made for grids does not fit.
    run(&arguments(&of("none"), &model("mnist-best"), 100))?;
    let without = Model::from_bytes(&std::fs::read(file("none"))?, &Limits::default())?;
    assert!(without.latent_len() == 0 && !without.has_scans());
    assert!(size(&file("none"))? > 0);
    let of_grids = of("of-grids");
    std::fs::write(&of_grids, lacking("mnist-x8", "cells.")?)?;
    let refused = run(&arguments(&of("grids"), of_grids.to_str().unwrap(), 2)).unwrap_err();
    assert!(format!("{refused:#}").contains("without grids"), "{refused:#}");
    Ok(())
}

#[test]
fn a_network_of_values_is_trained() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let trained = |name: &str, steps: u64| {
        let out = folder.path().join(name);
        let args = arguments(&out, &model("mnist-x8-best"), steps);
        run(&CellArgs { values: vec![24, 12], ..args })?;
        Ok::<_, anyhow::Error>(figures(&out)?["validation"].clone())
    };
    let number = |found: &Value, key: &str| found[key].as_f64().unwrap_or(f64::NAN);
    let [short, network] = [trained("short", 2)?, trained("long", 300)?];
    let (before, after) = (number(&short, "residual_bits"), number(&network, "residual_bits"));
    assert!(after * 5.0 < before * 4.0, "{before} {after}");
    // The integer network takes what the float one says.
    let parts = &network["float_network_plain_ink_high_low_bits_first_1000"];
    let float: f64 = parts.as_array().unwrap().iter().filter_map(Value::as_f64).sum();
    assert!((0.0..20.0).contains(&(after - float)), "{float} {after}: the rest is the grid");
    Ok(())
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let args = arguments(Path::new("nowhere"), "none.safetensors", 2);
    let refusal = |args: CellArgs| format!("{:#}", run(&args).unwrap_err());
    for hide in [1.0, -0.1, f64::NAN] {
        let error = refusal(CellArgs { hide, ..args.clone() });
        assert!(error.contains("--hide"), "{error}");
    }
    let error = refusal(CellArgs { values: vec![8, 0], ..args });
    assert!(error.contains("--values"), "{error}");
}

#[test]
fn what_the_same_latents_tell_is_taken() -> Result<()> {
    let whole = std::fs::read(model("mnist-x8"))?;
    let tensors = |file: &[u8]| -> Result<BTreeMap<String, Vec<u8>>> {
        let all = SafeTensors::deserialize(file)?.tensors();
        Ok(all.into_iter().map(|(name, tensor)| (name, tensor.data().to_vec())).collect())
    };
    let joined = with_told(&lacking("mnist-x8", "told.")?, &whole)?.context("told")?;
    assert_eq!(tensors(&joined)?, tensors(&whole)?);
    // What is told already, or by other latents, or not at all.
    assert!(with_told(&whole, &whole)?.is_none());
    assert!(with_told(&lacking("mnist-x8-fast", "told.")?, &whole)?.is_none());
    assert!(with_told(&lacking("mnist-x8", "told.")?, &lacking("mnist-x8", "told.")?)?.is_none());
    Ok(())
}
