//! A flow over whole pixel steps: the shifts are rounded, so that every y comes back exactly.

use candle_core::{Result, Tensor};

use crate::data::Images;
use crate::paper::{InputScale, PaperNice};

/// A trained flow's outputs on the lattice of its pixels.
#[derive(Debug)]
pub struct Lattice {
    /// Scaled outputs (n, d): whole steps times [`width`](Self::width), and an offset.
    pub y: Vec<f32>,
    /// The distance of neighbouring values of each of the d dimensions.
    pub width: Vec<f64>,
}

/// Images that pass through the flow at a time.
const BATCH: usize = 500;

impl Lattice {
    /// Sends the images `items` through the flow.
    ///
    /// # Errors
    /// Those of candle.
    pub fn new(
        flow: &PaperNice,
        input: InputScale,
        images: &Images,
        items: &[u32],
    ) -> Result<Self> {
        let d = images.image_len();
        // The middle of a pixel's step is x(p) = steps · p + x(0).
        let (zero, one) = (input.apply(0, 0.5), input.apply(1, 0.5));
        let step = f64::from(one - zero);
        let mut y = Vec::with_capacity(items.len() * d);
        for items in items.chunks(BATCH) {
            let x: Vec<f32> = items
                .iter()
                .flat_map(|&i| images.image(i as usize))
                .map(|&p| input.apply(p, 0.5))
                .collect();
            let x = Tensor::from_vec(x, (items.len(), d), flow.device())?;
            y.extend(flow.forward_in_steps(&x, step)?.flatten_all()?.to_vec1::<f32>()?);
        }
        let width = flow.factors()?.into_iter().map(|f| f64::from(f) * step).collect();
        Ok(Lattice { y, width })
    }
}
