use candle_core::{Device, Result, Var};

use super::{close, each_order, flat, numbers, table, tensor};
use crate::gpu::window_gather::{backward, forward};
use crate::{Window, causal_offsets, window_gather};

#[test]
fn host_equals_cpu() -> Result<()> {
    let wide = vec![(0, 0), (-40, 2), (i32::MIN, i32::MAX), (1, -1), (2, 2)];
    for (n, h, w) in [(1, 1, 1), (2, 3, 5), (1, 7, 1), (3, 28, 28)] {
        let area = (h * w) as u32;
        let all = n as u32 * area;
        let picked = (0..all + 3).map(|i| i * 5 % all).filter(|i| i % 4 != 3);
        let pixels: Vec<(u32, u32)> = picked.map(|i| (i / area, i % area)).collect();
        for offsets in [causal_offsets(2, 3, 3), wide.clone(), vec![]] {
            let window = Window::new((n, h, w), &pixels, &offsets, &Device::Cpu)?;
            let s = window.sizes;
            let (images, grad) = (numbers(n * h * w, 1), numbers(s.rows * s.k, 2));
            let var = Var::from_tensor(&tensor(&images, &[n, h, w])?)?;
            let out = window_gather(&var, &window)?;
            let weighed = (&out * tensor(&grad, &[s.rows, s.k])?)?;
            let grads = weighed.sum_all()?.backward()?;
            let dx = flat(grads.get(&var).unwrap())?;
            let [cells, offsets] = [table(&window.cells)?, table(&window.offsets)?];
            let [start, row_of] = [table(&window.start)?, table(&window.row_of)?];
            each_order(|host| {
                let ours = forward(host, &images, &cells, &offsets, s)?;
                close(&ours, &flat(&out)?, 0.0);
                let back = backward(host, &grad, &offsets, &start, &row_of, s)?;
                close(&back, &dx, 0.0);
                Ok([ours, back].concat())
            })?;
        }
    }
    Ok(())
}
