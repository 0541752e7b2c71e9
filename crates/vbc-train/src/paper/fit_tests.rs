use candle_core::{Device, Tensor};

use super::*;
use crate::interrupt::testing::stop_at;

/// Four epochs of five steps on a toy; `fault` is a step, from 1, whose figures are not finite.
fn train(dir: &Path, fault: u64) -> Result<()> {
    let mut params = Params::without_averages(&Device::Cpu);
    params.add("w", &Tensor::new(&[0.1f32, -0.2, 0.3], &Device::Cpu)?)?;
    let w = params.get("w").context("no w")?.clone();
    let images = Images {
        n: 20,
        height: 1,
        width: 3,
        channels: 1,
        pixels: (0..60).map(|p| p * 4).collect(),
    };
    let (dir, config) = (dir.to_owned(), json!({ "rate": 0.1 }));
    let fit = Fit { dir, config, epochs: 4, batch: 4, rate: 0.1, seed: 3 };
    let step = std::cell::Cell::new(0);
    let cost = |items: &[u32], noise: f64| -> Result<Tensor> {
        let x: Vec<f32> = items
            .iter()
            .flat_map(|&i| images.image(i as usize))
            .map(|&p| f32::from(p) / 255.0)
            .collect();
        let x = Tensor::from_vec(x, (items.len(), 3), &Device::Cpu)?;
        Ok((x.broadcast_sub(&w)? + noise)?.sqr()?.mean_all()?)
    };
    fit.run(
        &mut params,
        &images,
        &["cost"],
        |items, rng| {
            step.set(step.get() + 1);
            let cost = cost(items, rng.uniform())?;
            let figure = f64::from(cost.to_scalar::<f32>()?) / 3.0;
            Ok((cost, vec![if step.get() == fault { f64::NAN } else { figure }]))
        },
        || Ok(vec![f64::from(cost(&[0, 1, 2], 0.0)?.to_scalar::<f32>()?)]),
    )
}

#[test]
fn a_fit_stopped_within_epochs_equals_a_straight_one() -> Result<()> {
    let (straight, stopped) = (tempfile::tempdir()?, tempfile::tempdir()?);
    train(straight.path(), 0)?;
    let file = |dir: &tempfile::TempDir, name: &str| std::fs::read(dir.path().join(name));
    // After steps 3 and 7, both within an epoch, 10, at the end of one, and 11.
    for questions in [3, 4, 3, 1] {
        stop_at(questions);
        let error = train(stopped.path(), 0).unwrap_err();
        assert!(error.is::<Interrupted>(), "{error:#}");
        assert!(!stopped.path().join("DONE").exists());
    }
    // A fault after it leaves the checkpoint as it is.
    let before = file(&stopped, "fit.checkpoint")?;
    let error = train(stopped.path(), 2).unwrap_err().to_string();
    assert!(error.contains("step 13") && error.contains("is from before"), "{error}");
    assert_eq!(file(&stopped, "fit.checkpoint")?, before);
    train(stopped.path(), 0)?;
    assert_eq!(file(&stopped, "epochs.csv")?, file(&straight, "epochs.csv")?);
    let numbers = |dir| -> Result<Vec<u8>> {
        let bytes = file(dir, "fit.checkpoint")?;
        Ok(checkpoint::data_of(&bytes).to_vec())
    };
    assert_eq!(numbers(&stopped)?, numbers(&straight)?);
    assert!(stopped.path().join("DONE").exists());
    Ok(())
}
