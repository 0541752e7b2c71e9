use super::*;
use crate::data::Order;
use crate::ops::affine;
use crate::optim::{Adam, AdamConfig};
use crate::rng::Rng;
use candle_core::{Device, Result, Tensor};
use serde_json::json;
use vbc_kernels::Leaky;

/// A toy whose every step depends on the data's order, the random numbers and the step count.
struct Toy {
    params: Params,
    rng: Rng,
    order: Order,
}

impl Toy {
    fn new(seed: u64) -> Result<Self> {
        let mut rng = Rng::new(seed, 0);
        let mut params = Params::new();
        params.add("w", &rng.he_normal(5, 4, &Device::Cpu)?)?;
        params.add("b", &rng.normal_tensor(&[4], 0.1, &Device::Cpu)?)?;
        Ok(Self { params, rng, order: Order::new(37, 5) })
    }

    fn train(&mut self, steps: usize) -> Result<()> {
        let adam = Adam::new(AdamConfig { clip: Some(0.7), ..AdamConfig::default() });
        let data = Rng::new(9, 9).normal_tensor(&[37, 5], 1.0, &Device::Cpu)?;
        for _ in 0..steps {
            let x = crate::ops::gather_rows(&data, &self.order.batch(8))?;
            let x = (x + self.rng.normal_tensor(&[8, 5], 0.1, &Device::Cpu)?)?;
            let (w, b) = (self.params.get("w").unwrap(), self.params.get("b").unwrap());
            let y = affine(&x, w, b, Leaky { slope: 0.01, max: 3.0 })?;
            let loss = (y - 0.5)?.sqr()?.sum_all()?;
            let rate = 0.01 / (1.0 + self.params.step() as f64);
            adam.step(&mut self.params, &loss.backward()?, rate)?;
        }
        Ok(())
    }

    fn run(&self) -> RunState {
        RunState { rng: self.rng.state(), order: self.order.state(), extra: json!({"best": 3}) }
    }

    fn bits(&self) -> Vec<u32> {
        let all = self.params.entries().iter().flat_map(|e| {
            let values = e.var.flatten_all().and_then(|v| v.to_vec1::<f32>()).unwrap();
            [vec![values], e.state.packed().to_vec2().unwrap()].concat().concat()
        });
        all.map(f32::to_bits).collect()
    }
}

#[test]
fn a_resumed_run_equals_a_straight_one_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let config = json!({"rate": 0.1, "sizes": [5, 4], "third": 1.0 / 3.0});
    let mut straight = Toy::new(1).unwrap();
    straight.train(20).unwrap();

    let mut first = Toy::new(1).unwrap();
    first.train(10).unwrap();
    save(&path, &first.params, &first.run(), &config).unwrap();
    // Other first values, to see that all of them are replaced.
    let mut second = Toy::new(2).unwrap();
    let run = load(&path, &mut second.params, &config).unwrap();
    assert_eq!(run, first.run());
    assert_eq!(second.bits(), first.bits());
    second.rng = Rng::from_state(run.rng);
    second.order = Order::from_state(run.order);
    second.train(10).unwrap();

    assert_eq!(second.params.step(), 20);
    assert_eq!(second.bits(), straight.bits());
    assert_eq!(second.run(), straight.run());
    assert_ne!(first.bits(), straight.bits());
    // Nothing else is left in the folder.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn differences_are_refused_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let toy = Toy::new(1).unwrap();
    save(&path, &toy.params, &toy.run(), &json!({"a": {"rate": 0.1}})).unwrap();

    let mut other = Toy::new(2).unwrap();
    let before = other.bits();
    let error = load(&path, &mut other.params, &json!({"a": {"rate": 0.2}})).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("/a/rate was 0.1 and is now 0.2"), "{text}");
    let absent = load(&path, &mut other.params, &json!({"a": {}})).unwrap_err().to_string();
    assert!(absent.contains("is now absent"), "{absent}");

    let config = json!({"a": {"rate": 0.1}});
    let mut more = Toy::new(2).unwrap();
    more.params.add("c", &Tensor::new(1f32, &Device::Cpu).unwrap()).unwrap();
    let error = load(&path, &mut more.params, &config).unwrap_err();
    assert!(matches!(error, CheckpointError::Params { .. }), "{error}");

    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let error = load(&path, &mut other.params, &config).unwrap_err();
    assert!(matches!(error, CheckpointError::Format { .. }), "{error}");
    assert_eq!(other.bits(), before);
    std::fs::remove_file(&path).unwrap();
    let error = load(&path, &mut other.params, &config).unwrap_err();
    assert!(matches!(error, CheckpointError::Io { .. }), "{error}");
}

/// A disk that is full while a checkpoint is written, by way of the temporary file's name.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let mut toy = Toy::new(1).unwrap();
    save(&path, &toy.params, &toy.run(), &json!({})).unwrap();
    let (before, bits) = (std::fs::read(&path).unwrap(), toy.bits());
    toy.train(3).unwrap();
    let temporary = folder.path().join(format!(".run.safetensors.{}.tmp", std::process::id()));
    std::os::unix::fs::symlink("/dev/full", &temporary).unwrap();
    let error = save(&path, &toy.params, &toy.run(), &json!({})).unwrap_err();
    let CheckpointError::Io { source, .. } = error else { panic!("{error}") };
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    load(&path, &mut toy.params, &json!({})).unwrap();
    assert_eq!(toy.bits(), bits);
    // Nothing else is left in the folder, and with room again it goes on.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    save(&path, &toy.params, &toy.run(), &json!({})).unwrap();
}

#[test]
fn what_is_not_finite_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let toy = Toy::new(1).unwrap();
    save(&path, &toy.params, &toy.run(), &json!({"a": 1})).unwrap();
    let before = std::fs::read(&path).unwrap();
    let b = toy.params.get("b").unwrap();
    b.set(&Tensor::new(&[0f32, f32::NAN, 0.0, 0.0], &Device::Cpu).unwrap()).unwrap();
    let error = save(&path, &toy.params, &toy.run(), &json!({"a": 1})).unwrap_err();
    assert!(error.to_string().contains("parameter b is not finite"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let info = info(&path).unwrap();
    assert_eq!((info.step, info.config), (0, json!({"a": 1})));
    assert_eq!(info.shapes["w"], [5, 4]);
}
