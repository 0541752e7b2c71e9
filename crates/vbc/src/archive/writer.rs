//! Writing an archive, from its first byte or after an older one's footer.

use std::io::{self, Write};
use std::sync::Arc;

use super::info::Summary;
use super::ordered::Ordered;
use super::reader::Archive;
use super::storage::Storage;
use crate::coder::CodedBlock;
use crate::container::block::{Parts, lanes_of};
use crate::container::choose::{self, Pick};
use crate::container::footer::{self, Footer};
use crate::container::header::Header;
use crate::container::index::{BlockRef, Detail, IndexBuilder, SectionRef, encode_page};
use crate::container::section::{FILE, METHOD, MODEL};
use crate::container::{FIRST_MODEL, GENERIC, MAX_METHODS, RAW, file, method, names};
use crate::decoder::DecodeOptions;
use crate::encoder::{EncodeOptions, check_pixels};
use crate::error::Error;
use crate::image::{IdxHeader, Image, Shape};
use crate::limits::Limits;
use crate::model::RegisteredModel;

/// A block takes no further image that would bring its pixels beyond this many bytes.
const BLOCK_BYTES: usize = 16 << 20;

/// Images waiting to be coded as one block.
struct Pending {
    shape: Shape,
    pixels: Vec<u8>,
    names: Vec<Option<String>>,
}

/// A pending block once coded; its place in the method table is not decided yet.
struct Ready {
    pick: Pick,
    coded: CodedBlock,
    images: u32,
    shape: Option<Shape>,
    names: Vec<u8>,
    pixels_crc: u32,
}

/// The IDX file whose images are being added.
struct OpenIdx {
    shape: Shape,
    left: u64,
}

/// Writes an archive to anything that takes bytes, in memory that does not grow with it.
///
/// Images of one shape that follow one another share blocks. If the writer is dropped before
/// [`finish`](ArchiveWriter::finish), the file has no index, and
/// [`rebuild_index`](super::rebuild_index) makes one of all blocks that were written; the images of
/// the open block are lost, and with several threads those of up to two blocks for each.
pub struct ArchiveWriter<W> {
    out: W,
    /// Offset of the next byte in the archive.
    at: u64,
    /// Where this writer began.
    start: u64,
    options: Arc<EncodeOptions>,
    header: Header,
    index: IndexBuilder,
    /// Images accepted, written or not, with those of the archive before.
    images: u64,
    /// Images of the archive before.
    images_before: u64,
    open: Option<Pending>,
    /// Full blocks on their way.
    coded: Ordered<Result<Ready, Error>>,
    idx: Option<OpenIdx>,
    previous: u64,
    sync: Option<fn(&mut W) -> io::Result<()>>,
    summary: Summary,
    failed: bool,
}

impl<W> std::fmt::Debug for ArchiveWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArchiveWriter").field("at", &self.at).field("images", &self.images).finish()
    }
}

impl<S: Storage> ArchiveWriter<S> {
    /// Opens the archive in `storage` to add to it. Block size and lanes stay the archive's own.
    ///
    /// What an append that was cut short left after the last valid footer is removed. That footer
    /// stays in force until [`finish`](ArchiveWriter::finish) has made the new one durable.
    ///
    /// # Errors
    /// Those of [`Archive::open`], and [`Error::Io`].
    pub fn append(storage: S, options: EncodeOptions) -> Result<Self, Error> {
        let reading = DecodeOptions { limits: options.limits.clone(), ..DecodeOptions::default() };
        let mut archive = Archive::open(storage, reading)?;
        let index = archive.index_to_append()?;
        let state = archive.core.state()?;
        let (header, previous) = (state.header, state.footer_offset);
        let at = previous.saturating_add(footer::LEN as u64);
        let torn = archive.source.len > at;
        let mut storage = archive.into_inner();
        if torn {
            storage.truncate(at)?;
            storage.sync()?;
        }
        storage.seek(io::SeekFrom::Start(at))?;
        Ok(Self::resume(storage, options, header, index, at, Some(previous)))
    }

    /// Goes on at byte `at` of `storage`, which stands there, after the footer at `previous`.
    pub(crate) fn resume(
        storage: S,
        options: EncodeOptions,
        header: Header,
        index: IndexBuilder,
        at: u64,
        previous: Option<u64>,
    ) -> Self {
        let mut writer = Self::with(storage, options, header, index, at);
        writer.previous = previous.unwrap_or(0);
        writer.sync = Some(S::sync);
        writer
    }
}

impl<W: Write> ArchiveWriter<W> {
    /// Starts an archive at the current place of `out`, which is its byte 0.
    ///
    /// # Errors
    /// [`Error::Input`] for a block size or number of lanes out of range, [`Error::Io`].
    pub fn new(out: W, options: EncodeOptions) -> Result<Self, Error> {
        let header = Header::new(options.lanes, options.block_images)?;
        let mut writer = Self::with(out, options, header, IndexBuilder::default(), 0);
        writer.put(&header.encode())?;
        Ok(writer)
    }

    fn with(out: W, options: EncodeOptions, header: Header, index: IndexBuilder, at: u64) -> Self {
        ArchiveWriter {
            out,
            at,
            start: at,
            coded: Ordered::new(options.threads),
            options: Arc::new(options),
            header,
            images: index.images(),
            images_before: index.images(),
            index,
            open: None,
            idx: None,
            previous: 0,
            sync: None,
            summary: Summary::default(),
            failed: false,
        }
    }

    /// Adds one image.
    ///
    /// # Errors
    /// [`Error::Input`] for a name that is too long or while an IDX file is open,
    /// [`Error::Limit`], [`Error::UnknownModel`] for a fixed model that the registry lacks,
    /// [`Error::Io`]. After an error of writing the writer refuses everything else.
    pub fn add_image(&mut self, image: &Image, name: Option<&str>) -> Result<(), Error> {
        self.check_usable()?;
        name.map_or(Ok(()), names::check_input)?;
        if self.idx.is_some() {
            return Err(Error::Input("an image inside an IDX file that is not ended".into()));
        }
        self.push(image.shape(), image.data(), name)
    }

    /// Begins an IDX file, which [`Archive::read_file_into`] will give back byte for byte.
    ///
    /// # Errors
    /// [`Error::Input`] for an IDX that is no stack of images (see
    /// [`add_opaque`](ArchiveWriter::add_opaque)) or inside another, and as
    /// [`add_image`](ArchiveWriter::add_image).
    pub fn begin_idx(&mut self, name: &str, header: &IdxHeader) -> Result<(), Error> {
        self.check_usable()?;
        names::check_input(name)?;
        let Some((shape, left)) = header.image_shape() else {
            return Err(Error::Input("an IDX that is no stack of images".into()));
        };
        if self.idx.is_some() {
            return Err(Error::Input("an IDX file inside another".into()));
        }
        shape.check(&self.options.limits)?;
        self.check_images(left)?;
        self.drain()?;
        let section = file::encode_idx(name, self.images, header);
        self.put_section(FILE, &section, Detail::None)?;
        self.idx = Some(OpenIdx { shape, left });
        Ok(())
    }

    /// Adds whole images of the open IDX file: as many as `pixels` holds.
    ///
    /// # Errors
    /// [`Error::Input`] without an open IDX file, for a part of an image, and for more images than
    /// its header says; else as [`add_image`](ArchiveWriter::add_image).
    pub fn add_pixels(&mut self, pixels: &[u8]) -> Result<(), Error> {
        self.check_usable()?;
        let Some(OpenIdx { shape, left }) = self.idx else {
            return Err(Error::Input("pixels without an IDX file".into()));
        };
        let size = usize::try_from(shape.bytes()).unwrap_or(usize::MAX);
        if !pixels.len().is_multiple_of(size) {
            return Err(Error::Input(format!(
                "{} bytes of pixels are not whole images of {size}",
                pixels.len()
            )));
        }
        let images = (pixels.len() / size) as u64;
        if images > left {
            return Err(Error::Input(format!("{images} images, where the IDX has {left} left")));
        }
        for image in pixels.chunks_exact(size) {
            self.push(shape, image, None)?;
        }
        self.idx = Some(OpenIdx { shape, left: left - images });
        Ok(())
    }

    /// Ends the IDX file.
    ///
    /// # Errors
    /// [`Error::Input`] where images are missing or no IDX file is open.
    pub fn end_idx(&mut self) -> Result<(), Error> {
        self.check_usable()?;
        match &self.idx {
            None => Err(Error::Input("no IDX file to end".into())),
            Some(OpenIdx { left: 0, .. }) => {
                self.idx = None;
                Ok(())
            }
            Some(idx) => Err(Error::Input(format!("the IDX lacks {} images", idx.left))),
        }
    }

    /// Adds a file that is not interpreted: labels, say, or an IDX of another type.
    ///
    /// # Errors
    /// As [`add_image`](ArchiveWriter::add_image).
    pub fn add_opaque(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.check_usable()?;
        names::check_input(name)?;
        if self.idx.is_some() {
            return Err(Error::Input("a file inside an IDX file that is not ended".into()));
        }
        let limit = self.options.limits.memory;
        Limits::check("bytes of an opaque file", bytes.len() as u64, limit)?;
        self.drain()?;
        let section = file::encode_opaque(name, self.images, bytes)?;
        self.put_section(FILE, &section, Detail::None)
    }

    /// Writes what is left, the index and the footer, and gives back what was written to.
    ///
    /// # Errors
    /// [`Error::Input`] while an IDX file is open; else as
    /// [`add_image`](ArchiveWriter::add_image).
    pub fn finish(mut self) -> Result<(W, Summary), Error> {
        self.check_usable()?;
        if let Some(idx) = &self.idx {
            return Err(Error::Input(format!(
                "an IDX file is not ended; {} images left",
                idx.left
            )));
        }
        self.close_block()?;
        self.drain()?;
        self.finish_index()?;
        self.summary.images = self.images - self.images_before;
        self.summary.bytes = self.at - self.start;
        self.summary.archive_bytes = self.at;
        Ok((self.out, self.summary))
    }

    /// Writes the index and the footer, each made durable where the storage can.
    fn finish_index(&mut self) -> Result<(), Error> {
        if !self.index.open.is_empty() {
            self.put_page()?;
        }
        let (root_offset, root) = (self.at, self.index.root.encode());
        self.put(&root)?;
        self.settle()?;
        let footer = Footer {
            root_offset,
            root_len: root.len() as u64,
            images: self.index.root.images(),
            blocks: self.index.root.blocks(),
            previous: self.previous,
        };
        self.put(&footer.encode(self.at))?;
        self.settle()
    }

    fn settle(&mut self) -> Result<(), Error> {
        self.out.flush()?;
        self.sync.map_or(Ok(()), |sync| sync(&mut self.out))?;
        Ok(())
    }

    fn check_usable(&self) -> Result<(), Error> {
        if self.failed {
            return Err(Error::Input("the writer failed before".into()));
        }
        Ok(())
    }

    fn check_images(&self, more: u64) -> Result<(), Error> {
        let images = self.images.saturating_add(more);
        Limits::check("images of an archive", images, self.options.limits.images)
    }

    /// Takes one image into the open block, which may fill it.
    fn push(&mut self, shape: Shape, pixels: &[u8], name: Option<&str>) -> Result<(), Error> {
        check_pixels(shape, pixels, &self.options.limits)?;
        self.check_images(1)?;
        let fits = self.open.as_ref().is_none_or(|b| {
            b.shape == shape && b.pixels.len().saturating_add(pixels.len()) <= BLOCK_BYTES
        });
        if !fits {
            self.close_block()?;
        }
        let block =
            self.open.get_or_insert(Pending { shape, pixels: Vec::new(), names: Vec::new() });
        block.pixels.extend_from_slice(pixels);
        block.names.push(name.map(str::to_owned));
        let full = block.names.len() as u64 >= u64::from(self.header.block_images);
        self.images += 1;
        if full { self.close_block() } else { Ok(()) }
    }

    /// Hands the open block over to be coded, and writes blocks until there is room for the next one.
    fn close_block(&mut self) -> Result<(), Error> {
        let Some(block) = self.open.take() else { return Ok(()) };
        let (options, header) = (Arc::clone(&self.options), self.header);
        self.coded.add(move || code(&block, &options, &header));
        while self.coded.is_full() {
            self.put_next()?;
        }
        Ok(())
    }

    /// Codes and writes all blocks but the open one.
    fn drain(&mut self) -> Result<(), Error> {
        while self.put_next()? {}
        Ok(())
    }

    /// Writes the next block once it is coded; says whether there was one.
    fn put_next(&mut self) -> Result<bool, Error> {
        let Some(block) = self.coded.take() else { return Ok(false) };
        let done = block.and_then(|ready| self.put_block(&ready));
        // A block that is missing would shift all images behind it.
        self.failed |= done.is_err();
        done.map(|()| true)
    }

    /// Writes a block, before it the definition of its method where it is the first of it, and
    /// after it the page of the index that it fills.
    fn put_block(&mut self, ready: &Ready) -> Result<(), Error> {
        let method = match &ready.pick {
            Pick::Generic => GENERIC,
            Pick::Raw => RAW,
            Pick::Model(model, _) => self.method_of(model)?,
        };
        let parts = Parts {
            images: ready.images,
            shape: ready.shape,
            names: &ready.names,
            coded: &ready.coded,
            pixels_crc: ready.pixels_crc,
        };
        let section = parts.encode(method);
        let block = BlockRef { offset: self.at, len: section.len() as u64, images: ready.images };
        self.put(&section)?;
        self.summary.blocks += 1;
        self.summary.blocks_without_model += u64::from(method < FIRST_MODEL);
        self.summary.side_bytes += ready.names.len() as u64;
        self.summary.latent_bits += ready.coded.latent.bits;
        self.summary.residual_bits += ready.coded.lanes.iter().map(|l| l.bits).sum();
        if self.index.block(block) { self.put_page() } else { Ok(()) }
    }

    /// The entry of `model` in the method table, made and embedded as far as it has to be.
    fn method_of(&mut self, model: &RegisteredModel) -> Result<u64, Error> {
        let known = self.index.root.methods().find(|(_, id)| *id == model.id());
        let method = match known {
            Some((method, _)) => method,
            None => {
                let method = FIRST_MODEL + self.index.root.methods().count() as u64;
                if method >= MAX_METHODS as u64 {
                    return Err(Error::Input("more models than an archive can name".into()));
                }
                let section = method::encode(method, &model.id());
                self.put_section(METHOD, &section, Detail::Method(method, model.id()))?;
                method
            }
        };
        if self.options.embed_model && self.index.root.model(method).is_none() {
            let section = method::encode_model(method, model.file())?;
            self.put_section(MODEL, &section, Detail::Model(method))?;
        }
        Ok(method)
    }

    fn put_section(&mut self, ty: u8, section: &[u8], detail: Detail) -> Result<(), Error> {
        let len = section.len() as u64;
        self.index.section(SectionRef { ty, offset: self.at, len, detail });
        self.summary.side_bytes += len;
        self.put(section)
    }

    fn put_page(&mut self) -> Result<(), Error> {
        let (offset, page) = (self.at, encode_page(&self.index.open, &self.header));
        self.put(&page)?;
        self.index.page(offset, page.len() as u64);
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if let Err(e) = self.out.write_all(bytes) {
            self.failed = true;
            return Err(e.into());
        }
        self.at += bytes.len() as u64;
        Ok(())
    }
}

fn code(block: &Pending, options: &EncodeOptions, header: &Header) -> Result<Ready, Error> {
    let images = block.names.len() as u32;
    let lanes = lanes_of(FIRST_MODEL, images, header);
    let (pick, coded) = choose::block(options, block.shape, &block.pixels, images, lanes)?;
    Ok(Ready {
        shape: choose::explicit_shape(&pick, block.shape),
        pick,
        coded,
        images,
        names: names::encode(&block.names)?,
        pixels_crc: crc32c::crc32c(&block.pixels),
    })
}
