//! Section 3.1, Figure 3: the null against the redundancy bottleneck at X8 on MNIST.

use anyhow::Result;

use super::Setting;
use super::document::Document;
use super::model::{column, size_of};
use crate::paper::Bottleneck;

const FACTOR: usize = 8;

pub(super) fn run(setting: &Setting, document: &mut Document) -> Result<()> {
    let data = setting.mnist()?;
    let target = setting.reading.null_target;
    document.say(&format!(
        "Log-likelihoods are those of the whole flow under its prior, in nats an image. The null \
         bottleneck's loss is the mean squared distance of the dropped dimensions from {target}; the \
         redundancy bottleneck's is the sum over groups of the unbiased variance. The two are not \
         comparable with each other."
    ));
    let mut rows = Vec::new();
    let (mut likelihoods, mut losses) = (Vec::new(), Vec::new());
    let null = Bottleneck::Null { factor: FACTOR, target };
    for (name, bottleneck) in [("rvb", setting.redundancy(FACTOR)), ("nvb", null)] {
        let runs = setting.train(document, &data, bottleneck, setting.args.epochs)?;
        setting.samples(name, &runs.first().model, size_of(&data.train))?;
        rows.push(vec![
            runs.name.clone(),
            runs.figure(|t| t.last(column::TRAIN_LIKELIHOOD)).text(1),
            runs.figure(|t| t.last(column::TEST_LIKELIHOOD)).text(1),
            runs.figure(|t| t.test_bits()).text(3),
            runs.figure(|t| t.last(column::TEST_BOTTLENECK)).text(4),
        ]);
        likelihoods.push((name.to_owned(), runs.curve(column::TEST_LIKELIHOOD)));
        losses.push((name, runs.curve(column::TEST_BOTTLENECK)));
    }
    document.table(
        &["bottleneck", "train LL", "test LL", "test bits/dim", "test bottleneck loss"],
        rows,
    );
    let what = "Test log-likelihood after each epoch";
    document.chart("likelihood", what, "nats an image", likelihoods);
    for (name, curve) in losses {
        let what = format!("Test bottleneck loss after each epoch, {name}");
        document.chart(&format!("loss-{name}"), &what, "loss", vec![(name.to_owned(), curve)]);
    }
    document.picture("rvb", "Samples, redundancy bottleneck");
    document.picture("nvb", "Samples, null bottleneck");
    Ok(())
}
