//! Times forward pass, backward pass and optimiser step of a small dense network on one thread.
//!
//! `cargo run --release -p vbc-train --example step_time`

use std::time::Instant;

use candle_core::{Device, Result, Tensor};
use vbc_kernels::Leaky;
use vbc_train::ops::{affine, softmax_nll16};
use vbc_train::optim::{Adam, AdamConfig, Params};
use vbc_train::rng::Rng;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: usize = 16_384;
const SIZES: [usize; 5] = [300, 96, 64, 48, 40];

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    vbc_train::setup::init(1)?;
    let device = Device::Cpu;
    let mut rng = Rng::new(1, 0);
    let mut params = Params::new();
    for (l, s) in SIZES.windows(2).enumerate() {
        params.add(&format!("{l}.w"), &rng.he_normal(s[0], s[1], &device)?)?;
        params.add(&format!("{l}.b"), &rng.normal_tensor(&[s[1]], 0.01, &device)?)?;
    }
    let adam = Adam::new(AdamConfig::default());
    let x = rng.normal_tensor(&[ROWS, SIZES[0]], 1.0, &device)?;
    let target: Vec<u8> = (0..ROWS).map(|_| rng.below(16) as u8).collect();
    let weight = Tensor::from_vec(vec![1.0 / ROWS as f32; ROWS], ROWS, &device)?;
    for loss in ["sum of squares", "16-way code length"] {
        let mut times = Vec::new();
        for _ in 0..40 {
            let start = Instant::now();
            let y = forward(&params, &x)?;
            let forward = start.elapsed();
            let loss = match loss {
                "sum of squares" => y.sqr()?.mean_all()?,
                _ => softmax_nll16(&y.narrow(1, 0, 16)?.contiguous()?, &target, &weight)?,
            };
            let grads = loss.backward()?;
            let backward = start.elapsed();
            adam.step(&mut params, &grads, 1e-4)?;
            times.push((start.elapsed(), forward, backward - forward));
        }
        times.sort();
        let ms = |d: std::time::Duration| d.as_secs_f64() * 1e3;
        let (best, median) = (times[0], times[times.len() / 2]);
        println!(
            "{loss}: {:.2} ms best (forward {:.2}, loss and backward {:.2}), {:.2} ms median",
            ms(best.0),
            ms(best.1),
            ms(best.2),
            ms(median.0)
        );
    }
    Ok(())
}

fn forward(params: &Params, x: &Tensor) -> Result<Tensor> {
    let vars: Vec<&Tensor> = params.iter().map(|(_, var)| var.as_tensor()).collect();
    let layers = vars.len() / 2;
    let mut y = x.clone();
    for l in 0..layers {
        let act = if l + 1 < layers { Leaky::relu(f32::INFINITY) } else { Leaky::NONE };
        y = affine(&y, vars[2 * l], vars[2 * l + 1], act)?;
    }
    Ok(y)
}
