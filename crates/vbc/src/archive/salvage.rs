//! What is left of a damaged archive.

use std::io::{Read, Seek};
use std::ops::Range;

use super::core::{ArchiveCore, State};
use super::reader::Archive;
use super::scan::{Scanned, Search, detail_of, header_of, section_at};
use super::storage::Source;
use crate::container::block::BlockHeader;
use crate::container::header::{self, Header};
use crate::container::index::{BlockRef, Detail, IndexBuilder, SectionRef};
use crate::container::section::{BLOCK, FILE, FOOTER, Frame, MAX_FRAME, PAGE, ROOT};
use crate::container::{MAX_BLOCK_IMAGES, PAGE_BLOCKS, file};
use crate::decoder::DecodeOptions;
use crate::error::{Error, Place};
use crate::limits::Limits;

/// A damaged stretch of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// Its bytes; intact sections begin directly behind it.
    pub bytes: Range<u64>,
    /// What was found there first.
    pub what: String,
}

/// Opens what is left of a damaged archive: all sections whose checksums hold, found without any
/// index. The images are numbered anew, without those that are lost; where anything is lost, the
/// images of IDX files are listed as images of their own.
///
/// # Errors
/// [`Error::Io`], [`Error::Limit`], [`Error::Unsupported`]. Damage is no error.
pub fn salvage<R: Read + Seek>(
    reader: R,
    options: DecodeOptions,
) -> Result<(Archive<R>, Vec<Damage>), Error> {
    let mut source = Source::new(reader)?;
    let limits = options.limits.clone();
    let mut damage = Vec::new();
    let header = match header_of(&mut source, &limits) {
        Ok(header) => header,
        Err(error @ Error::Corrupt { .. }) => {
            let bytes = 0..source.len.min(header::LEN as u64);
            damage.push(Damage { bytes, what: error.to_string() });
            // A writer's defaults: blocks of other lanes will fail their checksums.
            Header::new(2, MAX_BLOCK_IMAGES)?
        }
        Err(error) => return Err(error),
    };
    let mut walk = Walk {
        header,
        search: Search::new(source.len),
        limits: &limits,
        blocks: Vec::new(),
        sections: Vec::new(),
    };
    let mut at = header::LEN as u64;
    while at < source.len {
        let taken = section_at(&mut source, at, &header, &limits)
            .and_then(|section| walk.take(&section).map(|()| section.end()));
        at = match taken {
            Ok(end) => end,
            Err(error @ (Error::Corrupt { .. } | Error::Limit { .. } | Error::Unsupported(_))) => {
                let next = walk.next_intact(&mut source, at)?;
                damage.push(Damage { bytes: at..next, what: error.to_string() });
                next
            }
            Err(error) => return Err(error),
        };
    }
    let lossless = damage.is_empty();
    let (blocks, sections) = (walk.blocks, walk.sections);
    let mut index = IndexBuilder::default();
    for section in sections {
        if section.ty != FILE || lossless || is_opaque(&mut source, &section, &limits)? {
            index.section(section);
        }
    }
    for chunk in blocks.chunks(PAGE_BLOCKS) {
        index.open = chunk.to_vec();
        index.page(0, 0);
    }
    Limits::check("images of an archive", index.images(), limits.images)?;
    let mut core = ArchiveCore::new(source.len, options);
    let mut state = State::new(header, source.len, index.root);
    state.scanned = Some(blocks);
    core.state = Some(state);
    Ok((Archive { core, source }, damage))
}

struct Walk<'a> {
    header: Header,
    search: Search,
    limits: &'a Limits,
    blocks: Vec<BlockRef>,
    sections: Vec<SectionRef>,
}

impl Walk<'_> {
    fn take(&mut self, s: &Scanned) -> Result<(), Error> {
        let len = s.bytes.len() as u64;
        match s.ty {
            PAGE | ROOT | FOOTER => {}
            BLOCK => {
                let images = BlockHeader::decode(&s.bytes, s.offset, &self.header)?.images;
                self.blocks.push(BlockRef { offset: s.offset, len, images });
            }
            ty => {
                let detail = detail_of(s, self.limits)?;
                let twice = match detail {
                    Detail::Method(method, _) => self
                        .sections
                        .iter()
                        .any(|s| matches!(s.detail, Detail::Method(m, _) if m == method)),
                    _ => false,
                };
                if twice {
                    let place =
                        Place::bytes(crate::container::section::kind(ty), s.offset..s.end());
                    return Err(Error::corrupt(place, "a method that is defined already"));
                }
                self.sections.push(SectionRef { ty, offset: s.offset, len, detail });
            }
        }
        Ok(())
    }

    /// Where intact sections begin again after the fault at `at`.
    fn next_intact<R: Read + Seek>(
        &mut self,
        source: &mut Source<R>,
        at: u64,
    ) -> Result<u64, Error> {
        // The length of the damaged section may be right: then its end is the place.
        let head = at..at.saturating_add(MAX_FRAME as u64).min(source.len);
        let stated = Frame::decode(&source.read(&head, self.limits)?, at)
            .ok()
            .and_then(|frame| at.checked_add(frame.total))
            .filter(|end| *end <= source.len);
        if let Some(end) = stated
            && (end == source.len || section_at(source, end, &self.header, self.limits).is_ok())
        {
            return Ok(end);
        }
        let from = at.saturating_add(1);
        let found = self.search.next(source, from, &self.header, self.limits)?;
        Ok(found.map_or(source.len, |s| s.offset))
    }
}

fn is_opaque<R: Read + Seek>(
    source: &mut Source<R>,
    section: &SectionRef,
    limits: &Limits,
) -> Result<bool, Error> {
    let range = section.offset..section.offset.saturating_add(section.len);
    let bytes = source.read(&range, limits)?;
    Ok(file::decode(&bytes, section.offset).is_ok_and(|head| head.idx.is_none()))
}
