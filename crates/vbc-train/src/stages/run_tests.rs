use candle_core::{Device, Tensor};

use super::*;
use crate::interrupt::testing::stop_at;

#[test]
fn the_late_wait_rise_and_stay() {
    let late = Late { prefixes: &[], from: 4, rise: 4, rate: 0.5 };
    assert_eq!([0, 4, 6, 8, 100].map(|s| late.share(s)), [0.0, 0.0, 0.25, 0.5, 0.5]);
}

/// Where a toy's loss stops being one.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Loss,
    Gradient,
}

/// Trains a toy for 12 steps, with a fault in the eighth, and gives the steps that are done.
fn train(run: &Run, fault: Fault) -> Result<u64> {
    let mut params = Params::new();
    params.add("w", &Tensor::new(&[1f32, -2.0, 3.0], &Device::Cpu)?)?;
    let w = params.get("w").context("no w")?.clone();
    let (name, columns) = ("toy", &["loss"][..]);
    let stage = Stage { name, steps: 12, rate: 0.1, batch: 2, columns, late: None };
    run.train(&stage, &mut params, 5, |rng, items, step| {
        let loss = (w.as_tensor() - (rng.uniform() + f64::from(items[0])))?.sqr()?.sum_all()?;
        let number = f64::from(loss.to_scalar::<f32>()?);
        let loss = match fault {
            Fault::Loss if step == 7 => (loss * f64::NAN)?,
            // The root's slope at 0 has no bound.
            Fault::Gradient if step == 7 => {
                (w.as_tensor() - w.as_tensor().detach())?.sqrt()?.sum_all()?
            }
            _ => loss,
        };
        Ok((loss, vec![number]))
    })?;
    Ok(params.step())
}

#[test]
fn what_is_not_finite_leaves_the_last_checkpoint() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (dir, config) = (folder.path().to_owned(), json!({}));
    let mut run = Run { dir, config, seed: 1, as_it_is: false };
    let path = folder.path().join("toy.checkpoint");
    let refusal = |run: &Run, fault| format!("{:#}", train(run, fault).unwrap_err());
    let text = refusal(&run, Fault::Loss);
    assert!(text.contains("stage toy, step 8: the loss is NaN; there is no checkpoint"), "{text}");
    stop_at(5);
    assert!(train(&run, Fault::None).unwrap_err().is::<Interrupted>());
    let before = std::fs::read(&path)?;
    for (fault, what) in [(Fault::Loss, "the loss is NaN"), (Fault::Gradient, "norm is inf")] {
        let text = refusal(&run, fault);
        assert!(text.contains("stage toy, step 8") && text.contains(what), "{text}");
        assert!(text.contains("toy.checkpoint is from before"), "{text}");
        assert_eq!(std::fs::read(&path)?, before);
    }
    // The same without the fault goes on, and a state can be taken as it is.
    run.as_it_is = true;
    assert_eq!(train(&run, Fault::None)?, 5);
    run.as_it_is = false;
    assert_eq!(train(&run, Fault::None)?, 12);
    Ok(())
}
