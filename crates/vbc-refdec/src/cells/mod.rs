//! Cells: images with a grid in models with cells (SPEC.md section 6.9).

mod image;

use crate::cells::image::Image;
use crate::grid::{Grid, Grids};
use crate::layer::{Layer, byte_relu};
use crate::prior::Latent;
use crate::range_coder::Decoder;
use crate::refusal::{Kind, Result, demand, require};
use crate::softmax::frequencies;
use crate::tensors::Tensors;

/// Inputs before those of classes: section 6.9.2.
const INPUTS: usize = 4_853;
/// The same of a network of values: section 6.9.3.
const VALUE_INPUTS: usize = 3_317;

/// The tensors `cells.*` of a model.
pub(crate) struct Cells {
    image: Option<Layer>,
    inputs: Layer,
    ink: Layer,
    values: Values,
    plain: Vec<i64>,
    plain_preview: Vec<i64>,
}

/// What nibbles are coded by.
enum Values {
    /// `cells.head` and `cells.low`.
    Head(Layer, Vec<i64>),
    /// `cells.value.*`: inputs, hidden, high, low.
    Network([Layer; 3], Vec<Layer>),
}

impl Cells {
    // 9.2
    pub(crate) fn load(t: &mut Tensors<'_>, grids: &Grids, m: Option<usize>) -> Result<Self> {
        let image = m.map(|m| t.layer("cells.image", m, |_| 8_128)).transpose()?;
        let e = image.as_ref().map_or(0, |layer| layer.outputs);
        demand(image.is_none() || e > 0, Kind::BadModel, "cells.image")?;
        let k = grids.classes();
        let largest =
            |first: usize| move |i: usize| if (first..first + k).contains(&i) { 256 } else { 255 };
        let inputs = t.layer("cells.inputs", INPUTS + k + e, largest(INPUTS))?;
        let ink = t.layer("cells.ink", inputs.outputs, |_| 255)?;
        let values = if t.0.contains_key("cells.value.inputs.weight") {
            let largest = largest(VALUE_INPUTS);
            let rows = t.layer("cells.value.inputs", VALUE_INPUTS + k + e, largest)?;
            let hidden = t.layer("cells.value.hidden", rows.outputs, |_| 255)?;
            let high = t.layer("cells.value.high", hidden.outputs, |_| 255)?;
            let low = t.layers("cells.value.low", 3, hidden.outputs)?;
            for layer in &low {
                layer.check("cells.value.low", |_| 255)?;
            }
            let some = rows.outputs > 0 && hidden.outputs > 0;
            demand(some, Kind::BadModel, "cells.value")?;
            let fit = high.outputs == 19 && low[0].outputs == 20;
            demand(fit, Kind::BadModel, "cells.value")?;
            Values::Network([rows, hidden, high], low)
        } else {
            let head = t.layer("cells.head", inputs.outputs, |_| 255)?;
            demand(head.outputs == 23, Kind::BadModel, "cells.head")?;
            Values::Head(head, t.flat("cells.low", 2, 256)?)
        };
        demand(inputs.outputs > 0, Kind::BadModel, "cells.inputs")?;
        demand(ink.outputs == 1, Kind::BadModel, "cells.ink")?;
        Ok(Cells {
            image,
            inputs,
            ink,
            values,
            plain: t.flat("cells.plain", 2, 800)?,
            plain_preview: t.flat("cells.plain.preview", 2, 16)?,
        })
    }

    /// The images of these grids, from their latents and x̂: step 3 of section 6.9.4.
    pub(crate) fn images(
        &self,
        grids: &Grids,
        parts: &[(Grid, &Latent, Option<Vec<u8>>)],
        coder: &mut Decoder<'_>,
    ) -> Result<Vec<Vec<u8>>> {
        let begun = |(grid, latent, preview): &(Grid, &Latent, Option<Vec<u8>>)| Image {
            grid: *grid,
            preview: preview.clone().unwrap_or_else(|| vec![0; 784]),
            vector: self.image.as_ref().map_or(Vec::new(), |layer| layer.byte_relu(&latent.0)),
            i: 0,
            j: 0,
            ink: Vec::new(),
        };
        let mut images: Vec<Image> = parts.iter().map(begun).collect();
        for n in 0..400 {
            images.iter_mut().for_each(|image| (image.i, image.j) = (n / 20, n % 20));
            let here = (0..images.len()).filter(|&k| images[k].pixel(0, 0).is_some());
            let (plain, others): (Vec<usize>, Vec<usize>) =
                here.partition(|&k| images[k].is_plain());
            let mut inked = Vec::new();
            for k in plain {
                let logits = [0, self.plain_logit(&images[k])];
                if coder.symbol(&frequencies(&logits))? == 1 {
                    inked.push((k, self.units(grids, &images[k])));
                }
            }
            for k in others {
                let units = self.units(grids, &images[k]);
                let l = self.ink.wide(&units)[0];
                let logits = [0, 16 * ((l + 8) >> 4).clamp(-1023, 1023)];
                if coder.symbol(&frequencies(&logits))? == 1 {
                    inked.push((k, units));
                }
            }
            let mut highs = Vec::new();
            for (k, units) in &inked {
                let o = self.high(grids, &images[*k], units);
                highs.push(coder.symbol(&images[*k].high(grids, &o))? as u8);
            }
            for ((k, units), h) in inked.iter().zip(highs) {
                let low = self.low(grids, &images[*k], units, usize::from(h));
                let image = &mut images[*k];
                let l = coder.symbol(&image.low(grids, &low, h))? as u8;
                require(16 * h + l > 0, "ink of value 0")?;
                let kind = image.kind(grids);
                image.ink.push((image.i, image.j, kind, 16 * h + l));
            }
        }
        Ok(images.iter().map(Image::pixels).collect())
    }

    // 6.9.1
    fn plain_logit(&self, image: &Image) -> i64 {
        let e = usize::from(!image.ink.is_empty());
        let around = (-1..=1).flat_map(|di| (-1..=1).map(move |dj| (di, dj)));
        let g = around.map(|(di, dj)| image.h(di, dj)).max().unwrap_or(0);
        self.plain[2 * (20 * image.i + image.j) as usize + e] + self.plain_preview[g]
    }

    // 6.9.3
    fn units(&self, grids: &Grids, image: &Image) -> Vec<i64> {
        of_rows(&self.inputs, image.inputs(grids), image)
    }

    /// o of section 6.9.3, or its first 19.
    fn high(&self, grids: &Grids, image: &Image, units: &[i64]) -> Vec<i64> {
        match &self.values {
            Values::Head(head, _) => head.saturated(units),
            Values::Network([rows, hidden, high], _) => {
                high.saturated(&self.hidden(grids, image, rows, hidden))
            }
        }
    }

    /// The low nibble's 16 logits after `h`, and what counts, q and weights count for: p of section 6.9.3.
    fn low(&self, grids: &Grids, image: &Image, units: &[i64], h: usize) -> Vec<i64> {
        match &self.values {
            Values::Head(head, low) => {
                let o = head.saturated(units);
                [&low[16 * h..16 * h + 16], &o[19..23]].concat()
            }
            Values::Network([rows, hidden, _], low) => {
                low[h].saturated(&self.hidden(grids, image, rows, hidden))
            }
        }
    }

    fn hidden(&self, grids: &Grids, image: &Image, rows: &Layer, hidden: &Layer) -> Vec<i64> {
        hidden.byte_relu(&of_rows(rows, image.value_inputs(grids), image))
    }
}

/// The outputs of a layer whose inputs are one-hots and then the image's vector.
fn of_rows(layer: &Layer, hot: Vec<usize>, image: &Image) -> Vec<i64> {
    let hot = hot.into_iter().map(|input| (input, 128));
    let first = layer.inputs - image.vector.len();
    let vector = image.vector.iter().enumerate().map(|(n, &a)| (first + n, a));
    byte_relu(layer.wide_of(&hot.chain(vector).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::tests::grids;

    fn layer(inputs: usize, outputs: usize) -> Layer {
        let (weights, bias, shift) =
            (vec![0; inputs * outputs], vec![0; outputs], vec![0; outputs]);
        Layer { inputs, outputs, weights, bias, shift }
    }

    /// All logits are 0, so that a symbol is a bit or four of the stream.
    fn cells(grids: &Grids) -> Cells {
        Cells {
            image: None,
            inputs: layer(INPUTS + grids.classes(), 1),
            ink: layer(1, 1),
            values: Values::Head(layer(1, 23), vec![0; 256]),
            plain: vec![0; 800],
            plain_preview: vec![0; 16],
        }
    }

    /// Three images, of which the last two begin a row of cells above their first pixel.
    fn decode(bits: &str) -> Result<Vec<Vec<u8>>> {
        let bits: Vec<u8> = bits.bytes().filter(|b| *b != b' ').map(|b| b - b'0').collect();
        let byte = |bits: &[u8]| (0..8).fold(0, |n, k| 2 * n + bits.get(k).unwrap_or(&0));
        let stream: Vec<u8> = bits.chunks(8).map(byte).collect();
        let latent = Latent::default();
        let of = |top: i64| (Grid { side: 20, top, left: 0 }, &latent, None);
        let grids = grids();
        cells(&grids).images(&grids, &[of(0), of(-1), of(-1)], &mut Decoder::new(&stream))
    }

    #[test]
    fn symbols_of_a_cell_are_in_order() {
        let first_row = format!("1 1111 0001 {}", "0".repeat(19));
        // Cell (1, 0) is plain in all but the first image, which therefore comes last.
        let images = decode(&format!("{first_row} 111 1010 1001 0101 0011 0111 1100"));
        let images = images.expect("three images");
        let ink = |image: &Vec<u8>| {
            let all = image.iter().copied().enumerate();
            all.filter(|&(_, v)| v > 0).collect::<Vec<_>>()
        };
        assert_eq!(ink(&images[0]), [(0, 0xF1), (28, 0x5C)]);
        assert_eq!(ink(&images[1]), [(0, 0xA3)]);
        assert_eq!(ink(&images[2]), [(0, 0x97)]);
    }

    #[test]
    fn ink_is_above_0() {
        assert_eq!(decode("1 0000 0000").expect_err("ink of 0").0, Kind::Corrupt);
        assert!(decode("1 0000 0001").is_ok());
    }

    #[test]
    fn logits_of_plain_cells() {
        let grids = grids();
        let plain = (0..800).collect();
        let plain_preview = (0..16).map(|g| 1000 * g).collect();
        let cells = Cells { plain, plain_preview, ..cells(&grids) };
        let logit = |at: usize, ink: &[(i64, i64, usize, u8)]| {
            let mut preview = vec![0; 784];
            preview[at] = 0x7F;
            let (grid, ink) = (Grid { side: 20, top: 2, left: 3 }, ink.to_vec());
            cells.plain_logit(&Image { grid, preview, vector: Vec::new(), i: 4, j: 5, ink })
        };
        assert_eq!([logit(0, &[]), logit(0, &[(0, 0, 0, 1)])], [170, 171]);
        let near = |at: &usize| logit(*at, &[]) == 7170;
        let expected = (5..8).flat_map(|y| (7..10).map(move |x| 28 * y + x));
        assert!((0..784).filter(near).eq(expected));
    }

    /// An input of the last K of section 6.9.2 may be 256, any other is a byte.
    #[test]
    fn bounds_of_inputs() {
        let grids = grids();
        let (k, e) = (grids.classes(), 3);
        let loads = |input: usize, bias: i32| {
            let mut weights = vec![0; INPUTS + k + e];
            weights[input] = 1;
            let (zeros, bias) = ([0; 1_600], bias.to_le_bytes());
            let mut t = Tensors(std::collections::BTreeMap::new());
            for (name, n, q) in [("image", 2, e), ("inputs", 0, 1), ("ink", 1, 1), ("head", 1, 23)]
            {
                let weight = (1, vec![q, n], &zeros[..q * n]);
                t.0.insert(format!("cells.{name}.weight"), weight);
                t.0.insert(format!("cells.{name}.bias"), (3, vec![q], &zeros[..4 * q]));
                t.0.insert(format!("cells.{name}.shift"), (0, vec![q], &zeros[..q]));
            }
            let inputs = (1, vec![1, weights.len()], &weights[..]);
            t.0.insert("cells.inputs.weight".to_owned(), inputs);
            t.0.insert("cells.inputs.bias".to_owned(), (3, vec![1], &bias));
            for (name, n) in [("low", 256), ("plain", 800), ("plain.preview", 16)] {
                t.0.insert(format!("cells.{name}"), (2, vec![n], &zeros[..2 * n]));
            }
            let loaded = Cells::load(&mut t, &grids, Some(2));
            loaded.map(|_| t.0.len()).map_err(|refusal| refusal.0)
        };
        for input in [0, INPUTS - 1, INPUTS, INPUTS + k - 1, INPUTS + k, INPUTS + k + e - 1] {
            let m = if (INPUTS..INPUTS + k).contains(&input) { 256 } else { 255 };
            assert_eq!(loads(input, i32::MAX - m), Ok(0), "all tensors are taken");
            assert_eq!(loads(input, i32::MAX - m + 1), Err(Kind::BadModel));
        }
    }
}
