//! Times training steps of the paper's network: RVB X8 as published, batches of 128.
//!
//! `cargo run --release -p vbc-train --example step_time -- WIDTH STEPS THREADS` prints a JSON object.

use std::time::Instant;

use candle_core::{Device, Tensor};
use vbc_train::optim::{Adam, AdamConfig, Params};
use vbc_train::paper::{Bottleneck, PaperNice, Reading, Virtual};
use vbc_train::rng::Rng;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const D: usize = 784;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let mut number = |name: &str| -> Result<usize, Box<dyn std::error::Error>> {
        Ok(args.next().ok_or_else(|| format!("{name} is wanted"))?.parse()?)
    };
    let (width, steps, threads) = (number("WIDTH")?, number("STEPS")?, number("THREADS")?);
    vbc_train::setup::init(threads)?;
    let mut reading = Reading::named("as-published")?;
    reading.hidden = width;
    let (mut params, mut rng) = (Params::without_averages(&Device::Cpu), Rng::new(1, 0));
    let flow = PaperNice::new(&mut params, &reading, D, &mut rng)?;
    let bottleneck = Bottleneck::Redundancy { factor: 8, normalisation: reading.redundancy };
    let model = Virtual::new(flow, bottleneck, &reading, D)?;
    let x: Vec<f32> = (0..reading.batch * D).map(|_| rng.uniform_f32() - 0.5).collect();
    let x = Tensor::from_vec(x, (reading.batch, D), &Device::Cpu)?;
    let adam = Adam::new(AdamConfig { beta2: 0.999, ..AdamConfig::default() });
    let mut times = Vec::new();
    for _ in 0..steps + 2 {
        let begun = Instant::now();
        let cost = model.cost(&x)?;
        adam.step(&mut params, &cost.loss.backward()?, reading.rate)?;
        times.push(begun.elapsed().as_secs_f64());
    }
    // The first steps allocate.
    let mut times = times.split_off(2);
    times.sort_by(f64::total_cmp);
    let weights: usize =
        params.iter().filter(|(_, v)| v.rank() == 2).map(|(_, v)| v.elem_count()).sum();
    // Each weight: a multiplication and an addition forward, twice as much backward.
    let gflop = 6.0 * reading.batch as f64 * weights as f64 / 1e9;
    let (least, median) = (times[0], times[times.len() / 2]);
    println!(
        "{}",
        serde_json::json!({
            "width": width, "threads": threads, "gflop_a_step": gflop,
            "seconds_least": least, "seconds_median": median, "gflop_a_second": gflop / least,
        })
    );
    Ok(())
}
