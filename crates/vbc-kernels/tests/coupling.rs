//! The additive coupling against slices and sums of candle's own.

mod common;

use candle_core::{Result, Tensor};
use common::{close, devices, fixed, gradient_check, same_both_ways};
use vbc_kernels::{Part, coupling, uncoupling};

/// m spread over all columns by a matrix of zeros and ones.
fn stock(x: &Tensor, m: &Tensor, columns: &[usize], sign: f64) -> Result<Tensor> {
    let d = x.dim(1)?;
    let mut spread = vec![0f32; columns.len() * d];
    columns.iter().enumerate().for_each(|(j, &column)| spread[j * d + column] = 1.0);
    let spread = Tensor::from_vec(spread, (columns.len(), d), x.device())?;
    x + (m.matmul(&spread)? * sign)?
}

fn parts(d: usize) -> [(Part, Vec<usize>); 5] {
    [
        (Part::first_half(d), (0..d / 2).collect()),
        (Part::second_half(d), (d / 2..d).collect()),
        (Part::even(d), (0..d).step_by(2).collect()),
        (Part::odd(d), (1..d).step_by(2).collect()),
        (Part::whole(d), (0..d).collect()),
    ]
}

#[test]
fn equals_stock_both_ways() -> Result<()> {
    for device in devices() {
        for (n, d) in [(1, 2), (3, 7), (65, 28), (200, 301)] {
            for (part, columns) in parts(d) {
                let at = [fixed(&[n, d], 1, &device)?, fixed(&[n, columns.len()], 2, &device)?];
                assert_eq!(part.columns(), columns.len());
                same_both_ways(
                    &at,
                    1e-6,
                    |v| coupling(&v[0], &v[1], part),
                    |v| stock(&v[0], &v[1], &columns, 1.0),
                )?;
                same_both_ways(
                    &at,
                    1e-6,
                    |v| uncoupling(&v[0], &v[1], part),
                    |v| stock(&v[0], &v[1], &columns, -1.0),
                )?;
                let there = coupling(&at[0], &at[1], part)?;
                close(&uncoupling(&there, &at[1], part)?, &at[0], 1e-6)?;
            }
        }
    }
    Ok(())
}

#[test]
fn gradient_agrees_with_differences() -> Result<()> {
    for device in devices() {
        for (part, columns) in parts(5) {
            let at = [fixed(&[2, 5], 1, &device)?, fixed(&[2, columns.len()], 2, &device)?];
            gradient_check(&at, 1e-3, |v| coupling(&v[0], &v[1], part))?;
            gradient_check(&at, 1e-3, |v| uncoupling(&v[0], &v[1], part))?;
        }
    }
    Ok(())
}

#[test]
fn shapes_must_fit() -> Result<()> {
    for device in devices() {
        let x = fixed(&[2, 6], 1, &device)?;
        assert!(coupling(&x, &fixed(&[2, 2], 2, &device)?, Part::odd(6)).is_err());
        assert!(coupling(&x, &fixed(&[3, 3], 2, &device)?, Part::odd(6)).is_err());
        assert!(coupling(&x, &fixed(&[2, 4], 2, &device)?, Part::odd(8)).is_err());
    }
    Ok(())
}
