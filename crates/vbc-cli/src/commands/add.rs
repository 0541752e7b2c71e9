//! Inputs into an archive: what `encode` and `append` have in common.

use std::io::{Read, Write};

use vbc::{ArchiveWriter, Error, IdxHeader, Shape};

use crate::failure::{About, Failure, Outcome};
use crate::inputs::{self, Content, Input};
use crate::names::Used;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::warnings::Warnings;

/// Bytes of pixels that go from an IDX file to the writer at once, if an image is no larger: few
/// enough that progress is seen to go on.
const CHUNK: u64 = 1 << 16;

/// Puts inputs into an archive, and counts.
pub struct Adder<'a> {
    settings: &'a Settings,
    /// Images done.
    pub progress: Progress,
    /// What could not be kept.
    pub warnings: Warnings,
    /// Names that the archive has.
    pub used: Used,
    /// Samples of all images.
    pub samples: u64,
    /// Bytes of all pixels and opaque files.
    pub raw_bytes: u64,
}

impl<'a> Adder<'a> {
    /// Nothing added yet of `inputs` inputs.
    pub fn new(settings: &'a Settings, inputs: usize) -> Self {
        Adder {
            settings,
            progress: Progress::images(settings, inputs as u64),
            warnings: Warnings::default(),
            used: Used::default(),
            samples: 0,
            raw_bytes: 0,
        }
    }

    /// Opens and adds an input.
    pub fn add<W: Write>(&mut self, writer: &mut ArchiveWriter<W>, mut input: Input) -> Outcome {
        let content = inputs::open(&mut input, self.settings.limits.memory)?;
        self.add_content(writer, &input.name, content)
    }

    /// Adds an input that is open already.
    pub fn add_content<W: Write>(
        &mut self,
        writer: &mut ArchiveWriter<W>,
        name: &str,
        content: Content,
    ) -> Outcome {
        self.used.take(name)?;
        match content {
            Content::Picture(bytes) => self.add_picture(writer, name, &bytes),
            Content::Idx(reader) => self.add_idx(writer, name, reader),
        }
        .about_name(name)
    }

    fn add_picture<W: Write>(
        &mut self,
        writer: &mut ArchiveWriter<W>,
        name: &str,
        bytes: &[u8],
    ) -> Outcome {
        let (image, warnings) = vbc::read_image(bytes, &self.settings.limits)?;
        warnings.into_iter().for_each(|w| self.warnings.add(name, w));
        writer.add_image(&image, Some(name))?;
        self.count(image.shape(), 1);
        Ok(())
    }

    fn add_idx<W: Write>(
        &mut self,
        writer: &mut ArchiveWriter<W>,
        name: &str,
        mut reader: Box<dyn Read>,
    ) -> Outcome {
        let header = read_header(&mut reader)?;
        let Some((shape, images)) = header.image_shape() else {
            return self.add_opaque(writer, name, &header, reader);
        };
        shape.check(&self.settings.limits)?;
        writer.begin_idx(name, &header)?;
        self.progress.holds(images);
        let at_once = (CHUNK / shape.bytes()).max(1);
        let mut chunk = Vec::new();
        let mut done = 0;
        while done < images {
            let now = at_once.min(images - done);
            chunk.clear();
            reader.by_ref().take(now * shape.bytes()).read_to_end(&mut chunk).map_err(damaged)?;
            if (chunk.len() as u64) < now * shape.bytes() {
                let found = header.header_len() + done * shape.bytes() + chunk.len() as u64;
                return Ok(header.check_file_len(found)?);
            }
            writer.add_pixels(&chunk)?;
            done += now;
            self.count(shape, now);
        }
        expect_end(&header, &mut reader)?;
        Ok(writer.end_idx()?)
    }

    fn add_opaque<W: Write>(
        &mut self,
        writer: &mut ArchiveWriter<W>,
        name: &str,
        header: &IdxHeader,
        mut reader: Box<dyn Read>,
    ) -> Outcome {
        let length = header.payload_len().saturating_add(header.header_len());
        let limit = self.settings.limits.memory;
        if length > limit {
            return Err(Error::Limit { what: "bytes of a file", found: length, limit }.into());
        }
        let mut bytes = header.to_bytes();
        reader.by_ref().take(header.payload_len()).read_to_end(&mut bytes).map_err(damaged)?;
        header.check_file_len(bytes.len() as u64)?;
        expect_end(header, &mut reader)?;
        writer.add_opaque(name, &bytes)?;
        self.progress.holds(0);
        self.raw_bytes += bytes.len() as u64;
        Ok(())
    }

    fn count(&mut self, shape: Shape, images: u64) {
        self.raw_bytes += shape.bytes() * images;
        self.samples += samples(&shape) * images;
        self.progress.add(images);
    }
}

/// Samples of an image: its dimensions, in the sense of bits per dimension.
pub fn samples(shape: &Shape) -> u64 {
    shape.bytes() / u64::from(shape.format.sample_bytes())
}

fn read_header(reader: &mut dyn Read) -> Outcome<IdxHeader> {
    IdxHeader::read(&mut &mut *reader).map_err(|e| match e {
        Error::Io(e) => damaged(e),
        e => e.into(),
    })
}

/// Nothing may follow the elements that the header counts.
fn expect_end(header: &IdxHeader, reader: &mut dyn Read) -> Outcome {
    let more = std::io::copy(&mut reader.take(1), &mut std::io::sink()).map_err(damaged)?;
    let whole = header.payload_len().saturating_add(header.header_len());
    Ok(header.check_file_len(whole.saturating_add(more))?)
}

/// What a decompressor says of bad bytes comes as an I/O error, but is about the file.
fn damaged(error: std::io::Error) -> Failure {
    use std::io::ErrorKind as K;
    match error.kind() {
        K::InvalidInput | K::InvalidData | K::UnexpectedEof => {
            Error::Corrupt { place: vbc::Place::default(), what: format!("gzip: {error}") }.into()
        }
        _ => error.into(),
    }
}
