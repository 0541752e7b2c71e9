//! Many images in order, each block decoded once.

use std::io::{Read, Seek};
use std::ops::Range;

use super::blocks::Decoded;
use super::ordered::Ordered;
use super::reader::Archive;
use crate::error::Error;
use crate::image::Image;

/// An image of an archive, with what the archive says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamedImage {
    /// Number of the image in the archive, from 0.
    pub index: u64,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its pixels.
    pub image: Image,
}

/// Decoded blocks that hold images of a range, in order.
pub(crate) struct Blocks<'a, R> {
    archive: &'a mut Archive<R>,
    next: u64,
    end: u64,
    decoded: Ordered<Result<Decoded, Error>>,
    /// What kept the block after those that were handed over from being read.
    failed: Option<Error>,
}

impl<'a, R: Read + Seek> Blocks<'a, R> {
    pub fn new(archive: &'a mut Archive<R>, images: Range<u64>) -> Self {
        let decoded = Ordered::new(archive.core.options().threads);
        Blocks { archive, next: images.start, end: images.end, decoded, failed: None }
    }

    /// Reads blocks, and hands them over to be decoded, until all threads have enough to do.
    fn refill(&mut self) -> Result<(), Error> {
        while !self.decoded.is_full() && self.next < self.end {
            let header = self.archive.core.state()?.header;
            let limits = self.archive.core.options().limits.clone();
            let next = self.next;
            let (at, (bytes, coder)) = self.archive.ask(|core| {
                let at = core.locate_image(next)?;
                Ok((at, core.block_parts(&at)?))
            })?;
            self.next = at.first_image.saturating_add(u64::from(at.block.images));
            self.decoded.add(move || at.decode(&bytes, &header, coder.as_ref(), &limits));
        }
        Ok(())
    }
}

impl<R: Read + Seek> Iterator for Blocks<'_, R> {
    type Item = Result<Decoded, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(e) = self.refill() {
            self.failed = Some(e);
            self.next = self.end;
        }
        let item = self.decoded.take().or_else(|| self.failed.take().map(Err));
        if matches!(item, Some(Err(_))) {
            // Nothing follows an error.
            self.next = self.end;
            self.failed = None;
            self.decoded.clear();
        }
        item
    }
}

/// The images of an archive in order; ends after the first error.
pub struct Images<'a, R> {
    blocks: Blocks<'a, R>,
    range: Range<u64>,
    current: Option<Decoded>,
}

impl<R> std::fmt::Debug for Images<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Images").field("range", &self.range).finish()
    }
}

impl<'a, R: Read + Seek> Images<'a, R> {
    pub(crate) fn new(archive: &'a mut Archive<R>, range: Range<u64>) -> Self {
        Images { blocks: Blocks::new(archive, range.clone()), range, current: None }
    }

    fn step(&mut self, index: u64) -> Result<NamedImage, Error> {
        let holds = |b: &Decoded| index - b.at.first_image < u64::from(b.at.block.images);
        if !self.current.as_ref().is_some_and(holds) {
            self.current = self.blocks.next().transpose()?;
        }
        let Some(block) = &self.current else {
            return Err(Error::Input(format!("no image {index} in the archive")));
        };
        let image = Image::new(block.shape, block.image(index)?.to_vec())?;
        let nth = usize::try_from(index - block.at.first_image).unwrap_or(usize::MAX);
        Ok(NamedImage { index, name: block.names.get(nth).cloned().flatten(), image })
    }
}

impl<R: Read + Seek> Iterator for Images<'_, R> {
    type Item = Result<NamedImage, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.range.next()?;
        let item = self.step(index);
        if item.is_err() {
            self.range.end = self.range.start;
        }
        Some(item)
    }
}
