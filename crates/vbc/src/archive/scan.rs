//! Going through an archive from its start, section by section, without its index (SPEC.md 8.13).

use std::io::{Read, Seek};

use super::storage::Source;
use crate::container::block::BlockHeader;
use crate::container::bytes::Reader;
use crate::container::footer::{self, Footer};
use crate::container::header::{self, Header};
use crate::container::index::{
    BlockRef, Detail, IndexBuilder, SectionRef, encode_page, refuse_unknown,
};
use crate::container::section::{
    self, BLOCK, FILE, FOOTER, Frame, MAX_FRAME, METHOD, MODEL, PAGE, ROOT, is_known, kind,
};
use crate::container::{FIRST_MODEL, MAX_NAME, PAGE_BLOCKS, method};
use crate::error::{Error, Place, Section};
use crate::limits::Limits;

/// Most bytes that the search for an intact section looks at in one go.
const WINDOW: u64 = 1 << 20;
/// Bytes that hold all that comes before the payload of any section.
const HEAD: u64 = 1 << 13;

/// A section whose checksums hold.
pub(crate) struct Scanned {
    pub ty: u8,
    pub offset: u64,
    pub bytes: Vec<u8>,
}

impl Scanned {
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes.len() as u64)
    }

    fn corrupt(&self, what: impl Into<String>) -> Error {
        Error::corrupt(Place::bytes(kind(self.ty), self.offset..self.end()), what)
    }
}

/// The header of the archive in `source`.
pub(crate) fn header_of<R: Read + Seek>(
    source: &mut Source<R>,
    limits: &Limits,
) -> Result<Header, Error> {
    let end = source.len.min(header::LEN as u64);
    Header::decode(&source.read(&(0..end), limits)?)
}

/// The section at `at`, its checksums checked; those of decoded pixels are not among them.
pub(crate) fn section_at<R: Read + Seek>(
    source: &mut Source<R>,
    at: u64,
    archive: &Header,
    limits: &Limits,
) -> Result<Scanned, Error> {
    let head = at..at.saturating_add(MAX_FRAME as u64).min(source.len);
    let frame = Frame::decode(&source.read(&head, limits)?, at)?;
    let end = at.checked_add(frame.total).filter(|end| *end <= source.len).ok_or_else(|| {
        let place = Place::bytes(kind(frame.ty), at..source.len);
        Error::corrupt(place, format!("a section of {} bytes, beyond the file", frame.total))
    })?;
    let bytes = source.read(&(at..end), limits)?;
    match frame.ty {
        BLOCK => BlockHeader::decode(&bytes, at, archive)?.check(&bytes, at)?,
        FOOTER => Footer::decode(&bytes, at).map(|_| ())?,
        ty => section::body(&bytes, at, ty).map(|_| ())?,
    }
    refuse_unknown(frame.ty)?;
    Ok(Scanned { ty: frame.ty, offset: at, bytes })
}

/// A search for intact sections, and what it may cost: a hostile file can look like a section
/// everywhere.
pub(crate) struct Search {
    /// Bytes that may still be read in vain.
    budget: u64,
    /// Whether a section may have been passed over for its size or for the budget.
    pub unsure: bool,
}

impl Search {
    /// A search in a file of `len` bytes.
    pub fn new(len: u64) -> Self {
        Search { budget: len.saturating_mul(16), unsure: false }
    }

    /// The first intact section of a known type at `from` or later; roots are not looked for.
    pub fn next<R: Read + Seek>(
        &mut self,
        source: &mut Source<R>,
        from: u64,
        archive: &Header,
        limits: &Limits,
    ) -> Result<Option<Scanned>, Error> {
        let mut start = from;
        // What is read grows with the distance, so that many small faults cost no more than one.
        let mut window = HEAD;
        while start < source.len {
            let end = start.saturating_add(window).min(source.len);
            window = (2 * window).min(WINDOW);
            // What begins in the window is judged by its head, which may reach beyond it.
            let reach = end.saturating_add(HEAD).min(source.len);
            let bytes = source.read(&(start..reach), limits)?;
            for at in start..end {
                let rest = bytes.get((at - start) as usize..).unwrap_or_default();
                if !rest.first().is_some_and(|ty| is_known(*ty)) {
                    continue;
                }
                let Ok(frame) = Frame::decode(rest, at) else { continue };
                if frame.total > source.len - at || !plausible(rest, at, &frame, archive) {
                    continue;
                }
                if frame.total > self.budget {
                    self.unsure = true;
                    continue;
                }
                self.budget -= frame.total;
                match section_at(source, at, archive, limits) {
                    Ok(found) => return Ok(Some(found)),
                    Err(Error::Io(e)) => return Err(e.into()),
                    Err(Error::Limit { .. }) => self.unsure = true,
                    Err(_) => {}
                }
            }
            start = end;
        }
        Ok(None)
    }
}

/// Whether the head of a section, as far as `rest` holds it, is worth the reading of all of it.
/// Nothing that this crate can write is refused.
fn plausible(rest: &[u8], at: u64, frame: &Frame, archive: &Header) -> bool {
    let mut r = Reader::new(rest, at, Section::Unknown);
    let total = frame.total;
    let fields = |r: &mut Reader<'_>| -> Result<bool, Error> {
        r.take_u64(frame.frame_len)?;
        Ok(match frame.ty {
            METHOD => total < 64 && r.varint()? >= FIRST_MODEL && r.u8()? == 1,
            MODEL => r.varint()? >= FIRST_MODEL && is_packed(r, at, total)?,
            FILE => {
                let opaque = r.u8()?;
                let len = r.varint_to("name", MAX_NAME as u64)?;
                r.take_u64(len)?;
                r.varint()?;
                match opaque {
                    0 => r.array::<2>()? == [0, 0] && total < HEAD,
                    1 => {
                        r.u32()?;
                        is_packed(r, at, total)?
                    }
                    _ => false,
                }
            }
            // An entry has at most a varint of each 10, 10 and 5 bytes.
            PAGE => {
                (1..=PAGE_BLOCKS as u64).contains(&r.varint()?)
                    && total < 64 + 25 * PAGE_BLOCKS as u64
            }
            BLOCK => BlockHeader::decode(rest, at, archive).is_ok(),
            FOOTER => total == footer::LEN as u64,
            _ => false,
        })
    };
    fields(&mut r).unwrap_or(false)
}

/// Whether packed bytes that fill the section of `total` bytes at `at` begin here.
fn is_packed(r: &mut Reader<'_>, at: u64, total: u64) -> Result<bool, Error> {
    let encoding = r.u8()?;
    let len = r.varint()?;
    let read = r.position().saturating_sub(at).saturating_add(section::CRC as u64);
    let stored = total.saturating_sub(read);
    Ok(match encoding {
        0 => stored == len,
        1 => stored < len && r.u32()? == 0xFD2F_B528,
        _ => false,
    })
}

/// The index that sections in their order make, and whether they contradict one another.
pub(crate) struct Replay {
    header: Header,
    pub index: IndexBuilder,
    /// End of the last section that is no partial page, no root and no footer.
    pub content_end: u64,
    /// The last footer and its offset.
    pub footer: Option<(u64, Footer)>,
    /// The page of the blocks in `index.open`, if it was met.
    page: Option<(u64, u64)>,
    /// The root that the next footer must name.
    root: Option<(u64, u64)>,
    methods: u64,
}

impl Replay {
    pub fn new(header: Header) -> Self {
        Replay {
            header,
            index: IndexBuilder::default(),
            content_end: header::LEN as u64,
            footer: None,
            page: None,
            root: None,
            methods: FIRST_MODEL,
        }
    }

    /// Takes the next section, which lies directly behind the one before.
    pub fn take(&mut self, s: &Scanned, limits: &Limits) -> Result<(), Error> {
        if self.index.open.len() >= PAGE_BLOCKS && s.ty != PAGE {
            return Err(s.corrupt("a page of the index is missing before it"));
        }
        let len = s.bytes.len() as u64;
        match s.ty {
            PAGE => {
                if self.index.open.is_empty()
                    || encode_page(&self.index.open, &self.header) != s.bytes
                {
                    return Err(s.corrupt("a page that does not list the blocks before it"));
                }
                self.page = Some((s.offset, len));
                if self.index.open.len() >= PAGE_BLOCKS {
                    self.index.page(s.offset, len);
                    self.page = None;
                    self.content_end = s.end();
                }
                return Ok(());
            }
            ROOT => {
                let mut closed = self.index.clone();
                match self.page {
                    Some((offset, len)) => closed.page(offset, len),
                    None if closed.open.is_empty() => {}
                    None => return Err(s.corrupt("a page of the index is missing before it")),
                }
                if closed.root.encode() != s.bytes {
                    return Err(s.corrupt("a root that does not list what is before it"));
                }
                self.root = Some((s.offset, len));
                return Ok(());
            }
            FOOTER => {
                let footer = Footer::decode(&s.bytes, s.offset)?;
                let blocks = self.index.root.blocks() + self.index.open.len() as u64;
                let agrees = self.root == Some((footer.root_offset, footer.root_len))
                    && footer.images == self.index.images()
                    && footer.blocks == blocks
                    && footer.previous == self.footer.map_or(0, |(offset, _)| offset);
                if !agrees {
                    return Err(s.corrupt("a footer that does not describe what is before it"));
                }
                self.footer = Some((s.offset, footer));
                return Ok(());
            }
            BLOCK => {
                let images = BlockHeader::decode(&s.bytes, s.offset, &self.header)?.images;
                self.index.block(BlockRef { offset: s.offset, len, images });
            }
            ty => {
                let detail = self.detail(s, limits)?;
                self.index.section(SectionRef { ty, offset: s.offset, len, detail });
            }
        }
        self.page = None;
        self.root = None;
        self.content_end = s.end();
        Ok(())
    }

    fn detail(&mut self, s: &Scanned, limits: &Limits) -> Result<Detail, Error> {
        let detail = detail_of(s, limits)?;
        match detail {
            Detail::Method(method, _) if method == self.methods => self.methods += 1,
            Detail::Method(method, _) => {
                return Err(s.corrupt(format!("method {method}, {} expected", self.methods)));
            }
            Detail::Model(method) if method >= self.methods => {
                return Err(s.corrupt(format!("the model of method {method}, not defined yet")));
            }
            _ => {}
        }
        Ok(detail)
    }

    /// Whether the archive ends here with a footer in force.
    pub fn check_end(&self, at: u64) -> Result<(), Error> {
        match self.footer {
            Some((offset, _)) if offset.saturating_add(footer::LEN as u64) == at => Ok(()),
            _ => Err(Error::corrupt(
                Place::bytes(Section::Footer, self.content_end..at),
                "no footer at the end: what follows the last one is not in force",
            )),
        }
    }
}

/// What the root repeats of a METHOD or MODEL section.
pub(crate) fn detail_of(s: &Scanned, limits: &Limits) -> Result<Detail, Error> {
    Ok(match s.ty {
        METHOD => method::decode(&s.bytes, s.offset).map(|(m, id)| Detail::Method(m, id))?,
        MODEL => method::decode_model(&s.bytes, s.offset, limits).map(|(m, _)| Detail::Model(m))?,
        _ => Detail::None,
    })
}
