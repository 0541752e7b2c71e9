//! The first image of an archive, from the beginning of the file alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::blocks::Located;
use super::core::{ArchiveCore, Need, Stop, load_embedded};
use crate::coder::BlockCoder;
use crate::container::block::BlockHeader;
use crate::container::header::{self, Header};
use crate::container::index::{self, BlockRef};
use crate::container::section::{BLOCK, FOOTER, Frame, MAX_FRAME, METHOD, MODEL, PAGE, ROOT};
use crate::container::{GENERIC, RAW, choose, method};
use crate::error::{Error, Section};
use crate::image::Image;

impl ArchiveCore {
    /// The first image of the archive, without its index: it takes the beginning of the file
    /// alone, two ranges unless large opaque files or models stand before the first block. The
    /// core need not be open.
    ///
    /// # Errors
    /// As [`ArchiveCore::image`]; [`Error::Input`] for an archive without images.
    pub fn first_image(&mut self) -> Result<Need<Image>, Error> {
        self.ask(Self::first_image_steps)
    }

    fn first_image_steps(&mut self) -> Result<Image, Stop> {
        let limits = self.options().limits.clone();
        let first = (header::LEN as u64).min(self.len);
        let header = Header::decode(self.look(0, first, Section::Header)?)?;
        let mut methods = BTreeMap::new();
        let mut models = BTreeMap::new();
        let mut at = header::LEN as u64;
        while at < self.len {
            let n = (MAX_FRAME as u64).min(self.len - at);
            let frame = Frame::decode(self.look(at, n, Section::Unknown)?, at)?;
            index::refuse_unknown(frame.ty)?;
            match frame.ty {
                METHOD => {
                    let bytes = self.look(at, frame.total, Section::Method)?;
                    let (method, id) = method::decode(bytes, at)?;
                    methods.insert(method, id);
                }
                MODEL => {
                    let bytes = self.look(at, frame.total, Section::Model)?;
                    // Unpacked only if the block needs it: small sections can hold large models.
                    models.insert(method::model_method(bytes, at)?, (at, frame.total));
                }
                BLOCK => {
                    let bytes = self.look(at, frame.total, Section::Block)?;
                    let images = BlockHeader::decode(bytes, at, &header)?.images;
                    let block = BlockRef { offset: at, len: frame.total, images };
                    let located = Located { block, number: 0, first_image: 0 };
                    let method = located.header(bytes, &header)?.method;
                    let coder: Arc<dyn BlockCoder> =
                        match (method, methods.get(&method), models.get(&method).copied()) {
                            (GENERIC, ..) => choose::generic(),
                            (RAW, ..) => choose::raw(),
                            (_, Some(id), Some((offset, len))) => {
                                let bytes = self.look(offset, len, Section::Model)?;
                                load_embedded(bytes, offset, method, *id, &limits)?
                            }
                            (_, Some(id), None) => self.options().registry.find(id)?.coder()?,
                            (_, None, _) => {
                                let what =
                                    format!("method {method} is not defined before the block");
                                return Err(Error::corrupt(located.place(), what).into());
                            }
                        };
                    let decoded = located.decode(bytes, &header, coder.as_ref(), &limits)?;
                    return Ok(Image::new(decoded.shape, decoded.image(0)?.to_vec())?);
                }
                PAGE | ROOT | FOOTER => break,
                _ => {}
            }
            at = at.saturating_add(frame.total);
        }
        Err(Error::Input("no image 0: the archive has none".into()).into())
    }
}
