//! Opening an archive, and its index (SPEC.md sections 8.2, 8.8, 8.9 and 8.11).

use std::collections::BTreeMap;

use crate::container::{Place, definition, footer, section};
use crate::elements::{Bytes, crc, plus};
use crate::image::Image;
use crate::model::Model;
use crate::refusal::{Kind, Result, demand, require, within};

/// An archive whose header, footer and root have been read.
pub struct Archive<'a> {
    pub(crate) file: &'a [u8],
    pub(crate) lanes: u64,
    pub(crate) block_images: u64,
    pub(crate) images: u64,
    /// Blocks, images, first block, place of the section.
    pub(crate) pages: Vec<(u64, u64, u64, Place)>,
    /// Id, and place of the MODEL section.
    pub(crate) methods: Vec<([u8; 32], Option<Place>)>,
    pub(crate) files: Vec<Place>,
}

impl<'a> Archive<'a> {
    // 8.11
    /// Reads header, footer and root.
    ///
    /// # Errors
    /// Where SPEC.md says to refuse the file.
    pub fn open(file: &'a [u8]) -> Result<Self> {
        // 8.2
        let mut b = Bytes(file);
        require(b.take(8)? == b"VBC\x89\r\n\x1A\n", "no archive")?;
        demand(b.number(1)? == 1, Kind::Unsupported, "version")?;
        let (flags, lanes, block_images) = (b.number(1)?, b.number(2)?, b.number(4)?);
        require(crc(&[&file[..16]]) == b.number(4)?, "the CRC of the header")?;
        let fits = (1..=64).contains(&lanes) && (1..=65_536).contains(&block_images);
        require(flags == 0 && fits, "flags, lanes or block images")?;

        let len = file.len() as u64;
        let mut places = (len.saturating_sub(1 << 30).max(20)..(len + 1).saturating_sub(50)).rev();
        let fields = places.find_map(|at| footer(file, at).ok());
        require(fields.is_some(), "no footer")?;
        let [root, root_len, images, blocks, _] = fields.unwrap_or_default();
        let (pages, methods, files) = (Vec::new(), Vec::new(), Vec::new());
        let mut a = Archive { file, lanes, block_images, images, pages, methods, files };
        a.root(section(file, (root, root_len), 0x06)?, root)?;
        let totals = a.pages.iter().fold((0, 0), |t, p| (t.0 + p.0, t.1 + p.1));
        require(totals == (blocks, images), "other totals than the footer's")?;
        within("images of an archive", images, 1 << 36)?;
        Ok(a)
    }

    // 8.9
    fn root(&mut self, mut b: Bytes<'_>, at: u64) -> Result<()> {
        let (pages, mut first_block, mut sum) = (b.varint()?, 0, 0);
        for i in 0..pages {
            let blocks = b.varint_in("blocks", if i + 1 < pages { 1024 } else { 1 }, 1024)?;
            let images = b.varint()?;
            sum = plus(sum, images)?;
            first_block = plus(first_block, b.varint()?)?;
            let place = (plus(first_block, b.varint()?)?, b.varint()?);
            require(plus(place.0, place.1)? <= at, "a page behind the root")?;
            self.pages.push((blocks, images, first_block, place));
        }
        let mut end = 0;
        for _ in 0..b.varint()? {
            let ty = b.number(1)?;
            let place = (plus(end, b.varint()?)?, b.varint()?);
            end = plus(place.0, place.1)?;
            match ty {
                0x81 => self.methods.push((definition(&mut b)?, None)),
                0x82 => {
                    let defined = self.methods.len() as u64 + 1;
                    let method = b.varint_in("the method of a model", 2, defined)?;
                    let model = &mut self.methods[method as usize - 2].1;
                    *model = model.or(Some(place));
                }
                0x83 => self.files.push(place),
                0x84 | 0x05 | 0x06 | 0x07 => require(false, "a section not for the list")?,
                _ => demand(ty & 0x80 == 0, Kind::Unsupported, "an essential section")?,
            }
            require(end <= at && self.methods.len() <= 1022, "a section that cannot be")?;
        }
        b.end()
    }

    /// All images, in order.
    ///
    /// # Errors
    /// Where SPEC.md says to refuse the file.
    pub fn images(&self, models: &[Model]) -> Result<Vec<Image>> {
        let (mut loaded, mut out) = (BTreeMap::new(), Vec::new());
        // 8.8
        for &(blocks, page_images, first_block, place) in &self.pages {
            let mut b = section(self.file, place, 0x05)?;
            require(b.varint()? == blocks, "another number of blocks than the root's")?;
            let (mut end, mut images, mut sum, mut places) =
                (first_block, self.block_images, 0, Vec::new());
            for i in 0..blocks {
                let code = b.varint()?;
                let mut gap = 0;
                if code % 2 == 1 {
                    gap = b.varint()?;
                    let n = b.varint_in("images of a block", 1, self.block_images)?;
                    require((gap != 0 || n != images) && (gap == 0 || i > 0), "an entry")?;
                    images = n;
                }
                let block = (plus(end, gap)?, code / 2);
                end = plus(block.0, block.1)?;
                require(block.1 > 0 && end <= place.0, "a block behind its page")?;
                places.push((block, images));
                sum += images;
            }
            b.end()?;
            require(sum == page_images, "another number of images than the root's")?;
            for (block, images) in places {
                self.block(block, images, models, &mut loaded, &mut out)?;
            }
        }
        Ok(out)
    }
}
