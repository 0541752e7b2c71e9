//! Chunk mean and redundancy against a chain of candle's own.

mod common;

use candle_core::{Device, Result, Tensor};
use common::{close, devices, fixed, flat, gradient_check, same_both_ways};
use vbc_kernels::{Chunking, Weight, redundancy};

/// Blocks of 2 × c/2 pixels of a picture, as a cut that has no constant strides.
fn blocks(d: usize, c: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..d).collect();
    order.reverse();
    order.rotate_left(d / 3);
    (0..c).map(|k| order[k..].iter().step_by(c).copied().collect()).collect()
}

fn chunkings(d: usize, c: usize, device: &Device) -> Result<Vec<(Chunking, Vec<Vec<usize>>)>> {
    let interleaved = (0..c).map(|k| (k..d).step_by(c).collect()).collect();
    let contiguous = (0..c).map(|k| (k * d / c..(k + 1) * d / c).collect()).collect();
    Ok(vec![
        (Chunking::interleaved(d, c, device)?, interleaved),
        (Chunking::contiguous(d, c, device)?, contiguous),
        (Chunking::new(&blocks(d, c), device)?, blocks(d, c)),
    ])
}

/// (n, groups + 1): means and redundancy.
fn packed(y: &Tensor, chunking: &Chunking, weight: Weight) -> Result<Tensor> {
    let squeezed = redundancy(y, chunking, weight)?;
    Tensor::cat(&[&squeezed.mean, &squeezed.redundancy.unsqueeze(1)?], 1)
}

fn stock(y: &Tensor, chunks: &[Vec<usize>], weight: Weight) -> Result<Tensor> {
    let (n, d) = y.dims2()?;
    let (c, groups) = (chunks.len(), d / chunks.len());
    let order: Vec<u32> = chunks.concat().into_iter().map(|i| i as u32).collect();
    let order = Tensor::from_vec(order, d, y.device())?;
    let y = y.index_select(&order, 1)?.reshape((n, c, groups))?;
    let mean = y.mean_keepdim(1)?;
    let squares = y.broadcast_sub(&mean)?.sqr()?.sum((1, 2))?;
    let factor = match weight {
        Weight::Groups => 1.0 / (c - 1).max(1) as f64,
        Weight::Outputs => 1.0 / d as f64,
    };
    Tensor::cat(&[mean.squeeze(1)?, (squares * factor)?.unsqueeze(1)?], 1)
}

#[test]
fn equals_stock_both_ways() -> Result<()> {
    for device in devices() {
        for (n, d, c) in [(1, 2, 2), (3, 6, 3), (5, 60, 5), (7, 784, 8), (3, 784, 392), (2, 37, 37)]
        {
            let y = fixed(&[n, d], 1, &device)?;
            for (chunking, chunks) in chunkings(d, c, &device)? {
                assert_eq!((chunking.chunks(), chunking.groups()), (c, d / c));
                for weight in [Weight::Groups, Weight::Outputs] {
                    same_both_ways(
                        std::slice::from_ref(&y),
                        2e-5,
                        |v| packed(&v[0], &chunking, weight),
                        |v| stock(&v[0], &chunks, weight),
                    )?;
                }
            }
        }
    }
    Ok(())
}

#[test]
fn gradient_agrees_with_differences() -> Result<()> {
    for device in devices() {
        for c in [2, 3, 4, 12] {
            for (chunking, _) in chunkings(12, c, &device)? {
                for weight in [Weight::Groups, Weight::Outputs] {
                    let y = fixed(&[2, 12], 3, &device)?;
                    gradient_check(&[y], 2e-3, |v| packed(&v[0], &chunking, weight))?;
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_single_value_does_not_vary() -> Result<()> {
    for device in devices() {
        for weight in [Weight::Groups, Weight::Outputs] {
            let y = candle_core::Var::from_tensor(&fixed(&[3, 10], 1, &device)?)?;
            let squeezed = redundancy(&y, &Chunking::interleaved(10, 1, &device)?, weight)?;
            close(&squeezed.mean, &y, 0.0)?;
            assert_eq!(flat(&squeezed.redundancy)?, [0.0; 3]);
            let grads = squeezed.redundancy.sum_all()?.backward()?;
            assert_eq!(flat(grads.get(&y).unwrap())?, [0.0; 30]);
            gradient_check(&[y.as_tensor().copy()?], 1e-3, |v| {
                packed(&v[0], &Chunking::contiguous(10, 1, &device)?, weight)
            })?;
        }
    }
    Ok(())
}

#[test]
fn a_far_mean_does_not_drown_the_variance() -> Result<()> {
    for device in devices() {
        // Two values a unit apart at 1000: the variance is 1/2, and a difference of squares is off.
        let y = Tensor::new(&[[1000f32, 1001.0, 1000.0, 1001.0]], &device)?;
        let squeezed = redundancy(&y, &Chunking::interleaved(4, 2, &device)?, Weight::Groups)?;
        assert_eq!(flat(&squeezed.redundancy)?, [1.0]);
    }
    Ok(())
}

#[test]
fn pull_per_output_is_the_same_for_every_c() -> Result<()> {
    let device = Device::Cpu;
    for c in [2, 4, 16] {
        let mut y = vec![0f32; 32];
        y[0] = 1.0;
        let y = candle_core::Var::from_vec(y, (1, 32), &device)?;
        let s = redundancy(&y, &Chunking::interleaved(32, c, &device)?, Weight::Outputs)?;
        let grads = s.redundancy.sum_all()?.backward()?;
        let off = 1.0 - 1.0 / c as f32;
        let pull = flat(grads.get(&y).unwrap())?[0] / off;
        assert!((pull - 2.0 / 32.0).abs() < 1e-6, "c = {c}: {pull}");
    }
    Ok(())
}

#[test]
fn columns_must_fit() -> Result<()> {
    let chunking = Chunking::interleaved(12, 3, &Device::Cpu)?;
    assert!(redundancy(&fixed(&[2, 9], 1, &Device::Cpu)?, &chunking, Weight::Groups).is_err());
    Ok(())
}
