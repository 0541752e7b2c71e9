//! Reading an archive from anything that seeks.

use std::io::{Read, Seek};

use super::core::{ArchiveCore, Need, Stop};
use super::images::Images;
use super::info::ArchiveInfo;
use super::storage::Source;
use crate::container::index::IndexBuilder;
use crate::decoder::DecodeOptions;
use crate::error::Error;
use crate::image::{Image, Shape};

/// An open archive, over a file, a buffer behind a [`Cursor`](std::io::Cursor), or whatever else
/// reads and seeks. All positions are its own: the reader may stand anywhere.
#[derive(Debug)]
pub struct Archive<R> {
    pub(crate) core: ArchiveCore,
    pub(crate) source: Source<R>,
}

impl<R: Read + Seek> Archive<R> {
    /// Opens an archive: reads its header, its footer and the root of its index.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Unsupported`] for a later version, [`Error::Limit`],
    /// [`Error::Io`].
    pub fn open(reader: R, options: DecodeOptions) -> Result<Self, Error> {
        let source = Source::new(reader)?;
        let core = ArchiveCore::new(source.len, options);
        let mut archive = Archive { core, source };
        archive.run(ArchiveCore::open)?;
        Ok(archive)
    }

    /// Asks the core until it has its answer.
    pub(crate) fn run<T>(
        &mut self,
        mut question: impl FnMut(&mut ArchiveCore) -> Result<Need<T>, Error>,
    ) -> Result<T, Error> {
        loop {
            match question(&mut self.core)? {
                Need::Ready(answer) => return Ok(answer),
                Need::Range(range) => {
                    let bytes = self.source.read(&range, &self.core.options().limits)?;
                    self.core.supply(range.start, bytes);
                }
            }
        }
    }

    /// The same for steps of the core that are not public questions.
    pub(crate) fn ask<T>(
        &mut self,
        mut steps: impl FnMut(&mut ArchiveCore) -> Result<T, Stop>,
    ) -> Result<T, Error> {
        self.run(|core| core.ask(&mut steps))
    }

    /// Number of images.
    pub fn len(&self) -> u64 {
        self.core.images()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Figures of the archive.
    pub fn info(&self) -> Result<ArchiveInfo, Error> {
        self.core.info()
    }

    /// Image `image`, counted from 0. Reads one page of the index and one block.
    ///
    /// # Errors
    /// [`Error::Input`] where there is no such image, [`Error::Corrupt`],
    /// [`Error::UnknownModel`], [`Error::Limit`], [`Error::Io`].
    pub fn image(&mut self, image: u64) -> Result<Image, Error> {
        self.run(|core| core.image(image))
    }

    /// Decodes image `image` into the beginning of `out` and gives its shape.
    ///
    /// # Errors
    /// As [`Archive::image`], and [`Error::Input`] where `out` is too short; after an error what
    /// `out` holds is unspecified.
    pub fn image_into(&mut self, image: u64, out: &mut [u8]) -> Result<Shape, Error> {
        self.run(|core| core.image_into(image, out))
    }

    /// The name of image `image`.
    ///
    /// # Errors
    /// As [`Archive::image`].
    pub fn name(&mut self, image: u64) -> Result<Option<String>, Error> {
        let (names, nth) = self.ask(|core| {
            let at = core.locate_image(image)?;
            Ok((core.names_of(&at)?, image - at.first_image))
        })?;
        Ok(usize::try_from(nth).ok().and_then(|nth| names.into_iter().nth(nth)).flatten())
    }

    /// The latent of image `image`. The residual of its block is not read.
    ///
    /// # Errors
    /// As [`Archive::image`]; [`Error::Input`] for an image without a latent.
    pub fn latent(&mut self, image: u64) -> Result<Vec<i32>, Error> {
        self.run(|core| core.latent(image))
    }

    /// The picture that the latent of image `image` alone gives.
    ///
    /// # Errors
    /// As [`Archive::latent`].
    pub fn preview(&mut self, image: u64) -> Result<Image, Error> {
        self.run(|core| core.preview(image))
    }

    /// All images in order. Each block is read and decoded once, several at a time where the
    /// options name more than one thread.
    pub fn images(&mut self) -> Images<'_, R> {
        let images = self.len();
        Images::new(self, 0..images)
    }

    /// The images of a range in order, as [`Archive::images`]; what lies beyond the last image is
    /// left out.
    pub fn images_in(&mut self, range: std::ops::Range<u64>) -> Images<'_, R> {
        let end = range.end.min(self.len());
        Images::new(self, range.start.min(end)..end)
    }

    /// Gives the reader back.
    pub fn into_inner(self) -> R {
        self.source.into_inner()
    }

    /// The index as a writer needs it to go on: the last page is open again unless it is full.
    pub(crate) fn index_to_append(&mut self) -> Result<IndexBuilder, Error> {
        let state = self.core.state()?;
        let mut builder = IndexBuilder { root: state.root.clone(), open: Vec::new() };
        if let Some(last) = builder.root.pages.last()
            && last.blocks < crate::container::PAGE_BLOCKS as u64
        {
            let number = builder.root.pages.len() - 1;
            builder.open = self.ask(|core| core.page(number))?.to_vec();
            builder.root.pages.pop();
        }
        Ok(builder)
    }
}
