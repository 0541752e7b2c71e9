//! A flow in little: trained, read back, measured and drawn from.

use serde_json::json;

use super::*;
use crate::log::read_csv;
use crate::paper::{Fit, Normalisation};

/// Trains a flow of 2 × 6 images for two epochs and gives the test images.
fn train(dir: &Path) -> anyhow::Result<Images> {
    let mut rng = Rng::new(5, 0);
    let pixels = (0..20 * 12).map(|_| rng.below(256) as u8).collect();
    let images = Images { n: 20, height: 2, width: 6, channels: 1, pixels };
    let mut reading = Reading::named("as-published")?;
    (reading.layers, reading.hidden, reading.batch) = (3, 7, 5);
    let normalisation = Normalisation::SumOverGroups;
    let bottleneck = Bottleneck::Redundancy { factor: 4, normalisation };
    let mut params = Params::without_averages(&Device::Cpu);
    let flow = PaperNice::new(&mut params, &reading, 12, &mut Rng::new(3, 0))?;
    let model = Virtual::new(flow, bottleneck, &reading, 12)?;
    let config = json!({ "reading": reading, "bottleneck": bottleneck, "seed": 3 });
    let fit = Fit { dir: dir.to_owned(), config, epochs: 2, batch: 5, rate: 1e-3, seed: 3 };
    fit.run(
        &mut params,
        &images,
        &["log_likelihood", "bottleneck", "variance"],
        |items, rng| {
            let cost = model.cost(&inputs(&images, items, &reading, Some(rng), &Device::Cpu)?)?;
            Ok((cost.loss, vec![cost.log_likelihood, cost.bottleneck, cost.variance]))
        },
        || Ok(test_figures(&model, &images, &reading, 3)?.to_vec()),
    )?;
    Ok(images)
}

#[test]
fn a_flow_read_back_has_the_figures_of_its_log() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let images = train(folder.path())?;
    let saved = SavedFlow::open(folder.path(), &Device::Cpu)?;
    assert_eq!((saved.step, saved.seed, saved.dimensions), (8, 3, 12));
    assert_eq!(saved.size, Some((2, 6)));
    let figures = test_figures(&saved.model, &images, &saved.reading, saved.seed)?;
    let log = read_csv(&folder.path().join("epochs.csv"))?;
    assert_eq!(log.rows[1].1[3..], figures);
    Ok(())
}

#[test]
fn what_is_no_flow_is_told_what_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("none")] {
        let error = SavedFlow::open(&path, &Device::Cpu).unwrap_err();
        assert!(matches!(error, SavedError::NotAFlow { .. }), "{error}");
        assert!(error.to_string().contains("fit.checkpoint"), "{error}");
    }
    let (run, config) = (
        checkpoint::RunState {
            rng: Rng::new(1, 1).state(),
            order: crate::data::Order::new(1, 1).state(),
            extra: Value::Null,
        },
        json!({ "vae": [1, 2, 3] }),
    );
    let path = folder.path().join("fit.checkpoint");
    checkpoint::save(&path, &Params::new(), &run, &config).unwrap();
    let error = SavedFlow::open(folder.path(), &Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("a VAE"), "{error}");
}

#[test]
fn a_seed_has_its_pictures() -> anyhow::Result<()> {
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: crate::trained::sample::SampleArgs,
    }
    let folder = tempfile::tempdir()?;
    train(folder.path())?;
    let (dir, out) = (folder.path().to_str().unwrap(), folder.path().join("p.png"));
    let draw = |dir: &str, more: &str| -> anyhow::Result<Vec<u8>> {
        let words = ["sample", dir, "-o", out.to_str().unwrap(), "--device", "cpu"];
        let words = words.into_iter().chain(more.split_whitespace());
        crate::trained::sample::run(&Cli::try_parse_from(words)?.args)?;
        Ok(std::fs::read(&out)?)
    };
    let first = draw(dir, "--count 5 --columns 3")?;
    let picture = image::load_from_memory(&first)?;
    assert_eq!((picture.width(), picture.height()), (3 * 8 + 2, 2 * 4 + 2));
    assert_eq!(draw(dir, "--count 5 --columns 3")?, first);
    assert_ne!(draw(dir, "--count 5 --columns 3 --seed 2")?, first);
    assert_ne!(draw(dir, "--count 5 --columns 3 --temperature 0.1")?, first);
    assert!(draw(dir, "--columns 0").is_err());
    let error = draw(dir, "--previews").unwrap_err().to_string();
    assert!(error.contains("model file"), "{error}");
    Ok(())
}
