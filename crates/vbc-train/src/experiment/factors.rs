//! Section 3.4, Table 1 and Figure 7: compression factors, under both normalisations of the
//! variance, beside the paper's values.

use anyhow::Result;

use super::Setting;
use super::document::Document;
use super::model::{column, size_of};
use crate::paper::{Bottleneck, Normalisation};

/// Table 1: factor, log-likelihood, variance.
const PAPER: [(usize, f64, f64); 6] = [
    (1, -5368.0, 0.0),
    (2, -3004.0, 499.0),
    (4, -2921.0, 473.0),
    (8, -2861.0, 391.0),
    (16, -2822.0, 294.0),
    (392, -2564.0, 24.33),
];

const HEAD: [&str; 10] = [
    "factor",
    "latent",
    "paper LL",
    "paper variance",
    "LL, sum",
    "bits/dim",
    "variance",
    "LL, per output",
    "bits/dim",
    "variance",
];

pub(super) fn run(setting: &Setting, document: &mut Document) -> Result<()> {
    let data = setting.mnist()?;
    document.say(
        "`sum` is the paper's normalisation: the sum over groups of the unbiased variance, in which \
         a squared deviation weighs 1/(c − 1). `per output` weighs every squared deviation 1, for \
         every c; at X2 the two are the same. Variances are sums over groups, with the mean a group \
         behind them.",
    );
    let size = size_of(&data.train);
    let (mut rows, mut pictures) = (Vec::new(), Vec::new());
    let (mut likelihoods, mut variances) = (Vec::new(), Vec::new());
    for (factor, paper_likelihood, paper_variance) in PAPER {
        let mut row = vec![format!("X{factor}"), format!("{}", data.train.image_len() / factor)];
        row.push(format!("{paper_likelihood:.0}"));
        row.push(format!("{paper_variance}"));
        for (short, normalisation) in
            [("sum", Normalisation::SumOverGroups), ("per-output", Normalisation::PerOutput)]
        {
            let bottleneck = Bottleneck::Redundancy { factor, normalisation };
            let runs = setting.train(document, &data, bottleneck, setting.args.epochs)?;
            let groups = runs.first().model.latent_len() as f64;
            row.push(runs.figure(|t| t.last(column::TEST_LIKELIHOOD)).text(0));
            row.push(runs.figure(|t| t.test_bits()).text(2));
            let variance = runs.figure(|t| t.last(column::TEST_VARIANCE));
            let mean = runs.figure(|t| t.last(column::TEST_VARIANCE) / groups);
            row.push(format!("{} ({})", variance.text(1), mean.text(2)));
            // One loss, one model, one picture.
            if factor > 2 || normalisation == Normalisation::SumOverGroups {
                let file = format!("x{factor}-{short}");
                setting.samples(&file, &runs.first().model, size)?;
                pictures.push((file, format!("Samples, X{factor}, {short}")));
                let label = format!("X{factor} {short}");
                likelihoods.push((label.clone(), runs.curve(column::TEST_LIKELIHOOD)));
                variances.push((label, runs.curve(column::TEST_VARIANCE)));
            }
        }
        rows.push(row);
    }
    document.table(&HEAD, rows);
    for short in ["sum", "per-output"] {
        let of = |curves: &[super::document::Curve]| {
            curves.iter().filter(|(label, _)| label.ends_with(short)).cloned().collect()
        };
        let what = format!("Test log-likelihood after each epoch, {short}");
        document.chart(&format!("likelihood-{short}"), &what, "nats an image", of(&likelihoods));
        let what = format!("Test variance after each epoch, {short}");
        document.chart(&format!("variance-{short}"), &what, "sum over groups", of(&variances));
    }
    for (file, caption) in pictures {
        document.picture(&file, &caption);
    }
    Ok(())
}
