use candle_core::{Device, Result, Tensor, Var};

use super::{close, each_order, flat, numbers, table, tensor};
use crate::gpu::redundancy::{Sizes, backward, forward};
use crate::{Chunking, Weight, redundancy};

#[test]
fn host_equals_cpu() -> Result<()> {
    let shapes = [
        (1, 1, 1),
        (3, 10, 1),
        (1, 2, 2),
        (3, 6, 3),
        (5, 60, 5),
        (3, 784, 8),
        (2, 784, 392),
        (3, 37, 37),
    ];
    for (n, d, c) in shapes {
        let scattered: Vec<Vec<usize>> =
            (0..c).map(|k| (0..d / c).map(|j| d - 1 - (j * c + k)).collect()).collect();
        for chunking in [
            Chunking::interleaved(d, c, &Device::Cpu)?,
            Chunking::contiguous(d, c, &Device::Cpu)?,
            Chunking::new(&scattered, &Device::Cpu)?,
        ] {
            one(n, &chunking)?;
        }
    }
    Ok(())
}

fn one(n: usize, chunking: &Chunking) -> Result<()> {
    let (c, groups) = (chunking.chunks(), chunking.groups());
    let d = c * groups;
    for weight in [Weight::Groups, Weight::Outputs] {
        let (y, grad) = (numbers(n * d, 1), numbers(n * (groups + 1), 2));
        let y_var = Var::from_tensor(&tensor(&y, &[n, d])?)?;
        let s = redundancy(&y_var, chunking, weight)?;
        let packed = Tensor::cat(&[&s.mean, &s.redundancy.unsqueeze(1)?], 1)?;
        let weighed = (&packed * tensor(&grad, &[n, groups + 1])?)?;
        let grads = weighed.sum_all()?.backward()?;
        let dy = flat(grads.get(&y_var).unwrap())?;
        let factor = match weight {
            _ if c == 1 => 0.0,
            Weight::Groups => 1.0 / (c - 1) as f32,
            Weight::Outputs => 1.0 / d as f32,
        };
        let sizes = Sizes { n, groups, c, factor };
        let (columns, group_of) = (table(&chunking.columns)?, table(&chunking.group_of)?);
        each_order(|host| {
            let ours = forward(host, &y, &columns, sizes)?;
            close(&ours, &flat(&packed)?, 1e-5);
            let ours_back = backward(host, &y, &group_of, &ours, &grad, sizes)?;
            close(&ours_back, &dy, 1e-5);
            Ok([ours, ours_back].concat())
        })?;
    }
    Ok(())
}
