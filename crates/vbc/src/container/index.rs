//! The index: pages list blocks, a root lists pages and other sections (SPEC.md 8.8 and 8.9).
//!
//! ```text
//! PAGE: varint blocks, then for each: varint 2 × length + e; if e: varint gap, varint images
//! ROOT: varint pages, then for each: varint blocks, varint images, varint first block − first
//!       block of the page before, varint page − first block, varint length of the page
//!       varint sections, then for each: type, varint offset − end of the section listed before,
//!       varint length; for METHOD its kind and id; for MODEL its varint method
//! ```
//!
//! A page is written as soon as it lists [`PAGE_BLOCKS`] blocks, so that neither writer nor reader
//! ever holds more than one; the last page may list fewer. In a page, `gap` is the distance from
//! the end of the block before; without e it is 0 and `images` as in the block before, for the
//! first block of a page the block size of the archive. The root lists every section that is no
//! block and no part of an index.

use crate::container::bytes::{put_varint, reserve};
use crate::container::section::{self, BLOCK, ESSENTIAL, FOOTER, METHOD, MODEL, PAGE, ROOT};
use crate::container::{FIRST_MODEL, MAX_METHODS, PAGE_BLOCKS, header, method};
use crate::error::Error;
use crate::limits::Limits;
use crate::model::ModelId;

/// A block as the index knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockRef {
    /// Where its section begins.
    pub offset: u64,
    /// Bytes of its section.
    pub len: u64,
    pub images: u32,
}

/// A page as the root knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageRef {
    pub blocks: u64,
    pub images: u64,
    /// Where the section of its first block begins.
    pub first_block: u64,
    pub offset: u64,
    pub len: u64,
    /// Blocks in all pages before this one.
    pub blocks_before: u64,
    /// Images in all pages before this one.
    pub images_before: u64,
}

/// A section that is no block and no part of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SectionRef {
    pub ty: u8,
    pub offset: u64,
    pub len: u64,
    pub detail: Detail,
}

/// What the root repeats of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    None,
    /// Entry of the method table, and the model.
    Method(u64, ModelId),
    /// The method whose model this is.
    Model(u64),
}

/// The whole root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Root {
    pub pages: Vec<PageRef>,
    pub sections: Vec<SectionRef>,
}

/// A PAGE section.
pub(crate) fn encode_page(blocks: &[BlockRef], archive: &header::Header) -> Vec<u8> {
    let mut body = Vec::new();
    put_varint(&mut body, blocks.len() as u64);
    let mut end = blocks.first().map_or(0, |b| b.offset);
    let mut images = archive.block_images;
    for block in blocks {
        let gap = block.offset - end;
        let explicit = gap != 0 || block.images != images;
        put_varint(&mut body, block.len << 1 | u64::from(explicit));
        if explicit {
            put_varint(&mut body, gap);
            put_varint(&mut body, u64::from(block.images));
        }
        end = block.offset + block.len;
        images = block.images;
    }
    section::encode(PAGE, &body)
}

/// The PAGE section `bytes` that the root describes as `page`.
pub(crate) fn decode_page(
    bytes: &[u8],
    page: &PageRef,
    archive: &header::Header,
) -> Result<Vec<BlockRef>, Error> {
    let mut r = section::body(bytes, page.offset, PAGE)?;
    let count = r.varint_to("the number of blocks", PAGE_BLOCKS as u64)?;
    let mut blocks = Vec::new();
    let mut end = page.first_block;
    let mut images = archive.block_images;
    let mut sum = 0u64;
    for _ in 0..count {
        let start = r.position();
        let code = r.varint()?;
        let mut gap = 0;
        if code & 1 == 1 {
            gap = r.varint()?;
            let n = r.varint_to("the number of images", u64::from(archive.block_images))? as u32;
            if n == 0 || (gap == 0 && n == images) || (gap != 0 && blocks.is_empty()) {
                return Err(r.corrupt(start, "an entry that is not in its canonical form"));
            }
            images = n;
        }
        let (offset, len) = (end.checked_add(gap), code >> 1);
        match offset.and_then(|o| Some((o, o.checked_add(len)?))) {
            Some((offset, e)) if e <= page.offset && len > 0 => {
                blocks.push(BlockRef { offset, len, images });
                end = e;
            }
            _ => return Err(r.corrupt(start, "a block that does not lie before its page")),
        }
        sum += u64::from(images);
    }
    r.end()?;
    if count != page.blocks || sum != page.images {
        return Err(r.corrupt(
            page.offset,
            format!(
                "{count} blocks of {sum} images; the root says {} of {}",
                page.blocks, page.images
            ),
        ));
    }
    Ok(blocks)
}

impl Root {
    /// The ROOT section.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        put_varint(&mut body, self.pages.len() as u64);
        let mut before = 0;
        for page in &self.pages {
            put_varint(&mut body, page.blocks);
            put_varint(&mut body, page.images);
            put_varint(&mut body, page.first_block - before);
            put_varint(&mut body, page.offset - page.first_block);
            put_varint(&mut body, page.len);
            before = page.first_block;
        }
        put_varint(&mut body, self.sections.len() as u64);
        let mut end = 0;
        for s in &self.sections {
            body.push(s.ty);
            put_varint(&mut body, s.offset - end);
            put_varint(&mut body, s.len);
            match &s.detail {
                Detail::None => {}
                Detail::Method(_, id) => method::put_definition(&mut body, id),
                Detail::Model(m) => put_varint(&mut body, *m),
            }
            end = s.offset + s.len;
        }
        section::encode(ROOT, &body)
    }

    /// The ROOT section `bytes` at `base`. Everything it names lies before it.
    pub fn decode(bytes: &[u8], base: u64, limits: &Limits) -> Result<Self, Error> {
        let mut r = section::body(bytes, base, ROOT)?;
        let mut root = Root::default();
        let (mut before, mut blocks_before, mut images_before) = (0u64, 0u64, 0u64);
        let count = r.varint()?;
        // Fewer bytes than these hold no entry.
        reserve("bytes of the index", &mut root.pages, count.min(r.left() as u64 / 5), limits)?;
        for i in 0..count {
            let start = r.position();
            let blocks = r.varint_to("the number of blocks", PAGE_BLOCKS as u64)?;
            let images = r.varint()?;
            let first_block = r.varint()?.checked_add(before);
            let offset = first_block.zip(r.varint().ok()).and_then(|(a, b)| a.checked_add(b));
            let len = r.varint()?;
            let last = i + 1 == count;
            let sum = images_before.checked_add(images);
            match (first_block, offset, sum) {
                (Some(first_block), Some(offset), Some(sum))
                    if offset.checked_add(len).is_some_and(|e| e <= base)
                        && (blocks == PAGE_BLOCKS as u64 || (last && blocks > 0)) =>
                {
                    root.pages.push(PageRef {
                        blocks,
                        images,
                        first_block,
                        offset,
                        len,
                        blocks_before,
                        images_before,
                    });
                    (before, blocks_before, images_before) =
                        (first_block, blocks_before + blocks, sum);
                }
                _ => return Err(r.corrupt(start, "a page that cannot be")),
            }
        }
        let mut end = 0u64;
        let mut methods = FIRST_MODEL;
        let count = r.varint()?;
        reserve("bytes of the index", &mut root.sections, count.min(r.left() as u64 / 3), limits)?;
        for _ in 0..count {
            let start = r.position();
            let ty = r.u8()?;
            let offset = r.varint()?.checked_add(end);
            let len = r.varint()?;
            let detail = match ty {
                METHOD => {
                    methods += 1;
                    Detail::Method(methods - 1, method::get_definition(&mut r)?)
                }
                MODEL => Detail::Model(method::get_model_method(&mut r)?),
                _ => Detail::None,
            };
            refuse_unknown(ty)?;
            let misplaced = matches!(ty, BLOCK | PAGE | ROOT | FOOTER)
                || methods > MAX_METHODS as u64
                || matches!(detail, Detail::Model(m) if m >= methods);
            match offset.and_then(|o| Some((o, o.checked_add(len)?))) {
                Some((offset, e)) if e <= base && !misplaced => {
                    root.sections.push(SectionRef { ty, offset, len, detail });
                    end = e;
                }
                _ => return Err(r.corrupt(start, "a section that cannot be")),
            }
        }
        r.end()?;
        Ok(root)
    }

    /// The method table from entry [`FIRST_MODEL`] on.
    pub fn methods(&self) -> impl Iterator<Item = (u64, ModelId)> {
        self.sections.iter().filter_map(|s| match s.detail {
            Detail::Method(method, id) => Some((method, id)),
            _ => None,
        })
    }

    /// The id of entry `method` of the table.
    pub fn method(&self, method: u64) -> Option<ModelId> {
        self.methods().find(|(m, _)| *m == method).map(|(_, id)| id)
    }

    /// The MODEL section of entry `method`.
    pub fn model(&self, method: u64) -> Option<&SectionRef> {
        self.sections.iter().find(|s| s.detail == Detail::Model(method))
    }

    /// Number of images in all pages.
    pub fn images(&self) -> u64 {
        self.pages.last().map_or(0, |p| p.images_before.saturating_add(p.images))
    }

    /// Number of blocks in all pages.
    pub fn blocks(&self) -> u64 {
        self.pages.last().map_or(0, |p| p.blocks_before.saturating_add(p.blocks))
    }
}

/// Refuses a section that this reader does not know and must not skip.
pub(crate) fn refuse_unknown(ty: u8) -> Result<(), Error> {
    if ty & ESSENTIAL != 0 && !section::is_known(ty) {
        return Err(Error::Unsupported(format!("essential section of type {ty:#04x}")));
    }
    Ok(())
}

/// An index that grows with the archive; the same whether it is being written or scanned.
#[derive(Clone, Debug, Default)]
pub(crate) struct IndexBuilder {
    pub root: Root,
    /// Blocks of the page that is not full yet.
    pub open: Vec<BlockRef>,
}

impl IndexBuilder {
    /// Notes a block; true where the page is full and must be written now.
    pub fn block(&mut self, block: BlockRef) -> bool {
        self.open.push(block);
        self.open.len() >= PAGE_BLOCKS
    }

    /// Notes where the page of the open blocks was written.
    pub fn page(&mut self, offset: u64, len: u64) {
        let Some(first) = self.open.first() else { return };
        self.root.pages.push(PageRef {
            blocks: self.open.len() as u64,
            images: self.open.iter().map(|b| u64::from(b.images)).sum(),
            first_block: first.offset,
            offset,
            len,
            blocks_before: self.root.blocks(),
            images_before: self.root.images(),
        });
        self.open.clear();
    }

    /// Notes any other section.
    pub fn section(&mut self, section: SectionRef) {
        self.root.sections.push(section);
    }

    /// Images noted so far.
    pub fn images(&self) -> u64 {
        self.root.images() + self.open.iter().map(|b| u64::from(b.images)).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::section::FILE;

    #[test]
    fn a_root_is_within_the_limits() {
        let file =
            |i: u64| SectionRef { ty: FILE, offset: 20 + 9 * i, len: 9, detail: Detail::None };
        let root = Root { pages: Vec::new(), sections: (0..100).map(file).collect() };
        let bytes = root.encode();
        assert_eq!(Root::decode(&bytes, 2_000, &Limits::default()).ok().as_ref(), Some(&root));
        // The section itself is smaller than that.
        let limits = Limits { memory: 1_000, ..Limits::default() };
        assert!(bytes.len() < 1_000);
        assert!(matches!(Root::decode(&bytes, 2_000, &limits), Err(Error::Limit { .. })));
    }
}
