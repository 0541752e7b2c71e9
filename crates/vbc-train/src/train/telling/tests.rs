//! Runs on the sample's hundred digits.

use std::path::Path;

use clap::Parser;
use vbc::training::picked_latents;

use super::*;
use crate::scans::tests::size;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    tell: TellArgs,
}

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn arguments(out: &Path, base: &str, steps: u64) -> TellArgs {
    let data = format!("{ROOT}/tests/images/mnist-100-images-idx3-ubyte");
    let (base, steps) = (format!("{ROOT}/models/{base}.safetensors"), steps.to_string());
    let few = "--validation 20 --units 16 --prior-units 1 --prior-steps 40 --name tiny";
    let fixed = ["tell", "--data", &data, "--out", out.to_str().unwrap(), "--base", &base];
    let words = fixed.into_iter().chain(["--place-steps", &steps]).chain(few.split(' '));
    Cli::try_parse_from(words).unwrap().tell
}

fn validation(dir: &Path) -> Result<Value> {
    let figures: Value = serde_json::from_slice(&std::fs::read(dir.join("figures.json"))?)?;
    Ok(figures["validation"].clone())
}

#[test]
fn latents_are_made_to_tell() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let of = |name: &str| folder.path().join(name);
    let file = |name: &str| of(name).join("model.safetensors");
    run(&arguments(&of("short"), "mnist-x8", 1))?;
    run(&arguments(&of("long"), "mnist-x8", 150))?;
    let [short, long] = ["short", "long"].map(|name| validation(&of(name)));
    let (short, long) = (short?, long?);
    let number = |of: &Value, key: &str| of[key].as_f64().unwrap_or(f64::NAN);
    // A network that knows nothing has 16 rows and columns to choose from; images whose sides no training image has
    // are coded without a grid.
    assert!((5.0..8.5).contains(&number(&short, "place_bits")), "{short}");
    assert!(number(&long, "place_bits") < 0.7 * number(&short, "place_bits"), "{long}");
    assert!((0.0..8.1).contains(&number(&long, "side_bits_told")), "{long}");
    let bits = number(&long, "bits_per_dimension") * 784.0;
    let parts = number(&long, "latent_bits") + number(&long, "residual_bits");
    assert!((bits - parts).abs() < 1e-6, "{long}");

    // The latents that a trainer picks are the codec's.
    let bytes = std::fs::read(file("long"))?;
    let model = Model::from_bytes(&bytes, &Limits::default())?;
    let images = arguments(&of("long"), "mnist-x8", 1).added.images()?;
    let (transform, len) = (Transform::from_bytes(&bytes)?, images.image_len());
    let grids = grids_of(&grid_tables(&bytes)?, &images);
    let picked = transform.picked(&images.pixels, len, &grids);
    assert!(picked == picked_latents(&model, &images.pixels));
    let nearest = transform.latents(&images.pixels, len);
    assert!(picked != nearest);

    // A run that is done is not trained again, one of other settings is refused, and so is a model without grids or
    // without a latent.
    let before = size(&file("long"))?;
    run(&arguments(&of("long"), "mnist-x8", 150))?;
    assert_eq!(size(&file("long"))?, before);
    assert!(run(&arguments(&of("long"), "mnist-x8", 149)).is_err());
    for (base, why) in [("fashion-x8", "a model with grids"), ("mnist-best", "with a latent")] {
        let refused = format!("{:#}", run(&arguments(&of("no"), base, 1)).unwrap_err());
        assert!(refused.contains(why), "{base}: {refused}");
    }
    Ok(())
}

#[test]
fn a_pixel_network_is_trained_on_latents_that_tell() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let of = |name: &str| folder.path().join(name);
    run(&arguments(&of("told"), "mnist-x8", 100))?;
    let transform = format!("--transform {}", of("told/model.safetensors").display());
    let scans = format!("--grids {}", of("scans").display());
    // It ends in an error where the integer model and the floats do not agree.
    let train = |more: &str| crate::train::run(&crate::train::tests::arguments(&of("out"), more));
    train(&format!("{transform} {scans}"))?;
    let bytes = std::fs::read(of("out/model.safetensors"))?;
    Model::from_bytes(&bytes, &Limits::default())?;
    assert!(Transform::from_bytes(&bytes)?.tells());
    // Where there are no grids, there is nothing to be told.
    let train = |more: &str| crate::train::run(&crate::train::tests::arguments(&of("none"), more));
    train(&transform)?;
    let bytes = std::fs::read(of("none/model.safetensors"))?;
    Model::from_bytes(&bytes, &Limits::default())?;
    assert!(!Transform::from_bytes(&bytes)?.tells());
    Ok(())
}
