//! A whole run on the sample's hundred digits, with and without a latent.

use std::path::Path;

use clap::Parser;
use vbc::{EncodeOptions, IdxHeader, Image, ModelChoice, PixelFormat, Registry, Shape};

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    scan: ScanArgs,
}

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn arguments(out: &Path, base: &Path, solved: &Path, steps: u64) -> ScanArgs {
    let data = format!("{ROOT}/tests/images/mnist-100-images-idx3-ubyte");
    let steps = steps.to_string();
    let few = "--validation 20 --widths 16 8 --batch 4 --keep 0.3 --name tiny";
    let paths = [out, base, solved].map(|p| p.to_str().unwrap());
    let fixed = ["scan", "--data", &data, "--out", paths[0], "--base", paths[1]];
    let more = ["--solved", paths[2], "--steps", &steps];
    Cli::try_parse_from(fixed.into_iter().chain(more).chain(few.split(' '))).unwrap().scan
}

/// Bytes of the sample's first digits as single files under the model, all of which must decode.
pub(crate) fn size(model: &Path) -> Result<usize> {
    let mut registry = Registry::empty();
    let id = registry.add_file(&std::fs::read(model)?, &Limits::default())?;
    let mut options = EncodeOptions::default();
    options.model = ModelChoice::Fixed(id);
    options.registry = registry.clone();
    let mut decode = vbc::DecodeOptions::default();
    decode.registry = registry;
    let file = std::fs::read(format!("{ROOT}/tests/images/mnist-100-images-idx3-ubyte"))?;
    let mut pixels = &file[..];
    IdxHeader::read(&mut pixels)?;
    let shape = Shape { width: 28, height: 28, format: PixelFormat::Grey8 };
    let mut bytes = 0;
    for pixels in pixels.chunks_exact(784).take(10) {
        let image = Image::new(shape, pixels.to_vec())?;
        let file = vbc::encode(&image, None, &options)?;
        assert_eq!(vbc::decode(&file, &decode)?, image);
        bytes += file.len();
    }
    Ok(bytes)
}

#[test]
fn a_network_for_scans_is_trained_and_added_to_any_model() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let of = |name: &str| folder.path().join(name);
    let solved = of("scans");
    let with_latent = format!("{ROOT}/models/mnist-x8-fast.safetensors");
    let with_latent = Path::new(&with_latent);
    run(&arguments(&of("a"), with_latent, &solved, 150))?;
    let file = |name: &str| of(name).join("model.safetensors");
    let trained = size(&file("a"))?;
    assert!(trained < size(with_latent)?, "{trained}");
    // What is trained longer is smaller, and the scans of the model that is added to are replaced.
    run(&arguments(&of("b"), &file("a"), &solved, 2))?;
    assert!(trained < size(&file("b"))?);
    let figures = std::fs::read(of("b").join("figures.json"))?;
    let figures: Value = serde_json::from_slice(&figures)?;
    let validation = |key: &str| figures["validation"][key].as_f64().unwrap_or(f64::NAN);
    assert!(validation("latent_bits") > 20.0 && validation("scan_bits") > 200.0, "{figures}");
    let bits = validation("bits_per_dimension") * 784.0;
    let parts = ["latent_bits", "scan_bits", "other_bits"].map(validation);
    assert!((bits - parts.iter().sum::<f64>()).abs() < 1e-6, "{figures}");

    // A model without a latent.
    let without = format!("{ROOT}/models/mnist-best.safetensors");
    run(&arguments(&of("c"), Path::new(&without), &solved, 150))?;
    assert!(size(&file("c"))? < size(with_latent)?);
    Ok(())
}
