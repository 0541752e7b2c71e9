//! Section 3.4, Table 1 and Figure 7: compression factors, under both normalisations of the
//! variance, beside the paper's values.

use anyhow::Result;

use super::Setting;
use super::model::size_of;
use super::report::Report;
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

pub(super) fn run(setting: &Setting) -> Result<()> {
    let data = setting.mnist()?;
    let mut report = Report::new(setting, "factors", "Compression factors, MNIST");
    report.say(
        "`sum` is the paper's normalisation: the sum over groups of the unbiased variance, in which \
         a squared deviation weighs 1/(c − 1). `per output` weighs every squared deviation 1, for \
         every c. Variances are sums over groups, with the mean a group behind them.",
    );
    let size = size_of(&data.train);
    let mut rows = Vec::new();
    for (factor, paper_likelihood, paper_variance) in PAPER {
        if !data.train.image_len().is_multiple_of(factor) {
            continue;
        }
        let mut row = vec![format!("X{factor}"), format!("{}", data.train.image_len() / factor)];
        row.push(format!("{paper_likelihood:.0}"));
        row.push(format!("{paper_variance}"));
        for (short, normalisation) in
            [("sum", Normalisation::SumOverGroups), ("per-output", Normalisation::PerOutput)]
        {
            let bottleneck = Bottleneck::Redundancy { factor, normalisation };
            let trained = setting.train(&data, bottleneck, setting.args.epochs)?;
            let file = format!("factors-x{factor}-{short}");
            setting.samples(&file, &trained.model, size)?;
            let groups = trained.model.latent_len() as f64;
            let variance = trained.test_variance();
            row.push(format!("{:.0}", trained.test_likelihood()));
            row.push(format!("{:.2}", trained.test_bits()));
            row.push(format!("{variance:.1} ({:.2})", variance / groups));
        }
        rows.push(row);
    }
    report.table(
        &[
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
        ],
        &rows,
    );
    for (factor, ..) in PAPER {
        for short in ["sum", "per-output"] {
            let file = format!("factors-x{factor}-{short}");
            if setting.out.join(format!("{file}.png")).exists() {
                report.picture(&file, &format!("Samples, X{factor}, {short}"));
            }
        }
    }
    report.write(setting)
}
