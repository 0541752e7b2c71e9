//! A run that is stopped again and again, and what can be had of it meanwhile.

use super::resume::resume;
use super::tests::arguments;
use super::*;
use crate::checkpoint::data_of;
use crate::interrupt::{Interrupted, testing::stop_at};
use crate::stages::StageError;

const STEPS: &str = "--flow-steps 60 --joint-steps 60 --prior-steps 60 --pixel-steps 60";

fn model_id(path: &Path) -> Result<String> {
    Ok(Model::from_bytes(&std::fs::read(path)?, &Limits::default())?.id().to_string())
}

#[test]
fn a_run_stopped_in_each_stage_equals_a_straight_one() -> Result<()> {
    let (straight, stopped) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let (dir, model) = (stopped.path(), stopped.path().join("model.safetensors"));
    run(&arguments(straight.path(), STEPS))?;

    let args = arguments(dir, STEPS);
    stop_at(20);
    let error = run(&args).unwrap_err();
    assert!(error.is::<Interrupted>(), "{error:#}");
    assert!(format!("{error:#}").contains("transform: stopped after step 20 of 60"), "{error:#}");
    let out = dir.join("so-far.safetensors");
    let error = export(dir, &out).unwrap_err();
    assert!(format!("{error:#}").contains("stage joint has not begun"), "{error:#}");
    // After 30 steps of the joint stage, 40 of the prior's, 45 of the pixel network's.
    for questions in [70, 70, 65] {
        stop_at(questions);
        let error = resume(dir).unwrap_err();
        assert!(error.is::<Interrupted>(), "{error:#}");
    }
    export(dir, &out)?;
    let so_far = Model::from_bytes(&std::fs::read(&out)?, &Limits::default())?;
    assert!(so_far.provenance().contains("\"pixel_steps_done\":45"), "{}", so_far.provenance());
    assert!(!model.exists() && !dir.join("DONE").exists());
    resume(dir)?;

    for stage in ["transform", "joint", "prior", "pixel"] {
        let file = |dir: &Path, kind: &str| std::fs::read(dir.join(format!("{stage}.{kind}")));
        assert_eq!(file(dir, "csv")?, file(straight.path(), "csv")?, "{stage}");
        let numbers = |dir: &Path| file(dir, "checkpoint").map(|bytes| data_of(&bytes).to_vec());
        assert!(numbers(dir)? == numbers(straight.path())?, "{stage}");
    }
    let id = model_id(&straight.path().join("model.safetensors"))?;
    assert_eq!(model_id(&model)?, id);
    assert_ne!(so_far.id().to_string(), id);

    // What is done stays as it is: a step would be stopped. Other settings are refused.
    stop_at(1);
    run(&args)?;
    resume(dir)?;
    stop_at(0);
    let error = run(&arguments(dir, &format!("{STEPS} --keep 0.3"))).unwrap_err().to_string();
    assert!(error.contains("/keep was 0.2 and is now 0.3"), "{error}");
    export(dir, &out)?;
    assert_eq!(std::fs::read(&out)?, std::fs::read(&model)?);
    // From the checkpoints the same comes out.
    std::fs::remove_file(&model)?;
    export(dir, &out)?;
    assert_eq!(model_id(&out)?, id);
    Ok(())
}

#[test]
fn other_settings_do_not_replace_the_folders() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let dir = folder.path();
    let config = || std::fs::read_to_string(dir.join("config.toml"));
    stop_at(3);
    assert!(run(&arguments(dir, "--joint-steps 7")).unwrap_err().is::<Interrupted>());
    let before = config()?;
    assert!(before.contains("joint-steps = 7\n") && before.contains("widths = [4, "), "{before}");
    assert!(run(&arguments(dir, "--joint-steps 7 --seed 2")).is_err());
    assert_eq!(config()?, before);
    Ok(())
}

#[test]
fn a_folder_that_cannot_be_resumed_is_told_why() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let refusal = || format!("{:#}", resume(folder.path()).unwrap_err());
    assert!(refusal().contains("no config.toml in it"), "{}", refusal());
    std::fs::write(folder.path().join("config.toml"), "mnist = 'mnist'")?;
    assert!(refusal().contains("not the folder of a `train` run"), "{}", refusal());
    std::fs::write(folder.path().join("config.toml"), "name = 'x'\ndata = 'nowhere'")?;
    assert!(refusal().contains("the training images nowhere"), "{}", refusal());
    assert!(resume(&folder.path().join("none")).unwrap_err().to_string().contains("no such"));
    Ok(())
}

#[test]
fn a_loss_out_of_bounds_names_stage_and_step() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let error = run(&arguments(folder.path(), "--lambda 1e38")).unwrap_err();
    assert!(error.is::<StageError>(), "{error:#}");
    assert!(error.to_string().contains("stage transform, step 1: the loss is inf"), "{error}");
    assert!(!folder.path().join("transform.checkpoint").exists());
    Ok(())
}
