//! An index made anew from the sections of an archive.

use super::info::ArchiveInfo;
use super::reader::Archive;
use super::scan::{Replay, Search, header_of, section_at};
use super::storage::{Source, Storage};
use super::writer::ArchiveWriter;
use crate::container::{footer, header};
use crate::decoder::DecodeOptions;
use crate::encoder::EncodeOptions;
use crate::error::Error;

/// Makes the archive in `storage` whole after a write that was cut short: everything up to the
/// last intact section is indexed, and what follows is removed. The index has the bytes that the
/// writer would have given it. An archive that is whole already stays as it is.
///
/// # Errors
/// [`Error::Corrupt`] where intact sections follow a damaged one: that is no torn write, and
/// [`salvage`](super::salvage) reads what is left of it. [`Error::Io`], [`Error::Limit`],
/// [`Error::Unsupported`].
pub fn rebuild_index<S: Storage>(
    storage: &mut S,
    options: &DecodeOptions,
) -> Result<ArchiveInfo, Error> {
    let limits = &options.limits;
    let mut source = Source::new(&mut *storage)?;
    let len = source.len;
    let header = header_of(&mut source, limits)?;
    let mut replay = Replay::new(header);
    let mut at = header::LEN as u64;
    while at < len {
        let taken = section_at(&mut source, at, &header, limits)
            .and_then(|section| replay.take(&section, limits).map(|()| section.end()));
        match taken {
            Ok(end) => at = end,
            Err(error @ Error::Corrupt { .. }) => {
                let mut search = Search::new(len);
                let found = search.next(&mut source, at.saturating_add(1), &header, limits)?;
                // Nothing is cut off unless it is certain that no intact section is in it.
                if found.is_some() || search.unsure {
                    return Err(error);
                }
                break;
            }
            Err(error) => return Err(error),
        }
    }
    let in_force = replay.footer.map(|(offset, _)| offset);
    let footer_end = in_force.map_or(0, |offset| offset.saturating_add(footer::LEN as u64));
    let keep = footer_end.max(replay.content_end);
    if keep < len {
        storage.truncate(keep)?;
    }
    if footer_end < replay.content_end {
        storage.seek(std::io::SeekFrom::Start(keep))?;
        let writing = EncodeOptions { limits: options.limits.clone(), ..EncodeOptions::default() };
        ArchiveWriter::resume(&mut *storage, writing, header, replay.index, keep, in_force)
            .finish()?;
    }
    storage.sync()?;
    Archive::open(storage, options.clone())?.info()
}
