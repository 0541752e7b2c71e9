//! An experiment's report as data, from which all its files are written again at any time.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::html;
use crate::checkpoint::write_atomically;
use crate::plot::{Series, loss_curve};

/// A report: what is said, drawn and measured, in order. Pictures lie beside it as PNG files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    title: String,
    blocks: Vec<Block>,
    metrics: Vec<Metric>,
    epochs: Vec<Epoch>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Block {
    /// A paragraph.
    Text(String),
    Table {
        head: Vec<String>,
        rows: Vec<Vec<String>>,
    },
    /// A picture made once, such as a grid of samples.
    Picture {
        file: String,
        caption: String,
    },
    /// A chart of curves, drawn with the report.
    Chart {
        file: String,
        caption: String,
        y: String,
        curves: Vec<Curve>,
    },
}

/// A name and points (x, y).
pub type Curve = (String, Vec<(f64, f64)>);

/// A figure that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Metric {
    model: String,
    name: String,
    /// One value a seed.
    values: Vec<f64>,
}

/// A line of a model's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Epoch {
    model: String,
    epoch: u64,
    column: String,
    value: f64,
}

/// The file a document is kept in.
const KEPT: &str = "report.json";

impl Document {
    /// An empty report.
    pub fn new(title: &str) -> Self {
        Document { title: title.to_owned(), blocks: vec![], metrics: vec![], epochs: vec![] }
    }

    /// A paragraph.
    pub fn say(&mut self, text: &str) {
        self.blocks.push(Block::Text(text.to_owned()));
    }

    /// A table: its head, then its rows.
    pub fn table(&mut self, head: &[&str], rows: Vec<Vec<String>>) {
        let head = head.iter().map(|h| (*h).to_owned()).collect();
        self.blocks.push(Block::Table { head, rows });
    }

    /// The picture `FILE.png` beside the report.
    pub fn picture(&mut self, file: &str, caption: &str) {
        self.blocks.push(Block::Picture { file: format!("{file}.png"), caption: caption.into() });
    }

    /// A chart of curves over the epochs, `FILE.png`. One point makes no curve.
    pub fn chart(&mut self, file: &str, caption: &str, y: &str, curves: Vec<Curve>) {
        if curves.iter().any(|(_, points)| points.len() > 1) {
            let (file, caption) = (format!("{file}.png"), caption.to_owned());
            self.blocks.push(Block::Chart { file, caption, y: y.to_owned(), curves });
        }
    }

    /// A figure of a model, one value a seed, for `metrics.json`.
    pub fn metric(&mut self, model: &str, name: &str, values: &[f64]) {
        let (model, name, values) = (model.to_owned(), name.to_owned(), values.to_vec());
        self.metrics.push(Metric { model, name, values });
    }

    /// A model's log, for `metrics.csv`.
    pub fn log(&mut self, model: &str, table: &crate::log::Table) {
        for (epoch, values) in &table.rows {
            for (column, &value) in table.columns.iter().zip(values) {
                let (model, column) = (model.to_owned(), column.clone());
                self.epochs.push(Epoch { model, epoch: *epoch, column, value });
            }
        }
    }

    /// Writes `report.json`, and from it everything else: `report.md`, `report.html` with all
    /// pictures inside, the charts, `metrics.json` and `metrics.csv`.
    ///
    /// # Errors
    /// Where a file cannot be written, or a picture cannot be read.
    pub fn write(&self, dir: &Path) -> Result<()> {
        write_atomically(&dir.join(KEPT), &serde_json::to_vec_pretty(self)?)?;
        for block in &self.blocks {
            if let Block::Chart { file, caption, y, curves } = block {
                let series: Vec<Series> = curves
                    .iter()
                    .map(|(label, points)| Series { label: label.clone(), points: points.clone() })
                    .collect();
                loss_curve(&dir.join(file), caption, y, &series)?;
            }
        }
        let markdown = self.markdown();
        write_atomically(&dir.join("report.md"), markdown.as_bytes())?;
        let page = html::page(&self.title, &markdown, dir)?;
        write_atomically(&dir.join("report.html"), page.as_bytes())?;
        let metrics = serde_json::to_vec_pretty(&self.metrics)?;
        write_atomically(&dir.join("metrics.json"), &metrics)?;
        let mut csv = "model,epoch,column,value\n".to_owned();
        for Epoch { model, epoch, column, value } in &self.epochs {
            let _ = writeln!(csv, "{model},{epoch},{column},{value}");
        }
        Ok(write_atomically(&dir.join("metrics.csv"), csv.as_bytes())?)
    }

    /// Writes everything again from `report.json`.
    ///
    /// # Errors
    /// As [`write`](Self::write), and where there is no such file.
    pub fn redraw(dir: &Path) -> Result<()> {
        let path = dir.join(KEPT);
        let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let document: Self =
            serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        document.write(dir)
    }

    /// Whether a folder has a report.
    pub fn is_in(dir: &Path) -> bool {
        dir.join(KEPT).is_file()
    }

    fn markdown(&self) -> String {
        let mut text = format!("# {}\n", self.title);
        for block in &self.blocks {
            text.push('\n');
            match block {
                Block::Text(paragraph) => text.push_str(paragraph),
                Block::Table { head, rows } => {
                    let rule = vec!["---".to_owned(); head.len()];
                    let lines: Vec<String> = [head, &rule]
                        .into_iter()
                        .chain(rows)
                        .map(|cells| format!("| {} |", cells.join(" | ")))
                        .collect();
                    text.push_str(&lines.join("\n"));
                }
                Block::Picture { file, caption } | Block::Chart { file, caption, .. } => {
                    let _ = write!(text, "![{caption}]({file})\n\n{caption}");
                }
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_back_from_the_kept_file() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let mut document = Document::new("Title <1>");
        document.say("Words with `code`.");
        document.table(&["a", "b"], vec![vec!["1".into(), "−2".into()]]);
        document.chart("c", "A chart", "loss", vec![("x".into(), vec![(1.0, 2.0), (2.0, 1.0)])]);
        document.metric("m", "n", &[1.5, 2.5]);
        document.write(dir.path())?;
        let files = ["report.md", "report.html", "metrics.json", "metrics.csv", "c.png"];
        let read = || -> Result<Vec<Vec<u8>>> {
            Ok(files.iter().map(|f| std::fs::read(dir.path().join(f))).collect::<Result<_, _>>()?)
        };
        let first = read()?;
        let html = String::from_utf8(first[1].clone())?;
        assert!(html.contains("Title &lt;1&gt;") && html.contains("data:image/png;base64,"));
        assert!(!html.contains("c.png"), "{html}");
        for file in files {
            std::fs::remove_file(dir.path().join(file))?;
        }
        Document::redraw(dir.path())?;
        assert_eq!(read()?, first);
        Ok(())
    }
}
