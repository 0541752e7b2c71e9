//! Coders for images that no model fits: filtered zstd and raw (SPEC.md section 10).

mod filter;
mod raw;

pub(crate) use raw::Raw;

use crate::coder::{BlockCoder, CodedBlock, CodedImage, Stream, no_latent};
use crate::container::bytes::zeroed;
use crate::container::pack::unzstd;
use crate::entropy::Bits;
use crate::error::{Error, Place, Section};
use crate::image::Shape;
use crate::limits::Limits;

/// Rows are filtered.
const FILTERED: u8 = 1;
/// Green was subtracted from red and blue before; only with [`FILTERED`].
const GREEN: u8 = 2;
const LEVEL: i32 = 19;

/// A quick level for a first look: [`LEVEL`] saves at most 4 % more on Fashion-MNIST.
const QUICK_LEVEL: i32 = 3;

/// First looks are at one image of so many, where that is at least [`FEWEST`]; they are enough where as many tenths
/// of what they say are too large.
const LOOKS: [(usize, u64); 2] = [(16, 25), (4, 16)];
const FEWEST: usize = 4;

/// Whether some images of `len` bytes are the same.
fn has_twins(pixels: &[u8], len: usize) -> bool {
    let mut sums: Vec<u32> = pixels.chunks_exact(len).map(crc32c::crc32c).collect();
    sums.sort_unstable();
    sums.windows(2).any(|two| two[0] == two[1])
}

/// The untrained coder, for images of any shape.
///
/// ```text
/// flags (1 filtered, 2 green subtracted) │ zstd frame
/// ```
///
/// The frame holds the pixels themselves, or what [`filter`] makes of them.
pub(crate) struct Generic;

impl Generic {
    /// Whether a look at the pixels says that they will hardly come down to `bytes`: at some of many images
    /// first, unless some are the same.
    pub fn is_hopeless(shape: Shape, pixels: &[u8], bytes: u64) -> Result<bool, Error> {
        let image = pixels.len().min(shape.bytes() as usize).max(1);
        let images = pixels.len() / image;
        let mut looks = LOOKS.into_iter().filter(|(part, _)| images / part >= FEWEST).peekable();
        if looks.peek().is_some() && !has_twins(pixels, image) {
            for (part, margin) in looks {
                let some = images / part;
                let quick = Self::compressed(QUICK_LEVEL, shape, &pixels[..some * image])?;
                let all = quick.len() as u64 * images as u64 * 10;
                if all > bytes.saturating_mul(margin * some as u64) {
                    return Ok(true);
                }
            }
        }
        let quick = Self::compressed(QUICK_LEVEL, shape, pixels)?;
        Ok(quick.len() as u64 * 4 > bytes.saturating_mul(5))
    }

    fn encode(&self, shape: Shape, pixels: &[u8]) -> Result<Vec<u8>, Error> {
        Self::compressed(LEVEL, shape, pixels)
    }

    fn compressed(level: i32, shape: Shape, pixels: &[u8]) -> Result<Vec<u8>, Error> {
        let mut best = compress(level, 0, pixels)?;
        let plain = filter::apply(shape, pixels, false);
        let mut candidates = vec![(FILTERED, plain)];
        if shape.format.channels() >= 3 {
            candidates.push((FILTERED | GREEN, filter::apply(shape, pixels, true)));
        }
        // The cheaper of the two by absolute residuals is the one that zstd sees.
        if let Some((flags, filtered)) = candidates.into_iter().min_by_key(|(_, f)| f.cost) {
            let coded = compress(level, flags, &filtered.bytes)?;
            if coded.len() < best.len() {
                best = coded;
            }
        }
        Ok(best)
    }

    fn decode(&self, shape: Shape, bytes: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let wrong = |what: String| Error::corrupt(Place::of(Section::Residual), what);
        let Some((&flags, frame)) = bytes.split_first() else {
            return Err(wrong("an empty stream".into()));
        };
        let green = flags == FILTERED | GREEN;
        match flags {
            0 => unzstd(frame, out).map_err(wrong),
            FILTERED => self.unfilter(shape, frame, out, false),
            _ if green && shape.format.channels() >= 3 => self.unfilter(shape, frame, out, true),
            _ => Err(wrong(format!("reserved flags {flags:#04x}"))),
        }
    }

    fn unfilter(
        &self,
        shape: Shape,
        frame: &[u8],
        out: &mut [u8],
        green: bool,
    ) -> Result<(), Error> {
        let wrong = |what: String| Error::corrupt(Place::of(Section::Residual), what);
        let len = filter::filtered_len(shape, out.len());
        // The pixels themselves are already allocated; this is at most twice as much.
        let mut filtered = zeroed("bytes of filtered rows", len as u64, &Limits::no_limits())?;
        unzstd(frame, &mut filtered).map_err(wrong)?;
        filter::undo(shape, &filtered, out, green).map_err(wrong)
    }
}

fn compress(level: i32, flags: u8, data: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = vec![flags];
    out.extend_from_slice(&zstd::bulk::compress(data, level)?);
    Ok(out)
}

/// A stream whose information is its length: no coder statistics stand behind it.
fn whole(bytes: Vec<u8>) -> Stream {
    let bits = Bits::from_bytes(bytes.len() as u64);
    Stream { bytes, bits }
}

/// The one lane of a block that has no latent.
fn only_lane<'a>(latent: &[u8], lanes: &[&'a [u8]]) -> Result<&'a [u8], Error> {
    match lanes {
        [lane] if latent.is_empty() => Ok(lane),
        _ => Err(Error::corrupt(
            Place::of(Section::Block),
            format!(
                "{} lanes and {} bytes of latent; one and none expected",
                lanes.len(),
                latent.len()
            ),
        )),
    }
}

/// Implements [`BlockCoder`] for a coder of bytes without latent.
macro_rules! latentless {
    ($coder:ty) => {
        impl BlockCoder for $coder {
            fn shape(&self) -> Option<Shape> {
                None
            }

            fn latent_len(&self) -> usize {
                0
            }

            fn encode_block(
                &self,
                shape: Shape,
                pixels: &[u8],
                _lanes: usize,
                _: $crate::coder::Effort,
            ) -> Result<CodedBlock, Error> {
                let lanes = vec![whole(self.encode(shape, pixels)?)];
                Ok(CodedBlock { latent: Stream::default(), lanes })
            }

            fn decode_block(
                &self,
                shape: Shape,
                latent: &[u8],
                lanes: &[&[u8]],
                out: &mut [u8],
            ) -> Result<(), Error> {
                self.decode(shape, only_lane(latent, lanes)?, out)
            }

            fn decode_latents(&self, _: usize, _: &[u8]) -> Result<Vec<i32>, Error> {
                Err(no_latent())
            }

            fn encode_image(
                &self,
                shape: Shape,
                pixels: &[u8],
                _: $crate::coder::Effort,
            ) -> Result<CodedImage, Error> {
                let Stream { bytes, bits } = whole(self.encode(shape, pixels)?);
                Ok(CodedImage { bytes, latent_bits: Bits::default(), residual_bits: bits })
            }

            fn decode_image(
                &self,
                shape: Shape,
                bytes: &[u8],
                out: &mut [u8],
            ) -> Result<(), Error> {
                self.decode(shape, bytes, out)
            }

            fn decode_image_latent(&self, _: &[u8]) -> Result<Vec<i32>, Error> {
                Err(no_latent())
            }

            fn decode_image_rows(
                &self,
                _: Shape,
                _: &[u8],
                _: usize,
                _: &mut [u8],
            ) -> Result<usize, Error> {
                Err(no_latent())
            }

            fn preview(&self, _: &[i32], _: &mut [u8]) -> Result<(), Error> {
                Err(no_latent())
            }
        }
    };
}
use latentless;

latentless!(Generic);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::image::PixelFormat;

    #[test]
    fn a_look_at_some_images_is_enough_where_none_are_alike() -> Result<(), Error> {
        let shape = Shape { width: 20, height: 20, format: PixelFormat::Grey8 };
        let noise = |i: u32| {
            let mixed = i.wrapping_mul(2_654_435_761);
            ((mixed ^ mixed >> 15).wrapping_mul(2_246_822_519) >> 24) as u8
        };
        let different: Vec<u8> = (0..64 * 400).map(noise).collect();
        let len = different.len() as u64;
        assert!(Generic::is_hopeless(shape, &different, len / 2)?);
        assert!(!Generic::is_hopeless(shape, &different, len)?);
        // A block that only its second half makes small: each image is there twice.
        let twice = different[..32 * 400].repeat(2);
        assert!(has_twins(&twice, 400) && !has_twins(&different, 400));
        assert!(!Generic::is_hopeless(shape, &twice, len * 9 / 20)?);
        Ok(())
    }

    proptest! {
        #[test]
        fn round_trip(
            width in 1u32..20,
            height in 1u32..12,
            images in 1usize..4,
            format in 0usize..8,
            smooth in any::<bool>(),
            seed in any::<u32>(),
        ) {
            let shape = Shape { width, height, format: PixelFormat::ALL[format] };
            let n = shape.bytes() as usize * images;
            let pixels: Vec<u8> = (0..n as u32)
                .map(|i| if smooth { i / 3 } else { i.wrapping_mul(seed | 1) >> 13 } as u8)
                .collect();
            for green in [false, true] {
                if green && shape.format.channels() < 3 { continue }
                let filtered = filter::apply(shape, &pixels, green);
                prop_assert_eq!(filtered.bytes.len(), filter::filtered_len(shape, n));
                let mut out = vec![0xAA; n];
                prop_assert!(filter::undo(shape, &filtered.bytes, &mut out, green).is_ok());
                prop_assert_eq!(&out, &pixels);
            }
            let coded = Generic.encode_block(shape, &pixels, 2, Default::default()).unwrap();
            let lanes: Vec<&[u8]> = coded.lanes.iter().map(|l| &l.bytes[..]).collect();
            let mut out = vec![0x55; n];
            Generic.decode_block(shape, &[], &lanes, &mut out).unwrap();
            prop_assert_eq!(out, pixels);
        }

        #[test]
        fn hostile_streams_end(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let shape = Shape { width: 5, height: 4, format: PixelFormat::Rgb8 };
            let mut out = vec![0; 60];
            let _ = Generic.decode_image(shape, &bytes, &mut out);
        }
    }
}
