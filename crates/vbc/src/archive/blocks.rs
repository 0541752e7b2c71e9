//! Decoding one block whose bytes are at hand.

use std::sync::Arc;

use crate::coder::{BlockCoder, no_latent};
use crate::container::block::BlockHeader;
use crate::container::bytes::zeroed;
use crate::container::header::Header;
use crate::container::index::BlockRef;
use crate::container::names;
use crate::decoder::resolve_shape;
use crate::error::{Error, Place, Section};
use crate::image::{Image, Shape};
use crate::limits::Limits;

/// A block and its place among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    pub block: BlockRef,
    /// Number of the block.
    pub number: u64,
    /// Number of its first image.
    pub first_image: u64,
}

/// All images of a block.
#[derive(Clone, Debug)]
pub(crate) struct Decoded {
    pub at: Located,
    pub shape: Shape,
    pub pixels: Vec<u8>,
    /// Empty where no image has a name.
    pub names: Vec<Option<String>>,
}

/// The latents of all images of a block.
pub(crate) struct Latents {
    pub at: Located,
    /// Of the images.
    pub shape: Shape,
    pub coder: Arc<dyn BlockCoder>,
    all: Vec<i32>,
    /// Whether a preview was asked for.
    asked: bool,
    /// Those of all images; empty before the second was asked for.
    previews: Vec<u8>,
}

impl Located {
    /// Bytes of the section.
    pub fn range(&self) -> std::ops::Range<u64> {
        self.block.offset..self.block.offset.saturating_add(self.block.len)
    }

    pub fn place(&self) -> Place {
        Place { block: Some(self.number), ..Place::bytes(Section::Block, self.range()) }
    }

    /// The header, from at least its own bytes, compared with what the index says.
    pub fn header(&self, bytes: &[u8], archive: &Header) -> Result<BlockHeader, Error> {
        let header = BlockHeader::decode(bytes, self.block.offset, archive)
            .map_err(|e| e.at(&self.place()))?;
        if header.images != self.block.images || header.total != self.block.len {
            return Err(Error::corrupt(
                self.place(),
                format!(
                    "a block of {} images and {} bytes; the index says {} and {}",
                    header.images, header.total, self.block.images, self.block.len
                ),
            ));
        }
        Ok(header)
    }

    /// The names in the front part of the block; empty where there are none.
    pub fn names(
        &self,
        header: &BlockHeader,
        list: &[u8],
        limits: &Limits,
    ) -> Result<Vec<Option<String>>, Error> {
        if list.is_empty() {
            return Ok(Vec::new());
        }
        let base = header.names_place(self.block.offset).bytes.map_or(0, |r| r.start);
        names::decode(list, base, header.images as usize, limits).map_err(|e| e.at(&self.place()))
    }

    /// Shape of the images, and the bytes of all their pixels.
    pub fn shape(
        &self,
        header: &BlockHeader,
        coder: &dyn BlockCoder,
        limits: &Limits,
    ) -> Result<(Shape, u64), Error> {
        let shape = resolve_shape(coder, header.shape)
            .map_err(|what| Error::corrupt(self.place(), what))?;
        shape.check(limits)?;
        let bytes = shape.bytes().saturating_mul(u64::from(header.images));
        Limits::check("bytes of a block's pixels", bytes, limits.memory)?;
        let working = coder.working_bytes(u64::from(header.images));
        Limits::check("bytes to decode a block in", bytes.saturating_add(working), limits.memory)?;
        Ok((shape, bytes))
    }

    /// The latents in `front`, the part of the block up to its residual.
    pub fn latents(
        &self,
        header: &BlockHeader,
        front: &[u8],
        coder: Arc<dyn BlockCoder>,
        limits: &Limits,
    ) -> Result<Latents, Error> {
        let (_, latent) =
            header.front(front, self.block.offset).map_err(|e| e.at(&self.place()))?;
        let (shape, _) = self.shape(header, coder.as_ref(), limits)?;
        let numbers = (coder.latent_len() as u64).saturating_mul(u64::from(header.images));
        Limits::check("bytes of a block's latents", numbers.saturating_mul(4), limits.memory)?;
        let all = coder
            .decode_latents(header.images as usize, latent)
            .map_err(|e| e.at(&self.place()))?;
        Ok(Latents { at: *self, shape, coder, all, asked: false, previews: Vec::new() })
    }

    /// Everything in the block, of which `bytes` is the whole section.
    pub fn decode(
        &self,
        bytes: &[u8],
        archive: &Header,
        coder: &dyn BlockCoder,
        limits: &Limits,
    ) -> Result<Decoded, Error> {
        let base = self.block.offset;
        let place = self.place();
        let header = self.header(bytes, archive)?;
        let (list, latent) = header.front(bytes, base).map_err(|e| e.at(&place))?;
        let lanes = header.residual(bytes, base).map_err(|e| e.at(&place))?;
        let names = self.names(&header, list, limits)?;
        let (shape, len) = self.shape(&header, coder, limits)?;
        let mut pixels = zeroed("bytes of a block's pixels", len, limits)?;
        coder.decode_block(shape, latent, &lanes, &mut pixels).map_err(|e| e.at(&place))?;
        if crc32c::crc32c(&pixels) != header.pixels_crc {
            let place = Place { section: Section::Pixels, ..place };
            return Err(Error::corrupt(place, "CRC of the decoded pixels does not match"));
        }
        Ok(Decoded { at: *self, shape, pixels, names })
    }
}

impl Decoded {
    /// The pixels of image `index` of the archive.
    pub fn image(&self, index: u64) -> Result<&[u8], Error> {
        let missing = || Error::corrupt(self.at.place(), format!("image {index} is not in it"));
        let n = usize::try_from(self.shape.bytes()).map_err(|_| missing())?;
        let nth = index.checked_sub(self.at.first_image).ok_or_else(missing)?;
        let nth = usize::try_from(nth).map_err(|_| missing())?;
        self.pixels.chunks_exact(n).nth(nth).ok_or_else(missing)
    }
}

impl Latents {
    /// The preview of image `index` of the archive. Whoever asks for a second one gets it from all of
    /// the block, which cost a third each of what one alone does.
    pub fn preview(&mut self, index: u64, limits: &Limits) -> Result<Image, Error> {
        let one = self.shape.bytes();
        if !std::mem::replace(&mut self.asked, true) {
            let mut out = zeroed("bytes of an image", one, limits)?;
            self.coder.preview(self.image(index)?, &mut out)?;
            return Image::new(self.shape, out);
        }
        if self.previews.is_empty() {
            let images = (self.all.len() / self.coder.latent_len().max(1)) as u64;
            let mut out = zeroed("bytes of a block's pixels", one.saturating_mul(images), limits)?;
            self.coder.preview(&self.all, &mut out)?;
            self.previews = out;
        }
        let nth = usize::try_from(index.saturating_sub(self.at.first_image)).unwrap_or(usize::MAX);
        let picture = self.previews.chunks_exact(one as usize).nth(nth).unwrap_or_default();
        Image::new(self.shape, picture.to_vec())
    }

    /// The latent of image `index` of the archive.
    pub fn image(&self, index: u64) -> Result<&[i32], Error> {
        if self.coder.latent_len() == 0 {
            return Err(no_latent());
        }
        let nth = usize::try_from(index.saturating_sub(self.at.first_image)).unwrap_or(usize::MAX);
        self.all.chunks_exact(self.coder.latent_len()).nth(nth).ok_or_else(|| {
            Error::corrupt(self.at.place(), format!("no latent of image {index} in the block"))
        })
    }
}
