//! The inputs of an archive, and giving them back byte for byte.

use std::io::{Read, Seek, Write};
use std::ops::Range;

use super::core::ArchiveCore;
use super::images::Blocks;
use super::reader::Archive;
use crate::container::bytes::reserve;
use crate::container::file;
use crate::container::section::FILE;
use crate::error::{Error, Place, Section};
use crate::image::IdxHeader;
use crate::limits::Limits;

/// One input of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileEntry {
    /// Its name; `None` for an image that was given none.
    pub name: Option<String>,
    /// What it is.
    pub kind: FileKind,
    /// Number of the archive's images before it.
    pub first_image: u64,
    /// Number of its own images: 1 for an image, 0 for an opaque file.
    pub images: u64,
    /// Where its FILE section is; 0 for an image.
    section: (u64, u64),
}

/// What an input is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// One image.
    Image,
    /// An IDX file of images.
    Idx(IdxHeader),
    /// Bytes that are not interpreted.
    Opaque,
}

impl<R: Read + Seek> Archive<R> {
    /// All inputs in the order in which they were added. Reads every FILE section, and the names
    /// of all blocks that hold images from outside IDX files.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Limit`], [`Error::Io`].
    pub fn files(&mut self) -> Result<Vec<FileEntry>, Error> {
        let stored = self.stored_files()?;
        let loose = self.len().saturating_sub(stored.iter().map(|f| f.images).sum());
        let entries = loose.saturating_add(stored.len() as u64);
        let mut files = Vec::new();
        reserve("bytes of the list of files", &mut files, entries, &self.core.options().limits)?;
        let mut next = 0;
        let mut names = 0;
        for entry in stored {
            self.loose(next..entry.first_image, &mut names, &mut files)?;
            next = entry.first_image.saturating_add(entry.images);
            files.push(entry);
        }
        let images = self.len();
        self.loose(next..images, &mut names, &mut files)?;
        Ok(files)
    }

    /// The inputs that have a FILE section.
    fn stored_files(&mut self) -> Result<Vec<FileEntry>, Error> {
        let state = self.core.state()?;
        let sections: Vec<_> =
            state.root.sections.iter().filter(|s| s.ty == FILE).copied().collect();
        let salvaged = state.scanned.is_some();
        let mut next = 0;
        let mut entries = Vec::new();
        for s in sections {
            let range = s.offset..s.offset.saturating_add(s.len);
            let wanted = |core: &mut ArchiveCore| {
                Ok(file::decode(core.section(range.clone(), Section::File)?, s.offset)?)
            };
            let mut head = self.ask(wanted)?;
            if salvaged {
                // Images before it may be lost, and the others have new numbers.
                head.first_image = head.first_image.clamp(next, self.len().max(next));
            }
            let images = head.idx.as_ref().and_then(IdxHeader::image_shape).map_or(0, |(_, n)| n);
            let end = head.first_image.checked_add(images);
            if head.first_image < next || end.is_none_or(|end| end > self.len()) {
                return Err(Error::corrupt(
                    Place::bytes(Section::File, range),
                    format!(
                        "{images} images from {} on, where the archive has {} and the file before \
                         ends at {next}",
                        head.first_image,
                        self.len()
                    ),
                ));
            }
            next = end.unwrap_or(next);
            entries.push(FileEntry {
                name: Some(head.name),
                kind: head.idx.map_or(FileKind::Opaque, FileKind::Idx),
                first_image: head.first_image,
                images,
                section: (s.offset, s.len),
            });
        }
        Ok(entries)
    }

    /// Appends an entry for each image of a range; `bytes` sums up the names.
    fn loose(
        &mut self,
        range: Range<u64>,
        bytes: &mut u64,
        files: &mut Vec<FileEntry>,
    ) -> Result<(), Error> {
        let memory = self.core.options().limits.memory;
        let Range { start: mut image, end } = range;
        while image < end {
            let (at, names) = self.ask(|core| {
                let at = core.locate_image(image)?;
                Ok((at, core.names_of(&at)?))
            })?;
            *bytes += names.iter().flatten().map(|name| name.len() as u64).sum::<u64>();
            Limits::check("bytes of all names", *bytes, memory)?;
            let stop = end.min(at.first_image.saturating_add(u64::from(at.block.images)));
            for i in image..stop {
                let nth = usize::try_from(i - at.first_image).unwrap_or(usize::MAX);
                files.push(FileEntry {
                    name: names.get(nth).cloned().flatten(),
                    kind: FileKind::Image,
                    first_image: i,
                    images: 1,
                    section: (0, 0),
                });
            }
            image = stop;
        }
        Ok(())
    }

    /// Writes an IDX or opaque file to `out` as it was added, byte for byte.
    ///
    /// # Errors
    /// [`Error::Input`] for an entry that is an image; else as [`Archive::image`].
    pub fn read_file_into(&mut self, entry: &FileEntry, out: &mut impl Write) -> Result<(), Error> {
        match &entry.kind {
            FileKind::Image => Err(Error::Input("an image is no file: decode it".into())),
            FileKind::Opaque => {
                let (offset, len) = entry.section;
                let limits = self.core.options().limits.clone();
                let bytes = self.ask(|core| {
                    let range = offset..offset.saturating_add(len);
                    let section = core.section(range, Section::File)?;
                    Ok(file::decode_opaque(section, offset, &limits)?)
                })?;
                Ok(out.write_all(&bytes)?)
            }
            FileKind::Idx(header) => self.read_idx_into(entry, header, out),
        }
    }

    fn read_idx_into(
        &mut self,
        entry: &FileEntry,
        header: &IdxHeader,
        out: &mut impl Write,
    ) -> Result<(), Error> {
        let shape = header.image_shape().map(|(shape, _)| shape);
        out.write_all(&header.to_bytes())?;
        let end = entry.first_image.saturating_add(entry.images);
        for block in Blocks::new(self, entry.first_image..end) {
            let block = block?;
            if Some(block.shape) != shape {
                return Err(Error::corrupt(
                    block.at.place(),
                    format!("{:?} in an IDX file of {shape:?}", block.shape),
                ));
            }
            let first = block.at.first_image;
            let stop = end.min(first.saturating_add(u64::from(block.at.block.images)));
            for i in entry.first_image.max(first)..stop {
                out.write_all(block.image(i)?)?;
            }
        }
        Ok(())
    }
}
