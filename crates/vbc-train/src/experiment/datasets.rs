//! Section 3.2, Figures 4 and 5: RVB X8 on MNIST and on Fashion-MNIST, training against test.

use anyhow::Result;

use super::Setting;
use super::model::size_of;
use super::report::Report;

pub(super) fn run(setting: &Setting) -> Result<()> {
    let mut report = Report::new(setting, "datasets", "RVB X8 on two sets");
    let mut rows = Vec::new();
    for data in [setting.mnist()?, setting.fashion()?] {
        let trained = setting.train(&data, setting.redundancy(8), setting.args.epochs)?;
        let file = format!("datasets-{}", data.name);
        setting.samples(&file, &trained.model, size_of(&data.train))?;
        rows.push(vec![
            data.name.to_owned(),
            format!("{:.1}", trained.train_likelihood()),
            format!("{:.1}", trained.test_likelihood()),
            format!("{:.1}", trained.train_likelihood() - trained.test_likelihood()),
            format!("{:.3}", trained.test_bits()),
            format!("{:.1}", trained.test_variance()),
        ]);
        report.curves(
            setting,
            &format!("datasets-{}-likelihood", data.name),
            &format!("Log-likelihood after each epoch, {}", data.name),
            "nats an image",
            vec![("train".into(), trained.curve(0)), ("test".into(), trained.curve(3))],
        )?;
        report.picture(&file, &format!("Samples, {}", data.name));
    }
    report.say(
        "The training figure is the mean over the last epoch's batches while the weights moved, so \
         the gap is a little larger than what is said of fixed weights.",
    );
    report.table(
        &["set", "train LL", "test LL", "gap, nats", "test bits/dim", "test variance"],
        &rows,
    );
    report.write(setting)
}
