//! Section 3.2, Figures 4 and 5: RVB X8 on MNIST and on Fashion-MNIST, training against test.

use anyhow::Result;

use super::Setting;
use super::document::Document;
use super::model::{column, size_of};

pub(super) fn run(setting: &Setting, document: &mut Document) -> Result<()> {
    document.say(
        "The training figure is the mean over the last epoch's batches while the weights moved, so \
         the gap is not quite that of fixed weights.",
    );
    let mut rows = Vec::new();
    for data in [setting.mnist()?, setting.fashion()?] {
        let epochs = setting.args.epochs;
        let runs = setting.train(document, &data, setting.redundancy(8), epochs)?;
        setting.samples(data.name, &runs.first().model, size_of(&data.train))?;
        let (train, test) = (column::TRAIN_LIKELIHOOD, column::TEST_LIKELIHOOD);
        rows.push(vec![
            data.name.to_owned(),
            runs.figure(|t| t.last(train)).text(1),
            runs.figure(|t| t.last(test)).text(1),
            runs.figure(|t| t.last(train) - t.last(test)).text(1),
            runs.figure(|t| t.test_bits()).text(3),
            runs.figure(|t| t.last(column::TEST_VARIANCE)).text(1),
        ]);
        document.chart(
            &format!("{}-likelihood", data.name),
            &format!("Log-likelihood after each epoch, {}", data.name),
            "nats an image",
            vec![("train".into(), runs.curve(train)), ("test".into(), runs.curve(test))],
        );
        document.picture(data.name, &format!("Samples, {}", data.name));
    }
    document.table(
        &["set", "train LL", "test LL", "gap, nats", "test bits/dim", "test variance"],
        rows,
    );
    Ok(())
}
