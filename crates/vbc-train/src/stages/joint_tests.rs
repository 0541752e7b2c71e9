use super::*;
use anyhow::Context;
use candle_core::{Device, Var};
use vbc::training::{Contexts, PATCH_FIRST};

use crate::models::{PixelSizes, block_chunks};
use crate::ops::testing::{as_on_a_gpu, close};
use crate::stages::Tables;

const SIDE: usize = 8;
const SIZES: PixelSizes = PixelSizes { image: 4, row: 6, pixel: 6, hidden: 4 };

/// Two images of noise, and x̂ beyond the grid's ends too.
fn example() -> Result<(Images, Tensor, Tensor)> {
    let mut rng = Rng::new(3, 0);
    let pixels = (0..2 * SIDE * SIDE).map(|_| rng.below(256) as u8).collect();
    let images = Images { n: 2, height: SIDE, width: SIDE, channels: 1, pixels };
    let preview = (rng.normal_tensor(&[2, SIDE * SIDE], 0.4, &Device::Cpu)? + 0.4)?;
    let z = (rng.normal_tensor(&[2, SIDE * SIDE / 8], 3.0, &Device::Cpu)?).round()?;
    Ok((images, preview, z))
}

fn with_parts<R>(f: impl FnOnce(&Joint, &Params) -> Result<R>) -> Result<R> {
    let (mut params, mut rng) = (Params::new(), Rng::new(1, 0));
    let chunks = block_chunks(SIDE, SIDE, 8).unwrap();
    let m = chunks[0].len();
    let (contexts, tables) = (Contexts::new(SIDE, SIDE, [4, 6]).unwrap(), Tables::default());
    let maker = BatchMaker { contexts, tables, grids: None, device: Device::Cpu };
    let (p, r, gates) = (&mut params, &mut rng, maker.tables.gates());
    let flow = Nice::new(p, &chunks, 8, r)?;
    let proxy = LogisticPrior::new(p, m, 8, r)?;
    let net = PixelNet::new(p, &maker.contexts, m, SIZES, gates, r)?;
    let centres = &vec![1; m];
    let (flow, proxy, net, maker) = (&flow, &proxy, &net, &maker);
    let grids = &[];
    let joint =
        Joint { flow, proxy, net, maker, centres, grids, keep: 1.0, lambda: 2.0, beta: 1.0 };
    f(&joint, &params)
}

#[test]
fn the_gather_agrees_with_the_codec() -> Result<()> {
    let (images, preview, z) = example()?;
    let grid = on_grid(&preview)?;
    let points = Points::new(SIDE, SIDE);
    with_parts(|parts, _| {
        let batch = parts.pixels(&images, &[1, 0], &points, &z, &grid, &mut Rng::new(1, 1))?;
        let patch = batch.patch.unwrap();
        let data = batch.row.narrow(1, PATCH_FIRST, patch.dim(1)?)?;
        assert_eq!(patch.to_vec2::<f32>()?, data.to_vec2::<f32>()?);
        assert!(patch.dim(0)? > SIDE * SIDE);
        Ok(())
    })
}

#[test]
fn the_gradient_is_that_of_the_inputs() -> Result<()> {
    let (images, preview, z) = example()?;
    let (preview, z) = (Var::from_tensor(&preview)?, Var::from_tensor(&z)?);
    let grid = on_grid(&preview)?;
    let points = Points::new(SIDE, SIDE);
    with_parts(|parts, _| {
        let mut batch = parts.pixels(&images, &[0, 1], &points, &z, &grid, &mut Rng::new(1, 1))?;
        let patch = Var::from_tensor(&batch.patch.clone().unwrap())?;
        let ours = parts.net.bits(&batch, false)?.backward()?;
        let row = Var::from_tensor(&batch.row)?;
        (batch.row, batch.patch) = (row.as_tensor().clone(), None);
        let theirs = parts.net.bits(&batch, false)?.backward()?;
        let columns = theirs.get(&row).unwrap().narrow(1, PATCH_FIRST, patch.dim(1)?)?;
        let theirs = (points.of(&(&grid * 2.0)?, &batch)? * columns.contiguous()?)?.sum_all()?;
        let theirs = theirs.backward()?;
        let (ours_x, theirs_x) = (ours.get(&preview).unwrap(), theirs.get(&preview).unwrap());
        close(ours_x, theirs_x, 1e-4)?;
        let clamped = preview.to_vec2::<f32>()?[0].iter().position(|&v| v < 0.0).unwrap();
        assert_eq!(ours_x.to_vec2::<f32>()?[0][clamped], 0.0);
        assert!(ours.get(&z).unwrap().sqr()?.sum_all()?.to_scalar::<f32>()? > 0.0);
        Ok(())
    })
}

#[test]
fn on_any_device_it_is_the_same() -> Result<()> {
    let (images, items) = (example()?.0, [0, 1]);
    let points = Points::new(SIDE, SIDE);
    with_parts(|parts, params| {
        let x = batch(&images, &items, params.device())?;
        for (quantise, alone) in [(false, false), (true, false), (true, true)] {
            let loss = || {
                let rng = &mut Rng::new(1, 1);
                parts.loss(&x, &images, &items, &points, quantise, alone, rng)
            };
            let ((ours, numbers), (theirs, others)) = (loss()?, as_on_a_gpu(loss)?);
            close(&ours, &theirs, 1e-5)?;
            for (a, b) in numbers.iter().zip(&others) {
                assert!((a - b).abs() < 1e-4 * (1.0 + a.abs()), "{numbers:?} {others:?}");
            }
            let (ours, theirs) = (ours.backward()?, theirs.backward()?);
            for (name, var) in params.iter() {
                match (ours.get(var), theirs.get(var)) {
                    (Some(a), Some(b)) => close(a, b, 1e-4).with_context(|| name.to_owned())?,
                    (None, None) => assert!(alone, "{name}"),
                    _ => panic!("{name} has a gradient on one device only"),
                }
            }
        }
        Ok(())
    })
}
