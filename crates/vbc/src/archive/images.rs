//! Many images in order, each block decoded once.

use std::collections::VecDeque;
use std::io::{Read, Seek};
use std::ops::Range;

use super::blocks::Decoded;
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
    ready: VecDeque<Result<Decoded, Error>>,
    pool: Option<rayon::ThreadPool>,
}

impl<'a, R: Read + Seek> Blocks<'a, R> {
    pub fn new(archive: &'a mut Archive<R>, images: Range<u64>) -> Self {
        let threads = archive.core.options().threads;
        let pool = (threads > 1)
            .then(|| rayon::ThreadPoolBuilder::new().num_threads(threads).build().ok())
            .flatten();
        Blocks { archive, next: images.start, end: images.end, ready: VecDeque::new(), pool }
    }

    /// Reads a block for each thread and decodes them.
    fn refill(&mut self) -> Result<(), Error> {
        let header = self.archive.core.state()?.header;
        let limits = self.archive.core.options().limits.clone();
        let wanted = self.archive.core.options().threads.max(1);
        let mut parts = Vec::new();
        let mut failed = None;
        while parts.len() < wanted && self.next < self.end && failed.is_none() {
            let next = self.next;
            let read = self.archive.ask(|core| {
                let at = core.locate_image(next)?;
                Ok((at, core.block_parts(&at)?))
            });
            match read {
                Ok((at, (bytes, coder))) => {
                    self.next = at.first_image.saturating_add(u64::from(at.block.images));
                    parts.push((at, bytes, coder));
                }
                Err(e) => failed = Some(e),
            }
        }
        let decode = |(at, bytes, coder): &(super::blocks::Located, Vec<u8>, _)| {
            let coder: &std::sync::Arc<dyn crate::coder::BlockCoder> = coder;
            at.decode(bytes, &header, coder.as_ref(), &limits)
        };
        let decoded: Vec<_> = match &self.pool {
            Some(pool) if parts.len() > 1 => pool.install(|| {
                use rayon::prelude::*;
                parts.par_iter().map(decode).collect()
            }),
            _ => parts.iter().map(decode).collect(),
        };
        self.ready.extend(decoded);
        self.ready.extend(failed.map(Err));
        Ok(())
    }
}

impl<R: Read + Seek> Iterator for Blocks<'_, R> {
    type Item = Result<Decoded, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty()
            && self.next < self.end
            && let Err(e) = self.refill()
        {
            self.ready.push_back(Err(e));
        }
        let item = self.ready.pop_front();
        if matches!(item, Some(Err(_))) {
            // Nothing follows an error.
            self.next = self.end;
            self.ready.clear();
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
