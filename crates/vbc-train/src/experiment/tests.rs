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
        codec_steps: 1,
        temperature: 0.8,
        seed: 1,
        seeds: 1,
        device: DeviceChoice::Cpu,
    };
    run(&args)?;
    let config = out.join("vae/config.toml");
    let again: ExperimentArgs = crate::config::read("experiment", &config, &[])?;
    assert_eq!(format!("{again:?}"), format!("{args:?}"));
    let reports = ["nvb-vs-rvb", "datasets", "variance", "factors", "vae", "coding"];
    let read = || -> Result<Vec<String>> {
        let text = |r: &&str| std::fs::read_to_string(out.join(r).join("report.md"));
        Ok(reports.iter().map(text).collect::<std::io::Result<_>>()?)
    };
    let first = read()?;
    for (name, text) in reports.iter().zip(&first) {
        assert!(!text.contains("NaN") && !text.contains("DIFFERENT"), "{text}");
        for file in text.split("](").skip(1).filter_map(|t| t.split_once(')')).map(|t| t.0) {
            assert!(out.join(name).join(file).exists(), "{file}");
        }
    }
    assert!(first[3].contains("| X392 | 2 | -2564 |"), "{}", first[3]);
    let page = |name: &str| std::fs::read(out.join(name).join("report.html"));
    let grids = page("nvb-vs-rvb")?;
    run(&args)?;
    assert_eq!(read()?, first);
    assert_eq!(page("nvb-vs-rvb")?, grids);
    std::fs::remove_file(out.join("nvb-vs-rvb/report.html"))?;
    redraw(&out)?;
    assert_eq!(page("nvb-vs-rvb")?, grids);
    // Seed 1 is there already, and seed 2 is trained beside it.
    (args.name, args.seeds) = (Name::Variance, 2);
    run(&args)?;
    assert!(read()?[2].contains(" ± "), "{}", read()?[2]);
    (args.reading, args.seed, args.out) = ("as-written".into(), 1, dir.path().join("text"));
    args.name = Name::NvbVsRvb;
    run(&args)
}
