//! The window gather against an index into padded images.

mod common;

use candle_core::{Device, Result, Tensor};
use common::{devices, fixed, flat, gradient_check, same_both_ways};
use vbc_kernels::{Window, causal_offsets, window_gather};

type Shape = (usize, usize, usize);

/// Pads by as much as any offset reaches, then selects by index.
fn stock(images: &Tensor, pixels: &[(u32, u32)], offsets: &[(i32, i32)]) -> Result<Tensor> {
    let (_, h, w) = images.dims3()?;
    let reach = offsets.iter().map(|(y, x)| y.abs().max(x.abs())).max().unwrap_or(0);
    let pad = reach as usize;
    let padded = images.pad_with_zeros(1, pad, pad)?.pad_with_zeros(2, pad, pad)?;
    let (h2, w2) = ((h + 2 * pad) as i32, (w + 2 * pad) as i32);
    let index: Vec<u32> = pixels
        .iter()
        .flat_map(|&(image, at)| {
            let (y, x) = (at as i32 / w as i32, at as i32 % w as i32);
            offsets.iter().map(move |&(dy, dx)| {
                ((image as i32 * h2 + y + dy + reach) * w2 + x + dx + reach) as u32
            })
        })
        .collect();
    let n = index.len();
    let index = Tensor::from_vec(index, n, images.device())?;
    padded.flatten_all()?.index_select(&index, 0)?.reshape((pixels.len(), offsets.len()))
}

/// Some pixels of a batch, in no order, and some of them twice.
fn pixels((n, h, w): Shape) -> Vec<(u32, u32)> {
    let area = (h * w) as u32;
    let all = n as u32 * area;
    let mut picked: Vec<u32> = (0..all).filter(|i| i % 5 != 1).map(|i| i * 7 % all).collect();
    picked.extend(picked.iter().rev().step_by(3).copied().collect::<Vec<_>>());
    picked.into_iter().map(|i| (i / area, i % area)).collect()
}

fn windows() -> [Vec<(i32, i32)>; 4] {
    let square = (-1..=1).flat_map(|y| (-1..=1).map(move |x| (y, x))).collect();
    [causal_offsets(2, 2, 2), square, vec![(0, 0)], vec![(-9, 0), (0, 11), (3, -3)]]
}

#[test]
fn equals_stock_both_ways() -> Result<()> {
    for device in devices() {
        for shape in [(1, 1, 1), (2, 3, 5), (1, 7, 1), (3, 8, 8), (2, 28, 28)] {
            let images = fixed(&[shape.0, shape.1, shape.2], 1, &device)?;
            let pixels = pixels(shape);
            for offsets in windows() {
                let window = Window::new(shape, &pixels, &offsets, &device)?;
                same_both_ways(
                    std::slice::from_ref(&images),
                    1e-5,
                    |v| window_gather(&v[0], &window),
                    |v| stock(&v[0], &pixels, &offsets),
                )?;
            }
        }
    }
    Ok(())
}

#[test]
fn gradient_agrees_with_differences() -> Result<()> {
    for device in devices() {
        let shape = (2, 3, 4);
        for offsets in windows() {
            let window = Window::new(shape, &pixels(shape), &offsets, &device)?;
            let images = fixed(&[2, 3, 4], 1, &device)?;
            gradient_check(&[images], 1e-3, |v| window_gather(&v[0], &window))?;
        }
    }
    Ok(())
}

#[test]
fn a_pixel_nobody_looks_at_has_no_gradient() -> Result<()> {
    for device in devices() {
        let window = Window::new((1, 2, 2), &[(0, 3)], &[(0, -1)], &device)?;
        let images = candle_core::Var::from_tensor(&fixed(&[1, 2, 2], 1, &device)?)?;
        let grads = window_gather(&images, &window)?.sum_all()?.backward()?;
        assert_eq!(flat(grads.get(&images).unwrap())?, [0.0, 0.0, 1.0, 0.0]);
    }
    Ok(())
}

#[test]
fn a_window_for_other_images_is_refused() -> Result<()> {
    let window = Window::new((2, 3, 4), &[(1, 11)], &[(0, 0)], &Device::Cpu)?;
    assert!(window_gather(&fixed(&[2, 4, 3], 1, &Device::Cpu)?, &window).is_err());
    Ok(())
}
