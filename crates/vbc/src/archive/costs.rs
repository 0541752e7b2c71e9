//! What the parts of an archive cost, from the headers of its blocks.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use super::core::ArchiveCore;
use super::reader::Archive;
use crate::container::FIRST_MODEL;
use crate::container::block::MAX_HEADER;
use crate::decoder::resolve_shape;
use crate::error::{Error, Section};
use crate::image::Shape;
use crate::model::ModelId;

/// Where the bytes of an archive go. What is in none of the parts (index, footers, block headers,
/// checksums, opaque files, embedded models) is the rest of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Costs {
    /// Bytes of all latent streams, coder tails included.
    pub latent_bytes: u64,
    /// Bytes of all residual streams, coder tails included.
    pub residual_bytes: u64,
    /// Bytes of the names of images.
    pub name_bytes: u64,
    /// Number of images of each shape.
    pub shapes: BTreeMap<Shape, u64>,
    /// Images whose shape only a model says that is not at hand.
    pub unknown_shapes: u64,
    /// What was coded with which method.
    pub methods: BTreeMap<MethodUsed, MethodCost>,
}

/// How blocks were coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum MethodUsed {
    /// The untrained coder.
    Generic,
    /// Not at all: the pixels as they are.
    Raw,
    /// A model.
    Model(ModelId),
}

/// The blocks of one method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MethodCost {
    /// Their number.
    pub blocks: u64,
    /// The images in them.
    pub images: u64,
    /// Their bytes, headers and names included.
    pub bytes: u64,
}

impl<R: Read + Seek> Archive<R> {
    /// Sums up what the parts of the archive cost. Reads the index and the header of every block.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Limit`], [`Error::Io`]; a model that is not at hand is none.
    pub fn costs(&mut self) -> Result<Costs, Error> {
        let mut costs = Costs::default();
        let mut image = 0;
        while image < self.len() {
            let (at, header, id) = self.ask(|core: &mut ArchiveCore| {
                let at = core.locate_image(image)?;
                let head =
                    at.block.offset..at.block.offset.saturating_add(at.block.len.min(MAX_HEADER));
                let archive = core.state()?.header;
                let header = at.header(core.section(head, Section::Block)?, &archive)?;
                let id = core.state()?.root.method(header.method);
                Ok((at, header, id))
            })?;
            let shape = if header.method < FIRST_MODEL {
                header.shape
            } else {
                match self.ask(|core| core.coder_at(header.method, &at)) {
                    Ok(coder) => resolve_shape(coder.as_ref(), header.shape).ok(),
                    Err(Error::UnknownModel { .. }) => header.shape,
                    Err(e) => return Err(e),
                }
            };
            let images = u64::from(header.images);
            match shape {
                Some(shape) => *costs.shapes.entry(shape).or_default() += images,
                None => costs.unknown_shapes += images,
            }
            costs.latent_bytes += header.latent_len;
            costs.residual_bytes += header.lanes.iter().sum::<u64>();
            costs.name_bytes += header.names_len;
            let used = match (header.method, id) {
                (_, Some(id)) => MethodUsed::Model(id),
                (crate::container::GENERIC, None) => MethodUsed::Generic,
                _ => MethodUsed::Raw,
            };
            let cost = costs.methods.entry(used).or_default();
            cost.blocks += 1;
            cost.images += images;
            cost.bytes += header.total;
            image = at.first_image + images.max(1);
        }
        Ok(costs)
    }
}
