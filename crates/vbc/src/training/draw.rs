//! Images drawn from a model: decoding turns random bits into symbols of the model's own
//! probabilities.

use crate::entropy::Decoder;
use crate::model::Model;

/// What a model draws.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The latent; empty for a model without one.
    pub latent: Vec<i32>,
    /// x̂ of the latent, in raster order; zeros for a model without a latent.
    pub preview: Vec<u8>,
    /// The image, in raster order.
    pub pixels: Vec<u8>,
}

/// Bytes that a decoder takes in before the first symbol.
const AHEAD: usize = 5;
/// Most bytes that it takes in for a symbol.
const SYMBOL: usize = 2;
/// Most symbols of a dimension of the latent: the symbol, then sign, length and two parts of what
/// leaves its range.
const LATENT: usize = 5;
/// Most symbols of a pixel: whether there is ink, then two nibbles.
const PIXEL: usize = 3;

/// Random bytes that [`draw`] wants: the most that an image can take.
pub fn draw_len(model: &Model) -> usize {
    let pixels = model.shape().bytes() as usize;
    AHEAD + SYMBOL * (LATENT * model.latent_len() + PIXEL * pixels)
}

/// An image drawn with `random`, bytes that are uniform and independent of each other: latent and
/// pixels, each as probable as the model codes it. Reads no more than [`draw_len`] bytes.
///
/// `None` where there are fewer, and for bytes that no encoder writes: about one draw of a thousand,
/// for which others are to be taken.
pub fn draw(model: &Model, random: &[u8]) -> Option<Drawn> {
    let mut decoder = Decoder::new(random.get(..draw_len(model))?);
    let (latent, pixels) = model.decode_one(&mut decoder);
    let preview = model.all_previews(&latent, 1);
    decoder.is_valid().then_some(Drawn { latent, preview, pixels })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coder::BlockCoder;
    use crate::error::Error;
    use crate::limits::Limits;
    use crate::training::measure;

    /// Bytes of SplitMix64.
    fn random(seed: u64, len: usize) -> Vec<u8> {
        let word = |i: u64| {
            let h = seed.wrapping_add(0x9e37_79b9_7f4a_7c15u64.wrapping_mul(i + 1));
            let h = (h ^ (h >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let h = (h ^ (h >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            h ^ (h >> 31)
        };
        (0..len.div_ceil(8) as u64).flat_map(|i| word(i).to_le_bytes()).take(len).collect()
    }

    fn models() -> Vec<Model> {
        let load = |m: &vbc_models::Embedded| Model::from_bytes(m.bytes, &Limits::default());
        vbc_models::EMBEDDED.iter().map(|m| load(m).unwrap()).collect()
    }

    #[test]
    fn an_image_drawn_is_one_that_the_model_codes() -> Result<(), Error> {
        for model in models() {
            let len = draw_len(&model);
            let drawn: Vec<Drawn> =
                (0..20).filter_map(|seed| draw(&model, &random(seed, len))).collect();
            assert!(drawn.len() >= 18 && drawn.windows(2).all(|pair| pair[0] != pair[1]));
            let mut bytes = 0;
            for d in &drawn {
                measure(&model, &d.pixels, 1)?;
                let coded = model.encode_image(model.shape(), &d.pixels, Default::default())?;
                bytes += coded.bytes.len();
                let mut back = vec![0; d.pixels.len()];
                model.decode_image(model.shape(), &coded.bytes, &mut back)?;
                assert_eq!(back, d.pixels);
                if model.latent_len() > 0 {
                    model.preview(&d.latent, &mut back)?;
                    assert_eq!(back, d.preview);
                }
            }
            // It takes about as many bits as an image that the model was trained on, far from 8 a pixel.
            let tenths = 80 * bytes / drawn.len() / model.shape().bytes() as usize;
            let least = if model.has_scans() { 2 } else { 5 };
            assert!((least..40).contains(&tenths), "{}: {tenths}", model.name());
        }
        Ok(())
    }

    #[test]
    fn any_bytes_are_safe_and_the_first_ones_decide() {
        for model in models() {
            let len = draw_len(&model);
            assert_eq!(draw(&model, &vec![0; len - 1]), None);
            for byte in [0, 0x55, 0xff] {
                draw(&model, &vec![byte; len]);
            }
            let bytes = random(7, len);
            let drawn = draw(&model, &bytes);
            assert_eq!(draw(&model, &[&bytes[..], &[1; 9]].concat()), drawn);
            assert_ne!(draw(&model, &random(8, len)), drawn);
        }
    }
}
