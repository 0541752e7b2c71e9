//! A whole run on a hundred images.

use std::path::Path;

use clap::Parser;
use safetensors::SafeTensors;

use super::*;
use crate::log::read_csv;
use crate::ops::testing::as_on_a_gpu;

#[derive(Parser)]
#[command(args_override_self = true)]
struct Cli {
    #[command(flatten)]
    train: TrainArgs,
}

pub(super) fn arguments(out: &Path, more: &str) -> TrainArgs {
    let data =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/images/mnist-100-images-idx3-ubyte");
    let few = "--validation 10 --flow-width 16 --widths 4 16 16 16 --flow-steps 50 --prior-steps 50 \
               --pixel-steps 300 --pixel-batch 8 --joint-batch 8 --keep 0.2";
    let fixed = ["train", "--name", "tiny", "--data", data, "--out", out.to_str().unwrap()];
    let words = few.split_whitespace().chain(more.split_whitespace());
    Cli::try_parse_from(fixed.into_iter().chain(words)).unwrap().train
}

#[test]
fn a_run_with_a_joint_stage_trains_exports_and_goes_on() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str| folder.path().join(name);
    run(&arguments(folder.path(), "--joint-steps 0"))?;
    assert!(!file("joint.csv").exists());
    let id = || -> Result<String> {
        let figures: Value = serde_json::from_slice(&std::fs::read(file("figures.json"))?)?;
        Ok(figures["id"].to_string())
    };
    let apart = id()?;
    // The finished transform is taken over; the stages after the joint one must be made anew.
    let with_joint = arguments(folder.path(), "--joint-steps 100");
    assert!(run(&with_joint).is_err());
    let again = || -> Result<String> {
        for stale in ["prior.checkpoint", "pixel.checkpoint", "DONE"] {
            std::fs::remove_file(file(stale))?;
        }
        run(&with_joint)?;
        id()
    };
    let joint = again()?;
    assert_ne!(joint, apart);
    let log = read_csv(&file("joint.csv"))?;
    assert_eq!(log.rows.iter().map(|r| r.0).collect::<Vec<_>>(), [50, 100]);
    assert!(log.rows[1].1[0] < log.rows[0].1[0], "{:?}", log.rows);
    // From the finished joint stage's checkpoint the same comes out.
    assert_eq!(again()?, joint);
    Ok(())
}

#[test]
fn no_latent_no_joint_stage() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let args = arguments(folder.path(), "--factor 0 --joint-steps 100");
    run(&args)?;
    assert!(!args.has_joint() && !folder.path().join("joint.csv").exists());
    Ok(())
}

#[test]
fn a_transform_is_taken_over_as_it_is() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let of = |name: &str| folder.path().join(name);
    run(&arguments(&of("first"), "--joint-steps 0"))?;
    let first = of("first").join("model.safetensors");
    let taken = format!("--transform {}", first.display());
    run(&arguments(&of("second"), &format!("{taken} --context 1 2")))?;
    assert!(!of("second").join("transform.csv").exists());
    let latents = |file: &Path| -> Result<Vec<i32>> {
        let transform = Transform::from_bytes(&std::fs::read(file)?)?;
        Ok(transform.latents(&[7; 784], 784))
    };
    let second = of("second").join("model.safetensors");
    assert_eq!(latents(&second)?, latents(&first)?);
    // It goes on from its settings, and is of one factor.
    std::fs::remove_file(of("second").join("DONE"))?;
    resume(&of("second"))?;
    for factor in [0, 4] {
        let args = arguments(&of("third"), &format!("{taken} --factor {factor}"));
        let error = format!("{:#}", run(&args).unwrap_err());
        assert!(error.contains("its compression factor is 8") && !of("third").exists(), "{error}");
    }
    Ok(())
}

#[test]
fn a_pixel_network_is_trained_further() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let of = |name: &str| folder.path().join(name);
    let model = |name: &str| of(name).join("model.safetensors");
    run(&arguments(&of("first"), "--joint-steps 0"))?;
    let first = model("first").display().to_string();
    // A single step at a rate of nothing gives the same integers.
    let still = "--pixel-steps 1 --pixel-rate 1e-12";
    run(&arguments(&of("same"), &format!("--transform {first} --start-pixels {first} {still}")))?;
    let (before, after) = (std::fs::read(model("first"))?, std::fs::read(model("same"))?);
    let (before, after) = (SafeTensors::deserialize(&before)?, SafeTensors::deserialize(&after)?);
    for (name, tensor) in before.tensors() {
        assert_eq!(after.tensor(&name)?.data(), tensor.data(), "{name}");
    }
    // Trained on, it gets better on what it is trained on.
    let on = format!("--transform {first} --start-pixels {first} --pixel-rate 1e-3");
    run(&arguments(&of("on"), &on))?;
    let log = read_csv(&of("on").join("pixel.csv"))?;
    let start = read_csv(&of("first").join("pixel.csv"))?.rows[0].1[0];
    assert!(log.rows[0].1[0] < 0.8 * start, "{start} {:?}", log.rows);
    // Without its transform, of another context or of other widths it is refused.
    let wide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/mnist-x8.safetensors");
    for (wrong, why) in [
        (format!("--start-pixels {first}"), "is of a transform that is not trained"),
        (format!("{on} --context 2 2"), "its context is"),
        (format!("--transform {first} --start-pixels {wide} --context 2 2"), "parameter image"),
    ] {
        let error = format!("{:#}", run(&arguments(&of("wrong"), &wrong)).unwrap_err());
        assert!(error.contains(why), "{wrong}: {error}");
    }
    Ok(())
}

#[test]
fn a_model_gets_tables_of_grids() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let of = |name: &str| folder.path().join(name);
    // The run ends in an error if the integer model and the floats do not agree.
    let grids = format!("--joint-steps 20 --grids {}", of("scans").display());
    run(&arguments(&of("with"), &grids))?;
    assert!(of("scans").exists());
    let bytes = std::fs::read(of("with").join("model.safetensors"))?;
    let file = SafeTensors::deserialize(&bytes)?;
    let counts = file.tensor("grid.counts")?;
    let greys: usize = counts.data().iter().map(|&count| usize::from(count)).sum();
    // Some greys were seen more than once; none of them is 0.
    assert!(greys > 100, "{greys}");
    assert!(file.tensor("grid.greys")?.data().iter().all(|&grey| grey > 0));
    // What was begun without grids does not go on with them.
    run(&arguments(&of("without"), "--joint-steps 0"))?;
    std::fs::remove_file(of("without").join("DONE"))?;
    assert!(run(&arguments(&of("without"), &grids)).is_err());
    Ok(())
}

#[test]
fn a_flow_is_trained_further() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let of = |name: &str| folder.path().join(name);
    run(&arguments(&of("first"), "--joint-steps 0"))?;
    let first = of("first").join("model.safetensors");
    // As floats and back it is the same.
    let taken = Start::read(&first, 28, 28, 8)?;
    let mut exported = Exported::new(28, 28, "again");
    let chunks = block_chunks(28, 28, 8).unwrap();
    export_transform(&mut exported, &taken.flow(&Device::Cpu)?, &chunks)?;
    let (again, file) = (exported.file()?, std::fs::read(&first)?);
    let (again, file) = (SafeTensors::deserialize(&again)?, SafeTensors::deserialize(&file)?);
    assert_eq!(again.names().len(), 4 * 7 + 2);
    for (name, tensor) in again.tensors() {
        assert!(tensor.data() == file.tensor(&name)?.data(), "{name}");
    }
    let start = format!("--joint-steps 0 --start-flow {}", first.display());
    run(&arguments(&of("second"), &format!("{start} --flow-steps 10")))?;
    let log = std::fs::read_to_string(of("second").join("config.toml"))?;
    assert!(log.contains("start-flow = "), "{log}");
    let wider = arguments(&of("third"), &format!("{start} --flow-width 24"));
    assert!(format!("{:#}", run(&wider).unwrap_err()).contains("flow.0.0.weight"));
    Ok(())
}

#[test]
fn what_other_devices_compute_trains_a_model_as_well() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let args = |more: &str| arguments(folder.path(), &format!("--joint-steps 50 {more}"));
    // The run ends in an error if the integer model and these floats do not agree.
    as_on_a_gpu(|| run(&args("")))?;
    let config = std::fs::read_to_string(folder.path().join("config.toml"))?;
    assert!(config.contains("device = \"auto\"\n"), "{config}");
    // Checkpoints of one device are good for another.
    std::fs::remove_file(folder.path().join("DONE"))?;
    run(&args("--device cpu"))
}

#[test]
fn a_device_that_is_not_there_leaves_no_folder() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("run");
    if !cfg!(feature = "cuda") {
        let error = run(&arguments(&out, "--device cuda")).unwrap_err().to_string();
        assert!(error.contains("--features cuda") && !out.exists(), "{error}");
    }
    Ok(())
}
