//! What a training run reports: a CSV file for later, a line on the terminal for now.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::checkpoint::write_atomically;

/// A CSV file of one row a logged step; the first column is the step.
#[derive(Debug)]
pub struct CsvLog {
    file: File,
    columns: usize,
}

impl CsvLog {
    /// Starts a file anew, with `step` and `columns` as its header.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn create(path: &Path, columns: &[&str]) -> io::Result<Self> {
        write_atomically(path, format!("{}\n", header(columns)).as_bytes())?;
        let file = OpenOptions::new().append(true).open(path)?;
        Ok(Self { file, columns: columns.len() })
    }

    /// Goes on with a file after `step` completed steps: later rows, which the resumed run will
    /// write again, and a row cut off by a crash are dropped. Starts anew if there is no file.
    ///
    /// # Errors
    /// Where the file cannot be read or written, or has other columns.
    pub fn resume(path: &Path, columns: &[&str], step: u64) -> io::Result<Self> {
        let table = match read_csv(path) {
            Ok(table) => table,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Self::create(path, columns),
            Err(e) => return Err(e),
        };
        if table.columns != columns {
            let (old, new) = (table.columns.join(","), columns.join(","));
            return Err(invalid(path, format!("its columns are {old}, not {new}")));
        }
        let mut text = format!("{}\n", header(columns));
        for (at, values) in table.rows.iter().filter(|(at, _)| *at <= step) {
            text.push_str(&row(*at, values));
        }
        write_atomically(path, text.as_bytes())?;
        let file = OpenOptions::new().append(true).open(path)?;
        Ok(Self { file, columns: columns.len() })
    }

    /// Adds a row. A NaN, for what was not measured at this step, becomes an empty field.
    ///
    /// # Errors
    /// Where the file cannot be written.
    ///
    /// # Panics
    /// If there are more or fewer values than columns.
    pub fn row(&mut self, step: u64, values: &[f64]) -> io::Result<()> {
        assert_eq!(values.len(), self.columns, "values of a row");
        // One write of the whole row, so that a crash between rows leaves whole rows.
        self.file.write_all(row(step, values).as_bytes())
    }
}

/// A log read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The columns' names but for the first, `step`.
    pub columns: Vec<String>,
    /// Step and values of each row; an empty field is NaN.
    pub rows: Vec<(u64, Vec<f64>)>,
}

/// Reads a log written by [`CsvLog`]. A last row without its line end is left out.
///
/// # Errors
/// Where the file cannot be read or is not such a log.
pub fn read_csv(path: &Path) -> io::Result<Table> {
    let text = std::fs::read_to_string(path)?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut lines = whole.lines();
    let columns = match lines.next().and_then(|l| l.strip_prefix("step")) {
        Some(rest) => rest.split(',').skip(1).map(str::to_owned).collect::<Vec<_>>(),
        None => return Err(invalid(path, "it does not start with a step column".to_owned())),
    };
    let rows = lines
        .map(|line| {
            let mut fields = line.split(',');
            let step = fields.next()?.parse().ok()?;
            let value = |f: &str| if f.is_empty() { Some(f64::NAN) } else { f.parse().ok() };
            let values = fields.map(value).collect::<Option<Vec<f64>>>()?;
            (values.len() == columns.len()).then_some((step, values))
        })
        .enumerate()
        .map(|(i, row)| row.ok_or_else(|| invalid(path, format!("line {} is damaged", i + 2))))
        .collect::<io::Result<_>>()?;
    Ok(Table { columns, rows })
}

fn invalid(path: &Path, why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()))
}

fn header(columns: &[&str]) -> String {
    std::iter::once(&"step").chain(columns).copied().collect::<Vec<_>>().join(",")
}

fn row(step: u64, values: &[f64]) -> String {
    let mut text = step.to_string();
    for value in values {
        text.push(',');
        if !value.is_nan() {
            text.push_str(&value.to_string());
        }
    }
    text + "\n"
}

/// The line that shows how far a run is. Draws on standard error, and only on a terminal.
#[derive(Debug)]
pub struct Live {
    bar: ProgressBar,
}

impl Live {
    /// A line for a run of `total` steps of which `done` are already behind it.
    pub fn new(total: u64, done: u64) -> Self {
        let template = "{bar:24} {pos}/{len} {per_sec} {elapsed} +{eta}  {msg}";
        // The template is constant; a fault in it would only show as the plain style.
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(total).with_style(style).with_position(done);
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { bar }
    }

    /// Shows that `step` steps are done, and a message such as the present loss.
    pub fn update(&self, step: u64, message: &str) {
        self.bar.set_position(step);
        self.bar.set_message(message.to_owned());
    }

    /// Prints a line that stays, above the live one.
    pub fn println(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// Leaves the line as it is and ends it.
    pub fn finish(&self) {
        self.bar.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_log_is_that_of_a_straight_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        let columns = ["loss", "validation"];
        let value = |step: u64| [1.0 / step as f64, if step == 2 { 0.5 } else { f64::NAN }];
        let mut log = CsvLog::resume(&path, &columns, 0).unwrap();
        (1..=4).for_each(|s| log.row(s, &value(s)).unwrap());
        let straight = std::fs::read_to_string(&path).unwrap();
        assert!(straight.starts_with("step,loss,validation\n1,1,\n2,0.5,0.5\n3,0.333"));
        // A crash in the middle of row 4, with the last checkpoint after step 2.
        std::fs::write(&path, &straight[..straight.len() - 3]).unwrap();
        let mut log = CsvLog::resume(&path, &columns, 2).unwrap();
        (3..=4).for_each(|s| log.row(s, &value(s)).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), straight);
        assert_eq!(read_csv(&path).unwrap().rows[1], (2, vec![0.5, 0.5]));
        assert!(CsvLog::resume(&path, &["loss"], 2).is_err());
        std::fs::write(&path, "step,loss\n1,x\n").unwrap();
        assert!(read_csv(&path).is_err());
    }
}
