//! The kernels of cu/, compiled as C++ for the host with the address and undefined-behaviour
//! sanitizers, against the CPU operations: the launches are those that a GPU gets.

mod adam;
mod bias_leaky;
mod coupling;
mod host;
mod logistic_rate;
mod redundancy;
mod window_gather;

pub(crate) use host::{each_order, each_order_of_threads};

use candle_core::{Device, Result, Tensor};

/// Values of about −2..2 that depend on the place and `seed` alone.
pub(crate) fn numbers(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u32 << 22) as f32 - 2.0
        })
        .collect()
}

pub(crate) fn tensor(values: &[f32], shape: &[usize]) -> Result<Tensor> {
    Tensor::from_slice(values, shape, &Device::Cpu)
}

pub(crate) fn flat(t: &Tensor) -> Result<Vec<f32>> {
    t.flatten_all()?.to_vec1()
}

/// The table of a tensor of indices.
pub(crate) fn table(t: &Tensor) -> Result<Vec<u32>> {
    t.flatten_all()?.to_vec1()
}

/// Fails unless the values agree to `tolerance`, relative to 1 + magnitude; NaN agrees with nothing.
#[track_caller]
pub(crate) fn close(a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len());
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        let within = (a - b).abs() <= tolerance * (1.0 + a.abs().max(b.abs()));
        assert!(within, "element {i}: {a} against {b}");
    }
}
