use super::*;

/// Each experiment in little: one step a model, on the 100 images of the samples.
#[test]
fn all_experiments_report_and_resume() -> Result<()> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/images");
    let dir = tempfile::tempdir()?;
    let folder = |set: &str| -> Result<PathBuf> {
        let folder = dir.path().join(set);
        std::fs::create_dir(&folder)?;
        for kind in ["train", "t10k"] {
            let from = samples.join(format!("{set}-100-images-idx3-ubyte"));
            std::fs::copy(from, folder.join(format!("{kind}-images-idx3-ubyte")))?;
        }
        Ok(folder)
    };
    let out = dir.path().join("out");
    let mut args = ExperimentArgs {
        name: Name::All,
        mnist: folder("mnist")?,
        fashion: Some(folder("fashion")?),
        out: out.clone(),
        reading: "as-published".into(),
        preset: Preset::Cpu,
        epochs: 2,
        images: Some(20),
        rate: None,
        temperature: 0.8,
        seed: 1,
    };
    run(&args)?;
    let reports = ["nvb-vs-rvb", "datasets", "variance", "factors", "vae"];
    let read = || -> Result<Vec<String>> {
        let text = |r: &&str| std::fs::read_to_string(out.join(format!("{r}.md")));
        Ok(reports.iter().map(text).collect::<std::io::Result<_>>()?)
    };
    let first = read()?;
    for text in &first {
        assert!(!text.contains("NaN") && !text.contains("DIFFERENT"), "{text}");
        for file in text.split("](").skip(1).filter_map(|t| t.split_once(')')).map(|t| t.0) {
            assert!(out.join(file).exists(), "{file}");
        }
    }
    assert!(first[3].contains("| X392 | 2 | -2564 |"), "{}", first[3]);
    let grid = std::fs::read(out.join("nvb-vs-rvb-rvb-x8.png"))?;
    run(&args)?;
    assert_eq!(read()?, first);
    assert_eq!(std::fs::read(out.join("nvb-vs-rvb-rvb-x8.png"))?, grid);
    // The folder's models are of another seed.
    args.seed = 2;
    assert!(run(&args).is_err());
    (args.reading, args.seed, args.out) = ("as-written".into(), 1, dir.path().join("text"));
    args.name = Name::NvbVsRvb;
    run(&args)
}
