//! Reading an archive without any I/O.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::blocks::{Decoded, Latents, Located};
use super::info::{ArchiveInfo, MethodInfo};
use crate::coder::BlockCoder;
use crate::container::block::{BlockHeader, MAX_HEADER};
use crate::container::footer::{self, Footer};
use crate::container::header::{self, Header};
use crate::container::index::{self, BlockRef, Root};
use crate::container::section::{self, MODEL};
use crate::container::{GENERIC, PAGE_BLOCKS, RAW, VERSION, choose, method};
use crate::decoder::{DecodeOptions, beginning};
use crate::error::{Error, Place, Section};
use crate::image::{Image, Shape};
use crate::limits::Limits;
use crate::model;

/// Bytes that one look at the file asks for where little is known of what is there.
const WINDOW: u64 = 1 << 16;
/// Bytes at the end of a file that are searched for a footer.
const TAIL_SEARCH: u64 = 1 << 30;
/// Bytes that are kept from one call to the next.
const KEPT: usize = 1 << 18;

/// The answer of an [`ArchiveCore`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need<T> {
    /// Give the bytes of this range to [`ArchiveCore::supply`], and ask again.
    Range(Range<u64>),
    /// The answer itself.
    Ready(T),
}

/// Why a step ended early.
pub(crate) enum Stop {
    Need(Range<u64>),
    Fail(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Fail(error)
    }
}

/// The reading half of an archive, without any I/O: files, memory, HTTP ranges and the web are one
/// code. Every question is answered by [`Need::Range`] until the bytes that it takes have been
/// supplied, then by [`Need::Ready`].
///
/// ```
/// use vbc::archive::{ArchiveCore, ArchiveWriter, Need};
/// use vbc::{DecodeOptions, EncodeOptions, Image, PixelFormat, Shape};
///
/// let shape = Shape { width: 4, height: 4, format: PixelFormat::Grey8 };
/// let image = Image::new(shape, (0..16).collect())?;
/// let mut writer = ArchiveWriter::new(Vec::new(), EncodeOptions::default())?;
/// writer.add_image(&image, None)?;
/// let (file, _) = writer.finish()?;
///
/// let mut core = ArchiveCore::new(file.len() as u64, DecodeOptions::default());
/// while let Need::Range(range) = core.open()? {
///     core.supply(range.start, file[range.start as usize..range.end as usize].to_vec());
/// }
/// let back = loop {
///     match core.image(0)? {
///         Need::Ready(image) => break image,
///         Need::Range(range) => {
///             core.supply(range.start, file[range.start as usize..range.end as usize].to_vec());
///         }
///     }
/// };
/// assert_eq!(back, image);
/// # Ok::<(), vbc::Error>(())
/// ```
pub struct ArchiveCore {
    pub(crate) len: u64,
    options: DecodeOptions,
    given: Vec<(u64, Vec<u8>)>,
    /// End of the part of the file that was not searched for a footer yet.
    unsearched: u64,
    pub(crate) state: Option<State>,
}

/// What is known once the archive is open.
pub(crate) struct State {
    pub header: Header,
    pub footer_offset: u64,
    pub root: Root,
    /// The page read last.
    page: Option<(usize, Arc<Vec<BlockRef>>)>,
    /// All blocks, where a scan and not the index found them.
    pub scanned: Option<Vec<BlockRef>>,
    coders: BTreeMap<u64, Arc<dyn BlockCoder>>,
    /// The latents decoded last.
    latents: Option<Latents>,
}

impl State {
    pub fn new(header: Header, footer_offset: u64, root: Root) -> Self {
        let (page, scanned, coders, latents) = (None, None, BTreeMap::new(), None);
        State { header, footer_offset, root, page, scanned, coders, latents }
    }
}

impl std::fmt::Debug for ArchiveCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let open = self.state.is_some();
        f.debug_struct("ArchiveCore").field("len", &self.len).field("open", &open).finish()
    }
}

impl ArchiveCore {
    /// A core for an archive of `len` bytes.
    pub fn new(len: u64, options: DecodeOptions) -> Self {
        ArchiveCore { len, options, given: Vec::new(), unsearched: len, state: None }
    }

    /// Takes the bytes that stand at `offset` in the archive.
    pub fn supply(&mut self, offset: u64, bytes: Vec<u8>) {
        self.given.push((offset, bytes));
    }

    pub(crate) fn options(&self) -> &DecodeOptions {
        &self.options
    }

    /// Turns the end of a question into its answer, and lets go of the bytes that it took.
    fn answer<T>(&mut self, result: Result<T, Stop>) -> Result<Need<T>, Error> {
        match result {
            Err(Stop::Need(range)) => Ok(Need::Range(range)),
            other => {
                if self.given.iter().map(|(_, b)| b.len()).sum::<usize>() > KEPT {
                    self.given.clear();
                }
                match other {
                    Ok(value) => Ok(Need::Ready(value)),
                    Err(Stop::Fail(error)) => Err(error),
                    Err(Stop::Need(range)) => Ok(Need::Range(range)),
                }
            }
        }
    }

    /// The bytes of `range`, if they were supplied.
    fn fetch(&self, range: Range<u64>, section: Section) -> Result<&[u8], Stop> {
        if range.end > self.len || range.start > range.end {
            let place = Place::bytes(section, range.start.min(self.len)..self.len);
            let (start, end) = (range.start, range.end);
            let what = format!("bytes {start}..{end} expected, the file has {}", self.len);
            return Err(Error::corrupt(place, what).into());
        }
        Limits::check("bytes read at once", range.end - range.start, self.options.limits.memory)?;
        for (offset, bytes) in self.given.iter().rev() {
            let found = range.start.checked_sub(*offset).and_then(|start| {
                let start = usize::try_from(start).ok()?;
                let len = usize::try_from(range.end - range.start).ok()?;
                bytes.get(start..start.checked_add(len)?)
            });
            if let Some(found) = found {
                return Ok(found);
            }
        }
        Err(Stop::Need(range))
    }

    /// `n` bytes at `at`; where they are not there, more are asked for than needed.
    pub(crate) fn look(&self, at: u64, n: u64, section: Section) -> Result<&[u8], Stop> {
        self.fetch(at..at.saturating_add(n), section).map_err(|stop| match stop {
            Stop::Need(r) => Stop::Need(r.start..r.end.saturating_add(WINDOW).min(self.len)),
            fail => fail,
        })
    }

    pub(crate) fn state(&self) -> Result<&State, Error> {
        self.state.as_ref().ok_or_else(|| Error::Input("the archive is not open yet".into()))
    }

    fn state_mut(&mut self) -> Result<&mut State, Error> {
        self.state.as_mut().ok_or_else(|| Error::Input("the archive is not open yet".into()))
    }

    /// Reads header, footer and root of the index.
    ///
    /// Where the file does not end with a valid footer, as after an append that was cut short, the
    /// last valid one of the final GiB counts.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Unsupported`] for a later version, [`Error::Limit`].
    pub fn open(&mut self) -> Result<Need<()>, Error> {
        let result = if self.state.is_some() { Ok(()) } else { self.open_steps() };
        self.answer(result)
    }

    fn open_steps(&mut self) -> Result<(), Stop> {
        if self.len <= WINDOW {
            self.fetch(0..self.len, Section::Header)?;
        }
        let header_end = (header::LEN as u64).min(self.len);
        let header = Header::decode(self.fetch(0..header_end, Section::Header)?)?;
        let (footer_offset, footer) = self.find_footer()?;
        let range = footer.root_offset..footer.root_offset.saturating_add(footer.root_len);
        let place = Place::bytes(Section::Index, range.clone());
        let root = Root::decode(
            self.fetch(range, Section::Index)?,
            footer.root_offset,
            &self.options.limits,
        )?;
        if root.images() != footer.images || root.blocks() != footer.blocks {
            let what = "the totals of root and footer differ";
            return Err(Error::corrupt(place, what).into());
        }
        Limits::check("images of an archive", footer.images, self.options.limits.images)?;
        self.state = Some(State::new(header, footer_offset, root));
        Ok(())
    }

    /// The last valid footer: normally the last bytes of the file.
    fn find_footer(&mut self) -> Result<(u64, Footer), Stop> {
        let length = footer::LEN as u64;
        let none = |range| Error::corrupt(Place::bytes(Section::Footer, range), "no valid footer");
        if self.unsearched == self.len {
            let start = self.len.checked_sub(length).ok_or_else(|| none(0..self.len))?;
            let bytes = self.fetch(start..self.len, Section::Footer)?;
            if let Ok(footer) = Footer::decode(bytes, start) {
                return Ok((start, footer));
            }
        }
        let lowest = self.len.saturating_sub(TAIL_SEARCH).max(header::LEN as u64);
        loop {
            // The windows overlap by all of a footer but one byte.
            let end = self.unsearched;
            if end < lowest.saturating_add(length) {
                return Err(none(lowest..self.len).into());
            }
            let start = end.saturating_sub(WINDOW).max(lowest);
            let bytes = self.fetch(start..end, Section::Footer)?;
            for (i, window) in bytes.windows(footer::LEN).enumerate().rev() {
                if !window.ends_with(&footer::MAGIC) {
                    continue;
                }
                let offset = start + i as u64;
                if let Ok(footer) = Footer::decode(window, offset) {
                    // Where the search stands now makes the next round find the same footer.
                    self.unsearched = offset + length;
                    return Ok((offset, footer));
                }
            }
            self.given.retain(|(offset, _)| *offset == 0);
            self.unsearched = start + length - 1;
        }
    }

    /// Number of images; 0 before [`ArchiveCore::open`] has succeeded.
    pub fn images(&self) -> u64 {
        self.state.as_ref().map_or(0, |s| s.root.images())
    }

    /// Number of blocks; 0 before [`ArchiveCore::open`] has succeeded.
    pub fn blocks(&self) -> u64 {
        self.state.as_ref().map_or(0, |s| s.root.blocks())
    }

    /// Figures of the archive.
    ///
    /// # Errors
    /// [`Error::Input`] before [`ArchiveCore::open`] has succeeded.
    pub fn info(&self) -> Result<ArchiveInfo, Error> {
        let state = self.state()?;
        let bytes = state.footer_offset.saturating_add(footer::LEN as u64).min(self.len);
        let method = |(m, id)| MethodInfo { id, embedded: state.root.model(m).is_some() };
        Ok(ArchiveInfo {
            version: VERSION,
            images: state.root.images(),
            blocks: state.root.blocks(),
            block_images: state.header.block_images,
            lanes: u32::from(state.header.lanes),
            bytes,
            torn: self.len - bytes,
            methods: state.root.methods().map(method).collect(),
        })
    }

    /// The blocks of page `number`.
    pub(crate) fn page(&mut self, number: usize) -> Result<Arc<Vec<BlockRef>>, Stop> {
        let state = self.state()?;
        if let Some((cached, blocks)) = &state.page
            && *cached == number
        {
            return Ok(Arc::clone(blocks));
        }
        let page = state.root.pages.get(number).copied();
        let page = page.ok_or_else(|| Error::Input(format!("no page {number} in the index")))?;
        let blocks = if let Some(all) = &state.scanned {
            all.chunks(PAGE_BLOCKS).nth(number).unwrap_or_default().to_vec()
        } else {
            let range = page.offset..page.offset.saturating_add(page.len);
            let header = state.header;
            index::decode_page(self.fetch(range, Section::Index)?, &page, &header)?
        };
        let blocks = Arc::new(blocks);
        self.state_mut()?.page = Some((number, Arc::clone(&blocks)));
        Ok(blocks)
    }

    /// The block that `pick` chooses in page `number`, given the images before it in the page.
    fn in_page(
        &mut self,
        number: usize,
        pick: impl Fn(usize, u64, &BlockRef) -> bool,
    ) -> Result<Located, Stop> {
        let blocks = self.page(number)?;
        let page = self.state()?.root.pages.get(number).copied();
        let (blocks_before, images_before) =
            page.map_or((0, 0), |p| (p.blocks_before, p.images_before));
        let mut first_image = images_before;
        for (i, block) in blocks.iter().enumerate() {
            if pick(i, first_image, block) {
                let number = blocks_before + i as u64;
                return Ok(Located { block: *block, number, first_image });
            }
            first_image += u64::from(block.images);
        }
        Err(Error::Input("no such block in the index".into()).into())
    }

    /// Where block `number` is.
    #[cfg(test)]
    pub(crate) fn locate_block(&mut self, number: u64) -> Result<Located, Stop> {
        if number >= self.blocks() {
            return Err(Error::Input(format!("no block {number} of {}", self.blocks())).into());
        }
        let page = (number / PAGE_BLOCKS as u64) as usize;
        let within = (number % PAGE_BLOCKS as u64) as usize;
        self.in_page(page, |i, _, _| i == within)
    }

    /// Where the block of image `image` is.
    pub(crate) fn locate_image(&mut self, image: u64) -> Result<Located, Stop> {
        let images = self.images();
        if image >= images {
            return Err(Error::Input(format!("no image {image}: the archive has {images}")).into());
        }
        let page = self.state()?.root.pages.partition_point(|p| p.images_before <= image);
        self.in_page(page.saturating_sub(1), |_, first, block| {
            image >= first && image - first < u64::from(block.images)
        })
    }

    /// The coder of entry `method` of the table: of a model in the archive, else in the registry.
    pub(crate) fn coder(&mut self, method: u64) -> Result<Arc<dyn BlockCoder>, Stop> {
        match method {
            GENERIC => return Ok(choose::generic()),
            RAW => return Ok(choose::raw()),
            _ => {}
        }
        let state = self.state()?;
        if let Some(coder) = state.coders.get(&method) {
            return Ok(Arc::clone(coder));
        }
        let id = state.root.method(method).ok_or_else(|| {
            Error::corrupt(Place::of(Section::Block), format!("no method {method} in the table"))
        })?;
        let coder = if let Some(model) = state.root.model(method) {
            let (offset, end) = (model.offset, model.offset.saturating_add(model.len));
            let limits = &self.options.limits;
            let bytes = self.fetch(offset..end, Section::Model)?;
            load_embedded(bytes, offset, method, id, limits)?
        } else {
            self.options.registry.find(&id)?.coder()?
        };
        self.state_mut()?.coders.insert(method, Arc::clone(&coder));
        Ok(coder)
    }

    /// The bytes of a block and the coder that it takes.
    pub(crate) fn block_parts(
        &mut self,
        at: &Located,
    ) -> Result<(Vec<u8>, Arc<dyn BlockCoder>), Stop> {
        let bytes = self.fetch(at.range(), Section::Block)?.to_vec();
        let method = at.header(&bytes, &self.state()?.header)?.method;
        Ok((bytes, self.coder_at(method, at)?))
    }

    /// The coder of entry `method`, which the block at `at` names.
    pub(crate) fn coder_at(
        &mut self,
        method: u64,
        at: &Located,
    ) -> Result<Arc<dyn BlockCoder>, Stop> {
        self.coder(method).map_err(|stop| match stop {
            Stop::Fail(e) => Stop::Fail(e.at(&at.place())),
            need => need,
        })
    }

    /// A whole block, decoded.
    fn block(&mut self, at: &Located) -> Result<Decoded, Stop> {
        let (bytes, coder) = self.block_parts(at)?;
        let header = self.state()?.header;
        Ok(at.decode(&bytes, &header, coder.as_ref(), &self.options.limits)?)
    }

    /// Header and front part (names and latent included) of a block: all but its residual.
    fn front(&mut self, at: &Located) -> Result<(BlockHeader, Vec<u8>), Stop> {
        let (start, len) = (at.block.offset, at.block.len);
        let head = start.saturating_add(len.min(MAX_HEADER));
        let archive = self.state()?.header;
        let header = at.header(self.fetch(start..head, Section::Block)?, &archive)?;
        let end = start.saturating_add(header.front_len());
        Ok((header, self.fetch(start..end, Section::Latent)?.to_vec()))
    }

    /// Answers a question about the steps of the core.
    pub(crate) fn ask<T>(
        &mut self,
        steps: impl FnOnce(&mut Self) -> Result<T, Stop>,
    ) -> Result<Need<T>, Error> {
        let result = steps(self);
        self.answer(result)
    }

    /// Decodes image `image` into the beginning of `out` and gives its shape.
    ///
    /// # Errors
    /// [`Error::Input`] where there is no such image or `out` is too short; else as
    /// [`ArchiveCore::image`]. After an error what `out` holds is unspecified.
    pub fn image_into(&mut self, image: u64, out: &mut [u8]) -> Result<Need<Shape>, Error> {
        self.ask(|core| {
            let at = core.locate_image(image)?;
            let block = core.block(&at)?;
            let pixels = block.image(image)?;
            beginning(out, block.shape)?.copy_from_slice(pixels);
            Ok(block.shape)
        })
    }

    /// Image `image`, counted from 0. Takes the bytes of one page of the index and one block.
    ///
    /// # Errors
    /// [`Error::Input`] where there is no such image, [`Error::Corrupt`],
    /// [`Error::UnknownModel`], [`Error::Limit`].
    pub fn image(&mut self, image: u64) -> Result<Need<Image>, Error> {
        self.ask(|core| {
            let at = core.locate_image(image)?;
            let block = core.block(&at)?;
            Ok(Image::new(block.shape, block.image(image)?.to_vec())?)
        })
    }

    /// The latents of the block of image `image`. Those decoded last are kept: whoever asks for one
    /// mostly asks for the next, and a block's latents decode together.
    fn latents(&mut self, image: u64) -> Result<&Latents, Stop> {
        let at = self.locate_image(image)?;
        if !self.state()?.latents.as_ref().is_some_and(|kept| kept.at == at) {
            let (header, bytes) = self.front(&at)?;
            let coder = self.coder_at(header.method, &at)?;
            let latents = at.latents(&header, &bytes, coder, &self.options.limits)?;
            self.state_mut()?.latents = Some(latents);
        }
        let kept = self.state()?.latents.as_ref();
        Ok(kept.ok_or_else(|| Error::Input("the archive is not open yet".into()))?)
    }

    /// The latent of image `image`. The residual of its block is not asked for.
    ///
    /// # Errors
    /// As [`ArchiveCore::image`]; [`Error::Input`] for an image without a latent.
    pub fn latent(&mut self, image: u64) -> Result<Need<Vec<i32>>, Error> {
        self.ask(|core| Ok(core.latents(image)?.image(image)?.to_vec()))
    }

    /// The picture that the latent of image `image` alone gives.
    ///
    /// # Errors
    /// As [`ArchiveCore::latent`].
    pub fn preview(&mut self, image: u64) -> Result<Need<Image>, Error> {
        self.ask(|core| {
            let limits = core.options.limits.clone();
            core.latents(image)?;
            let kept = core.state_mut()?.latents.as_mut();
            let latents = kept.ok_or_else(|| Error::Input("the archive is not open yet".into()))?;
            Ok(latents.preview(image, &limits)?)
        })
    }

    /// The names of block `number`; empty where no image of it has one.
    pub(crate) fn names_of(&mut self, at: &Located) -> Result<Vec<Option<String>>, Stop> {
        let (header, bytes) = self.front(at)?;
        let (list, _) = header.front(&bytes, at.block.offset).map_err(|e| e.at(&at.place()))?;
        Ok(at.names(&header, list, &self.options.limits)?)
    }

    /// The whole section at `range`, for questions that need no more than its bytes.
    pub(crate) fn section(&self, range: Range<u64>, section: Section) -> Result<&[u8], Stop> {
        self.fetch(range, section)
    }
}

/// The coder of the model in the MODEL section `bytes` at `base`.
pub(crate) fn load_embedded(
    bytes: &[u8],
    base: u64,
    method: u64,
    id: model::ModelId,
    limits: &Limits,
) -> Result<Arc<dyn BlockCoder>, Error> {
    let place = Place::bytes(section::kind(MODEL), base..base.saturating_add(bytes.len() as u64));
    let (found, file) = method::decode_model(bytes, base, limits)?;
    if found != method {
        let what = format!("the model of method {found}, where that of {method} is expected");
        return Err(Error::corrupt(place, what));
    }
    own_model(&file, id, limits).map_err(|e| e.at(&place))
}

fn own_model(
    file: &[u8],
    id: model::ModelId,
    limits: &Limits,
) -> Result<Arc<dyn BlockCoder>, Error> {
    let entry = model::load(file, limits)?;
    if entry.id() != id {
        let what = format!("the embedded model is {}, not {id}", entry.id());
        return Err(Error::corrupt(Place::of(Section::Model), what));
    }
    entry.coder()
}
