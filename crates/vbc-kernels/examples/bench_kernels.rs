//! Times the operations, forward and backward, against chains of candle's own: `cpu`, `cuda`, or
//! `names` to list them. `cargo xtask bench-kernels` runs it.

use std::hint::black_box;
use std::time::Instant;

use candle_core::{DType, Device, Result, Tensor, Var, bail};
use vbc_kernels::{
    AdamConfig, AdamRates, AdamState, Chunking, Leaky, Part, Weight, Window, adam_step, bias_leaky,
    causal_offsets, coupling, logistic_rate, redundancy, window_gather,
};

/// Runs of a step; the best counts.
const RUNS: usize = 7;

/// An operation at a size of the trainer's: one step of ours, one of candle's chain, and the bytes
/// that a step cannot do without moving.
struct Case {
    name: &'static str,
    bytes: usize,
    ours: Box<dyn Fn() -> Result<()>>,
    stock: Box<dyn Fn() -> Result<()>>,
}

type Builder = fn(&Device) -> Result<Case>;

const CASES: [(&str, Builder); 6] = [
    ("bias_leaky", bias_leaky_case),
    ("coupling", coupling_case),
    ("redundancy", redundancy_case),
    ("window_gather", window_gather_case),
    ("logistic_rate", logistic_rate_case),
    ("adam", adam_case),
];

fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("names") => CASES.iter().for_each(|(name, _)| println!("  {name}")),
        Some("cpu") => run(&Device::Cpu, "CPU")?,
        Some("cuda") => run(&Device::new_cuda(0)?, "GPU")?,
        _ => bail!("usage: bench_kernels cpu|cuda|names"),
    }
    Ok(())
}

fn run(device: &Device, place: &str) -> Result<()> {
    let bandwidth = if device.is_cuda() { Some(copy_rate(device)?) } else { None };
    println!("{place}, forward and backward, best of {RUNS}:");
    println!("{:<14} {:>10} {:>10} {:>7} {:>9}", "", "ours", "candle", "ratio", "of bound");
    for (_, build) in CASES {
        let case = build(device)?;
        let (ours, stock) = (best(device, &case.ours)?, best(device, &case.stock)?);
        // How near the time is to that of moving the bytes once.
        let bound = bandwidth
            .map_or("-".into(), |rate| format!("{:.0} %", 100.0 * case.bytes as f64 / rate / ours));
        println!(
            "{:<14} {:>7.3} ms {:>7.3} ms {:>6.1}x {:>9}",
            case.name,
            ours * 1e3,
            stock * 1e3,
            stock / ours,
            bound
        );
    }
    if let Some(rate) = bandwidth {
        println!("bound: {:.0} GB/s, the rate of copying 256 MB on the device", rate / 1e9);
    }
    Ok(())
}

fn best(device: &Device, step: &dyn Fn() -> Result<()>) -> Result<f64> {
    step()?;
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        device.synchronize()?;
        let start = Instant::now();
        step()?;
        device.synchronize()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// Bytes read and written a second.
fn copy_rate(device: &Device) -> Result<f64> {
    let len = 64 << 20;
    let from = Tensor::zeros(len, DType::F32, device)?;
    let time = best(device, &|| from.copy().map(|t| drop(black_box(t))))?;
    Ok(8.0 * len as f64 / time)
}

fn fixed(shape: &[usize], seed: f64, device: &Device) -> Result<Var> {
    let n: usize = shape.iter().product();
    let values = (0..n).map(|i| ((i as f64 * 0.618 + seed * 0.37).fract() * 4.0 - 2.0) as f32);
    Var::from_vec(values.collect::<Vec<_>>(), shape, device)
}

/// Sums up and goes back, which is the same work for both sides.
fn back(y: Tensor) -> Result<()> {
    black_box(y.sum_all()?.backward()?);
    Ok(())
}

fn bias_leaky_case(device: &Device) -> Result<Case> {
    let (n, o) = (256, 2000);
    let (x, b) = (fixed(&[n, o], 1.0, device)?, fixed(&[o], 2.0, device)?);
    let (x2, b2) = (x.clone(), b.clone());
    Ok(Case {
        name: "bias_leaky",
        // x, y; y, its gradient, x's.
        bytes: 4 * n * o * 5,
        ours: Box::new(move || back(bias_leaky(&x, &b, Leaky::new(0.01))?)),
        stock: Box::new(move || {
            let y = x2.broadcast_add(&b2)?;
            back(y.maximum(&(&y * 0.01)?)?)
        }),
    })
}

fn coupling_case(device: &Device) -> Result<Case> {
    let (n, d) = (1024, 784);
    let (x, m) = (fixed(&[n, d], 1.0, device)?, fixed(&[n, d / 2], 2.0, device)?);
    let (x2, m2) = (x.clone(), m.clone());
    Ok(Case {
        name: "coupling",
        // x, m, y; m's gradient from as much.
        bytes: 4 * n * d * 7 / 2,
        ours: Box::new(move || back(coupling(&x, &m, Part::second_half(d))?)),
        stock: Box::new(move || {
            let (a, b) = (x2.narrow(1, 0, d / 2)?, x2.narrow(1, d / 2, d / 2)?);
            back(Tensor::cat(&[&a, &(b + m2.as_tensor())?], 1)?)
        }),
    })
}

fn redundancy_case(device: &Device) -> Result<Case> {
    let (n, d, c) = (1024, 784, 8);
    let y = fixed(&[n, d], 1.0, device)?;
    let y2 = y.clone();
    let chunking = Chunking::interleaved(d, c, device)?;
    Ok(Case {
        name: "redundancy",
        // y twice, out; y, out, gradient, dy.
        bytes: 4 * n * (4 * d + 3 * d / c),
        ours: Box::new(move || {
            let s = redundancy(&y, &chunking, Weight::Groups)?;
            back((s.mean.sum_all()? + s.redundancy.sum_all()?)?)
        }),
        stock: Box::new(move || {
            let y = y2.reshape((n, d / c, c))?;
            let mean = y.mean_keepdim(2)?;
            let squares = (y.broadcast_sub(&mean)?.sqr()?.sum_all()? / (c - 1) as f64)?;
            back((mean.sum_all()? + squares)?)
        }),
    })
}

fn window_gather_case(device: &Device) -> Result<Case> {
    let shape = (64, 28, 28);
    let area = 28 * 28;
    let pixels: Vec<(u32, u32)> =
        (0..64 * area).filter(|i| i % 3 != 0).map(|i| (i / area, i % area)).collect();
    let offsets = causal_offsets(3, 3, 3);
    let images = fixed(&[64, 28, 28], 1.0, device)?;
    let images2 = images.clone();
    let window = Window::new(shape, &pixels, &offsets, device)?;
    let (rows, k) = (pixels.len(), offsets.len());
    // candle's own: an index into images padded by 3 on all sides.
    let index: Vec<u32> = pixels
        .iter()
        .flat_map(|&(image, at)| {
            let (y, x) = (at as i32 / 28, at as i32 % 28);
            let place = move |&(dy, dx): &(i32, i32)| (y + dy + 3) * 34 + x + dx + 3;
            offsets.iter().map(place).map(move |at| image * 34 * 34 + at as u32).collect::<Vec<_>>()
        })
        .collect();
    let index = Tensor::from_vec(index, rows * k, device)?;
    Ok(Case {
        name: "window_gather",
        // images, out; gradient, images'.
        bytes: 4 * (2 * rows * k + 2 * 64 * area as usize),
        ours: Box::new(move || back(window_gather(&images, &window)?)),
        stock: Box::new(move || {
            let padded = images2.pad_with_zeros(1, 3, 3)?.pad_with_zeros(2, 3, 3)?;
            back(padded.flatten_all()?.index_select(&index, 0)?.reshape((rows, k))?)
        }),
    })
}

fn logistic_rate_case(device: &Device) -> Result<Case> {
    let shape = [1024, 98];
    let n = 1024 * 98;
    let [z, mean, log_scale] = [1.0, 2.0, 3.0].map(|seed| fixed(&shape, seed, device));
    let (z, mean, log_scale) = (z?, mean?, log_scale?);
    let (z2, mean2, log_scale2) = (z.clone(), mean.clone(), log_scale.clone());
    Ok(Case {
        name: "logistic_rate",
        // Three in, one out; four in, three out.
        bytes: 4 * n * 11,
        ours: Box::new(move || back(logistic_rate(&z, &mean, &log_scale)?)),
        stock: Box::new(move || {
            let inverse = log_scale2.neg()?.exp()?;
            let off = (z2.as_tensor() - mean2.as_tensor())?;
            let logistic = |edge: f64| ((((&off + edge)? * &inverse)? * 0.5)?.tanh()? * 0.5)? + 0.5;
            back(((logistic(0.5)? - logistic(-0.5)?)? + 1e-9)?.log()?)
        }),
    })
}

fn adam_case(device: &Device) -> Result<Case> {
    let n = 4_000_000;
    let (theta, gradient) = (fixed(&[n], 1.0, device)?, fixed(&[n], 2.0, device)?);
    let config = AdamConfig { beta1: 0.9, beta2: 0.99, eps: 1e-8 };
    let rates = AdamRates { rate: 1e-3, scale: 1.0, decay: 0.999, bound: f32::INFINITY };
    let state = std::sync::Mutex::new(AdamState::new(&theta, false, None)?);
    let (theta2, gradient2) =
        (Var::from_tensor(&theta.as_tensor().copy()?)?, gradient.as_tensor().copy()?);
    let [m, v] = [(); 2].map(|()| Var::zeros(n, DType::F32, device));
    let (m, v) = (m?, v?);
    Ok(Case {
        name: "adam",
        // Values and moments both ways, the gradient.
        bytes: 4 * n * 7,
        ours: Box::new(move || {
            let mut state = state.lock().expect("one thread");
            adam_step(&theta, &gradient, &mut state, &config, &rates)
        }),
        stock: Box::new(move || {
            let next_m = ((m.as_tensor() * 0.9)? + (&gradient2 * 0.1)?)?;
            let next_v = ((v.as_tensor() * 0.99)? + (gradient2.sqr()? * 0.01)?)?;
            let step = (&next_m / (next_v.sqrt()? + 1e-8)?)?;
            theta2.set(&(theta2.as_tensor() - (step * 1e-3)?)?)?;
            m.set(&next_m)?;
            v.set(&next_v)
        }),
    })
}
