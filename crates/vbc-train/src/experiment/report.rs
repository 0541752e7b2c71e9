//! An experiment's report: Markdown beside its pictures.

use std::fmt::Write as _;

use anyhow::Result;

use super::{Preset, Setting};
use crate::checkpoint::write_atomically;
use crate::plot::{Series, loss_curve};

/// Text that grows into `NAME.md`.
pub struct Report {
    name: &'static str,
    text: String,
}

impl Report {
    /// A report with what it was run with.
    pub fn new(setting: &Setting, name: &'static str, title: &str) -> Self {
        let (args, reading) = (&setting.args, &setting.reading);
        let preset = if args.preset == Preset::Paper { "paper" } else { "cpu" };
        let text = format!(
            "# {title}\n\nReading `{}`, preset `{preset}` ({} couplings of {} layers, {} wide), \
             {} epochs, batches of {}, rate {:e}, seed {}.\n",
            args.reading,
            reading.couplings,
            reading.layers,
            reading.hidden,
            args.epochs,
            reading.batch,
            reading.rate,
            args.seed,
        );
        Report { name, text }
    }

    /// A paragraph.
    pub fn say(&mut self, text: &str) {
        let _ = write!(self.text, "\n{text}\n");
    }

    /// A table: its head, then its rows.
    pub fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let head: Vec<String> = head.iter().map(|h| (*h).to_owned()).collect();
        let rule = vec!["---".to_owned(); head.len()];
        self.text.push('\n');
        for row in [&head, &rule].into_iter().chain(rows) {
            self.text.push_str(&line(row));
        }
    }

    /// A picture that lies beside the report.
    pub fn picture(&mut self, file: &str, what: &str) {
        let _ = write!(self.text, "\n![{what}]({file}.png)\n\n{what}\n");
    }

    /// A chart of curves over the epochs, beside the report.
    pub fn curves(
        &mut self,
        setting: &Setting,
        file: &str,
        what: &str,
        y: &str,
        curves: Vec<(String, Vec<(f64, f64)>)>,
    ) -> Result<()> {
        let series: Vec<Series> =
            curves.into_iter().map(|(label, points)| Series { label, points }).collect();
        if series.iter().any(|s| s.points.len() > 1) {
            loss_curve(&setting.out.join(format!("{file}.png")), what, y, &series)?;
            self.picture(file, what);
        }
        Ok(())
    }

    /// Writes the file and says where.
    pub fn write(self, setting: &Setting) -> Result<()> {
        let path = setting.out.join(format!("{}.md", self.name));
        write_atomically(&path, self.text.as_bytes())?;
        println!("{}", path.display());
        Ok(())
    }
}
