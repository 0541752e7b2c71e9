//! Section 3.3, Figure 6: with and without the variance term, a fifth of the epochs.

use anyhow::Result;

use super::Setting;
use super::model::size_of;
use super::report::Report;
use crate::paper::{Bottleneck, Normalisation};

pub(super) fn run(setting: &Setting) -> Result<()> {
    let data = setting.mnist()?;
    let epochs = setting.args.epochs.div_ceil(5);
    let mut report = Report::new(setting, "variance", "RVB X8 with and without the variance term");
    report.say(&format!("Trained for {epochs} epochs."));
    let mut rows = Vec::new();
    let (mut likelihoods, mut variances) = (Vec::new(), Vec::new());
    let none = Bottleneck::Redundancy { factor: 8, normalisation: Normalisation::None };
    for (name, bottleneck) in [("with", setting.redundancy(8)), ("without", none)] {
        let trained = setting.train(&data, bottleneck, epochs)?;
        let file = format!("variance-{name}");
        setting.samples(&file, &trained.model, size_of(&data.train))?;
        report.picture(&file, &format!("Samples, trained {name} the variance term"));
        rows.push(vec![
            name.to_owned(),
            format!("{:.1}", trained.test_likelihood()),
            format!("{:.3}", trained.test_bits()),
            format!("{:.1}", trained.test_variance()),
            format!("{:.3}", trained.test_variance() / trained.model.latent_len() as f64),
        ]);
        likelihoods.push((name.to_owned(), trained.curve(3)));
        variances.push((name.to_owned(), trained.curve(5)));
    }
    report.table(
        &["variance term", "test LL", "test bits/dim", "variance, sum", "variance, mean a group"],
        &rows,
    );
    let what = "Test log-likelihood after each epoch";
    report.curves(setting, "variance-likelihood", what, "nats an image", likelihoods)?;
    report.curves(
        setting,
        "variance-variance",
        "Test variance after each epoch",
        "sum over groups",
        variances,
    )?;
    report.write(setting)
}
