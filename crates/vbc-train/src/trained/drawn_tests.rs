use clap::Parser;
use vbc::Limits;
use vbc::training::measure;

use super::*;
use crate::trained::sample::{SampleArgs, run};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/mnist-x8.safetensors");

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: SampleArgs,
}

/// The grid that `sample` writes.
fn sample(model: &str, more: &str) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("p.png");
    let words = ["sample", model, "-o", out.to_str().context("a path")?];
    run(&Cli::try_parse_from(words.into_iter().chain(more.split_whitespace()))?.args)?;
    Ok(std::fs::read(out)?)
}

#[test]
fn a_seed_has_its_pictures_of_a_model_file() -> Result<()> {
    let first = sample(MODEL, "--count 4 --columns 2")?;
    let picture = image::load_from_memory(&first)?;
    assert_eq!((picture.width(), picture.height()), (2 * 30 + 2, 2 * 30 + 2));
    assert_eq!(sample(MODEL, "--count 4 --columns 2")?, first);
    assert_ne!(sample(MODEL, "--count 4 --columns 2 --seed 2")?, first);
    assert_ne!(sample(MODEL, "--count 4 --columns 2 --previews")?, first);
    Ok(())
}

#[test]
fn what_a_model_file_has_not_is_refused() {
    let refusal = |model, more| format!("{:#}", sample(model, more).unwrap_err());
    let error = refusal(MODEL, "--temperature 0.7");
    assert!(error.contains("--temperature"), "{error}");
    let error = refusal("none.safetensors", "");
    assert!(error.contains("none.safetensors"), "{error}");
    let error = refusal(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "");
    assert!(error.contains("Cargo.toml") && error.contains("model"), "{error}");
}

#[test]
fn images_drawn_are_coded_exactly() -> Result<()> {
    let model = Model::from_bytes(&std::fs::read(MODEL)?, &Limits::default())?;
    let images = drawn(&model, 6, Part::Image, &mut Rng::new(1, 9))?;
    // It decodes too, and compares.
    measure(&model, &images.concat(), 3)?;
    let previews = drawn(&model, 6, Part::Preview, &mut Rng::new(1, 9))?;
    let distance = |a: &[u8], b: &[u8]| -> u32 {
        a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    // An image is most like the preview that was drawn with it.
    let nearest = |image: &[u8]| {
        (0..previews.len()).min_by_key(|&k| distance(image, &previews[k])).unwrap_or_default()
    };
    let found: Vec<usize> = images.iter().map(|image| nearest(image)).collect();
    assert_eq!(found, [0, 1, 2, 3, 4, 5]);
    Ok(())
}
