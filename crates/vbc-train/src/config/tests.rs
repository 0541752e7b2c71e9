use super::*;
use clap::Subcommand;

#[derive(Debug, Parser)]
struct Cli {
    #[arg(long, global = true)]
    threads: Option<usize>,
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, Subcommand)]
enum Sub {
    Train(Configured<Settings>),
}

#[derive(Args, Clone, Debug, PartialEq)]
struct Settings {
    what: String,
    #[arg(long)]
    data: PathBuf,
    #[arg(long, default_value_t = 10)]
    flow_steps: u64,
    #[arg(long, default_value_t = 1.0)]
    rate: f64,
    #[arg(long, value_delimiter = ',', num_args = 2, default_values_t = [1, 2])]
    widths: Vec<usize>,
    #[arg(long)]
    fast: bool,
}

/// The settings of `train --config FILE …` where the file has that text.
fn settings(text: &str, more: &str) -> Result<Settings, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    std::fs::write(&path, text).unwrap();
    let words = ["program", "train", "--config", path.to_str().unwrap()];
    let words = words.into_iter().chain(more.split_whitespace()).map(OsString::from);
    let Sub::Train(configured) = parse::<Cli>(words)?.command;
    Ok(configured.args)
}

fn refusal(text: &str) -> String {
    settings(text, "").unwrap_err().to_string()
}

const ALL: &str =
    "what = 'all'\ndata = '-d'\nflow-steps = 7\nrate = 3\nwidths = [4, 5]\nfast = true\n";

#[test]
fn a_file_sets_and_the_command_line_sets_over_it() {
    let file = settings(ALL, "").unwrap();
    let wanted = Settings {
        what: "all".into(),
        data: "-d".into(),
        flow_steps: 7,
        rate: 3.0,
        widths: vec![4, 5],
        fast: true,
    };
    assert_eq!(file, wanted);
    let over = settings(ALL, "one --data e --widths 8 9 --rate=0.5 --threads 2").unwrap();
    let wanted =
        Settings { what: "one".into(), data: "e".into(), widths: vec![8, 9], rate: 0.5, ..wanted };
    assert_eq!(over, wanted);
    // The file's faults are told even where the command line sets the same.
    assert!(settings("rate = 'high'", "one --data e --rate 1").is_err());
    let error = settings("what = 'all'", "").unwrap_err().to_string();
    assert!(error.contains("--data"), "{error}");
}

#[test]
fn what_is_wrong_is_named_with_the_file() {
    let text = refusal("what = 'all'\nflow_step = 3");
    assert!(text.contains("c.toml") && text.contains("no setting `flow_step`"), "{text}");
    assert!(text.contains("is `flow-steps` meant?"), "{text}");
    assert!(!refusal("zzz = 3").contains("meant"));
    assert!(refusal("config = 'c.toml'").contains("no setting"));
    for (text, part) in [
        ("flow-steps = '7'", "c.toml: flow-steps: a number is wanted, and this is a text"),
        ("flow-steps = 7.5", "c.toml: flow-steps: invalid value '7.5'"),
        ("flow-steps = -7", "c.toml: flow-steps: invalid value '-7'"),
        ("data = 7", "data: a text is wanted, and this is a whole number"),
        ("fast = 'yes'", "fast: true or false is wanted"),
        ("widths = 3", "widths: an array is wanted"),
        ("widths = [3]", "widths: 2 values required"),
        ("rate = [1.0]", "rate: a number is wanted, and this is an array"),
        ("[what]", "what: a text is wanted, and this is a table"),
        ("what = ", "c.toml: not TOML"),
    ] {
        let error = refusal(text);
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn a_file_alone_must_be_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    let read = |given: &[(&str, &Path)]| read::<Settings>("train", &path, given);
    assert!(matches!(read(&[]), Err(ConfigError::Io { .. })));
    std::fs::write(&path, ALL).unwrap();
    assert_eq!(read(&[("data", Path::new("e"))]).unwrap().data, Path::new("e"));
    std::fs::write(&path, "what = 'all'").unwrap();
    assert!(read(&[]).unwrap_err().to_string().contains("no --data"));
}
