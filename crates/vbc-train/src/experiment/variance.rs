//! Section 3.3, Figure 6: with and without the variance term, a fifth of the epochs.

use anyhow::Result;

use super::Setting;
use super::document::Document;
use super::model::{column, size_of};
use crate::paper::{Bottleneck, Normalisation};

pub(super) fn run(setting: &Setting, document: &mut Document) -> Result<()> {
    let data = setting.mnist()?;
    let epochs = setting.args.epochs.div_ceil(5);
    document.say(&format!("Trained for {epochs} epochs."));
    let mut rows = Vec::new();
    let (mut likelihoods, mut variances) = (Vec::new(), Vec::new());
    let none = Bottleneck::Redundancy { factor: 8, normalisation: Normalisation::None };
    for (name, bottleneck) in [("with", setting.redundancy(8)), ("without", none)] {
        let runs = setting.train(document, &data, bottleneck, epochs)?;
        let groups = runs.first().model.latent_len() as f64;
        setting.samples(name, &runs.first().model, size_of(&data.train))?;
        document.picture(name, &format!("Samples, trained {name} the variance term"));
        rows.push(vec![
            name.to_owned(),
            runs.figure(|t| t.last(column::TEST_LIKELIHOOD)).text(1),
            runs.figure(|t| t.test_bits()).text(3),
            runs.figure(|t| t.last(column::TEST_VARIANCE)).text(1),
            runs.figure(|t| t.last(column::TEST_VARIANCE) / groups).text(3),
        ]);
        likelihoods.push((name.to_owned(), runs.curve(column::TEST_LIKELIHOOD)));
        variances.push((name.to_owned(), runs.curve(column::TEST_VARIANCE)));
    }
    document.table(
        &["variance term", "test LL", "test bits/dim", "variance, sum", "variance, mean a group"],
        rows,
    );
    let what = "Test log-likelihood after each epoch";
    document.chart("likelihood", what, "nats an image", likelihoods);
    let what = "Test variance after each epoch";
    document.chart("variance", what, "sum over groups", variances);
    Ok(())
}
