//! A model for tests: simple, of one shape, with a latent, and canonical.

use std::sync::Arc;

use crate::coder::Effort;
use crate::coder::{BlockCoder, CodedBlock, CodedImage, Stream};
use crate::entropy::Bits;
use crate::error::{Error, Place, Section};
use crate::image::{PixelFormat, Shape};
use crate::model::{ModelId, RegisteredModel, Registry};

/// The shape that it codes.
pub(crate) const SHAPE: Shape = Shape { width: 28, height: 28, format: PixelFormat::Grey8 };
const LATENT: usize = 98;

/// The latent is the mean of each 8 pixels, the residual what is left; zeros are run lengths.
pub(crate) struct Toy;

/// The model file of variant `n`.
pub(crate) fn file(n: u8) -> Vec<u8> {
    let mut file = b"toy model ".to_vec();
    file.push(n);
    file.resize(300, n);
    file
}

/// The id of variant `n`.
pub(crate) fn id(n: u8) -> ModelId {
    ModelId::full([n ^ 0x5A; 32])
}

/// What the registry's loader does with a toy's file.
pub(crate) fn load(bytes: &[u8]) -> Option<RegisteredModel> {
    let n = *bytes.strip_prefix(b"toy model ")?.first()?;
    (bytes == file(n)).then(|| RegisteredModel::new(id(n), "toy", bytes, Arc::new(Toy)))
}

/// A registry of toys.
pub(crate) fn registry(variants: &[u8]) -> Registry {
    let mut registry = Registry::empty();
    for &n in variants {
        registry.add_coder(id(n), "toy", &file(n), Arc::new(Toy));
    }
    registry
}

fn pack(data: impl IntoIterator<Item = u8>) -> Stream {
    let (mut bytes, mut run) = (Vec::new(), 0usize);
    for byte in data.into_iter().map(Some).chain([None]) {
        if byte == Some(0) && run < 256 {
            run += 1;
            continue;
        }
        if run > 0 {
            bytes.extend([0, (run - 1) as u8]);
        }
        run = usize::from(byte == Some(0));
        if let Some(byte) = byte.filter(|&b| b != 0) {
            bytes.push(byte);
        }
    }
    let bits = Bits::from_bytes(bytes.len() as u64);
    Stream { bytes, bits }
}

/// Takes exactly `n` bytes' worth out of a packed stream.
fn unpack(bytes: &mut &[u8], n: usize, section: Section) -> Result<Vec<u8>, Error> {
    let wrong = |what: &str| Error::corrupt(Place::of(section), what);
    let mut out = Vec::new();
    while out.len() < n {
        let (&byte, rest) = bytes.split_first().ok_or_else(|| wrong("stream ends early"))?;
        *bytes = rest;
        if byte != 0 {
            out.push(byte);
            continue;
        }
        let (&run, rest) = bytes.split_first().ok_or_else(|| wrong("stream ends early"))?;
        *bytes = rest;
        out.resize(out.len() + usize::from(run) + 1, 0);
    }
    if out.len() > n || pack(out.iter().copied()).bytes.is_empty() {
        return Err(wrong("a run that is too long"));
    }
    Ok(out)
}

fn unpack_all(mut bytes: &[u8], n: usize, section: Section) -> Result<Vec<u8>, Error> {
    if n == 0 && bytes.is_empty() {
        return Ok(Vec::new());
    }
    let whole = bytes;
    let out = unpack(&mut bytes, n, section)?;
    if !bytes.is_empty() || pack(out.iter().copied()).bytes != whole {
        return Err(Error::corrupt(Place::of(section), "not canonical"));
    }
    Ok(out)
}

fn means(image: &[u8]) -> Vec<u8> {
    let mean = |c: &[u8]| (c.iter().map(|&b| u32::from(b)).sum::<u32>() / 8) as u8;
    image.chunks(8).map(mean).collect()
}

fn residual(image: &[u8], latent: &[u8]) -> Vec<u8> {
    image.iter().enumerate().map(|(i, b)| b.wrapping_sub(latent[i / 8])).collect()
}

impl BlockCoder for Toy {
    fn shape(&self) -> Option<Shape> {
        Some(SHAPE)
    }

    fn latent_len(&self) -> usize {
        LATENT
    }

    fn encode_block(
        &self,
        _: Shape,
        pixels: &[u8],
        lanes: usize,
        _: Effort,
    ) -> Result<CodedBlock, Error> {
        let images: Vec<&[u8]> = pixels.chunks(784).collect();
        let latents: Vec<Vec<u8>> = images.iter().map(|i| means(i)).collect();
        let lane = |lane| {
            let mine = images.iter().zip(&latents).skip(lane).step_by(lanes);
            pack(mine.flat_map(|(i, l)| residual(i, l)))
        };
        Ok(CodedBlock {
            lanes: (0..lanes).map(lane).collect(),
            latent: pack(latents.into_iter().flatten()),
        })
    }

    fn decode_block(
        &self,
        _: Shape,
        latent: &[u8],
        lanes: &[&[u8]],
        out: &mut [u8],
    ) -> Result<(), Error> {
        let images = out.len() / 784;
        let latents = unpack_all(latent, images * LATENT, Section::Latent)?;
        for (lane, bytes) in lanes.iter().enumerate() {
            let mine = (lane..images).step_by(lanes.len());
            let residuals = unpack_all(bytes, mine.len() * 784, Section::Residual)?;
            for (i, residual) in mine.zip(residuals.chunks(784)) {
                for (k, r) in residual.iter().enumerate() {
                    out[i * 784 + k] = r.wrapping_add(latents[i * LATENT + k / 8]);
                }
            }
        }
        Ok(())
    }

    fn decode_latents(&self, images: usize, latent: &[u8]) -> Result<Vec<i32>, Error> {
        let latents = unpack_all(latent, images * LATENT, Section::Latent)?;
        Ok(latents.into_iter().map(i32::from).collect())
    }

    fn encode_image(&self, _: Shape, pixels: &[u8], _: Effort) -> Result<CodedImage, Error> {
        let latent = means(pixels);
        let (first, second) = (pack(latent.clone()), pack(residual(pixels, &latent)));
        Ok(CodedImage {
            bytes: [first.bytes, second.bytes].concat(),
            latent_bits: first.bits,
            residual_bits: second.bits,
        })
    }

    fn decode_image(&self, _: Shape, mut bytes: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let latent = unpack(&mut bytes, LATENT, Section::Latent)?;
        let residual = unpack_all(bytes, 784, Section::Residual)?;
        out.iter_mut().zip(residual).enumerate().for_each(|(i, (to, r))| {
            *to = r.wrapping_add(latent[i / 8]);
        });
        Ok(())
    }

    fn decode_image_latent(&self, mut bytes: &[u8]) -> Result<Vec<i32>, Error> {
        Ok(unpack(&mut bytes, LATENT, Section::Latent)?.into_iter().map(i32::from).collect())
    }

    fn decode_image_rows(
        &self,
        _: Shape,
        bytes: &[u8],
        _: usize,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let latent = self.decode_image_latent(bytes)?;
        self.preview(&latent, out)?;
        Ok(0)
    }

    fn preview(&self, latents: &[i32], out: &mut [u8]) -> Result<(), Error> {
        out.iter_mut().enumerate().for_each(|(i, to)| *to = latents[i / 8] as u8);
        Ok(())
    }
}

/// A picture with structure, different for each `seed`.
pub(crate) fn picture(shape: Shape, seed: u32) -> Vec<u8> {
    let row = shape.bytes() as u32 / shape.height;
    (0..shape.bytes() as u32)
        .map(|i| {
            let (x, y) = (i % row, i / row);
            let ink = (x + y + seed) % 13 < 3;
            if ink { (200 + (x * y + seed) % 50) as u8 } else { 0 }
        })
        .collect()
}
