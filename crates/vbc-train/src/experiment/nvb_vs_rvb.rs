//! Section 3.1, Figure 3: the null against the redundancy bottleneck at X8 on MNIST.

use anyhow::Result;

use super::Setting;
use super::model::size_of;
use super::report::Report;
use crate::paper::Bottleneck;

const FACTOR: usize = 8;

pub(super) fn run(setting: &Setting) -> Result<()> {
    let data = setting.mnist()?;
    let epochs = setting.args.epochs;
    let target = setting.reading.null_target;
    let mut report = Report::new(setting, "nvb-vs-rvb", "Null against redundancy bottleneck, X8");
    let mut rows = Vec::new();
    let (mut likelihoods, mut losses) = (Vec::new(), Vec::new());
    let redundancy = setting.redundancy(FACTOR);
    for (name, bottleneck) in
        [("rvb-x8", redundancy), ("nvb-x8", Bottleneck::Null { factor: FACTOR, target })]
    {
        let trained = setting.train(&data, bottleneck, epochs)?;
        let file = format!("nvb-vs-rvb-{name}");
        setting.samples(&file, &trained.model, size_of(&data.train))?;
        rows.push(vec![
            name.to_owned(),
            format!("{:.1}", trained.train_likelihood()),
            format!("{:.1}", trained.test_likelihood()),
            format!("{:.3}", trained.test_bits()),
            format!("{:.4}", trained.test_bottleneck()),
        ]);
        likelihoods.push((name.to_owned(), trained.curve(3)));
        losses.push((name.to_owned(), trained.curve(4)));
    }
    report.say(&format!(
        "Log-likelihoods are those of the whole flow under its prior, in nats an image. The null \
         bottleneck's loss is the mean squared distance of the dropped dimensions from {target}; the \
         redundancy bottleneck's is the sum over groups of the unbiased variance. The two are not \
         comparable with each other."
    ));
    report.table(
        &["bottleneck", "train LL", "test LL", "test bits/dim", "test bottleneck loss"],
        &rows,
    );
    report.curves(
        setting,
        "nvb-vs-rvb-likelihood",
        "Test log-likelihood after each epoch",
        "nats an image",
        likelihoods,
    )?;
    for (name, curve) in losses {
        let what = format!("Test bottleneck loss after each epoch, {name}");
        report.curves(
            setting,
            &format!("nvb-vs-rvb-loss-{name}"),
            &what,
            "loss",
            vec![(name.clone(), curve)],
        )?;
    }
    report.picture("nvb-vs-rvb-rvb-x8", "Samples, redundancy bottleneck");
    report.picture("nvb-vs-rvb-nvb-x8", "Samples, null bottleneck");
    report.write(setting)
}
