//! The crate's error: few kinds, cut by who can act on them.

use std::fmt;
use std::ops::Range;

use crate::model::ModelId;

/// What a `Result` of this crate holds when it fails.
///
/// The kinds say who can act: the owner of the file ([`Corrupt`](Error::Corrupt)), whoever can
/// supply a model or a newer program ([`Unsupported`](Error::Unsupported),
/// [`UnknownModel`](Error::UnknownModel), [`Model`](Error::Model)), the caller
/// ([`Input`](Error::Input), [`Limit`](Error::Limit)), or the machine ([`Io`](Error::Io)).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The bytes are not what the format allows: damaged, truncated or hostile.
    #[error("corrupt: {place}: {what}")]
    Corrupt {
        /// Where in the file.
        place: Place,
        /// What was found, and what was expected.
        what: String,
    },
    /// A valid file or picture of a kind that this program does not handle.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// The file names a model that is neither embedded here nor in the file.
    #[error(
        "unknown model {id}: it is not embedded in this build; give its file with `--model FILE` \
         (in the library: `Registry::add`)"
    )]
    UnknownModel {
        /// The id as far as the file holds it: 4 bytes in a single image, 32 in an archive.
        id: ModelId,
    },
    /// A model file that must not be used.
    #[error("bad model: {tensor}: {what}")]
    Model {
        /// The tensor or metadata key at fault, or the part of the file.
        tensor: String,
        /// What was found, and what was expected.
        what: String,
    },
    /// What the caller handed in cannot be coded as asked.
    #[error("{0}")]
    Input(String),
    /// A limit of [`Limits`](crate::Limits) would be passed.
    #[error("limit: {what}: {found} is more than the {limit} allowed")]
    Limit {
        /// The quantity that is limited.
        what: &'static str,
        /// What the file or image asks for.
        found: u64,
        /// What [`Limits`](crate::Limits) allows.
        limit: u64,
    },
}

impl Error {
    /// A [`Corrupt`](Error::Corrupt) error at `place`.
    pub(crate) fn corrupt(place: Place, what: impl Into<String>) -> Self {
        Error::Corrupt { place, what: what.into() }
    }

    /// A [`Model`](Error::Model) error for `tensor`.
    pub(crate) fn model(tensor: impl Into<String>, what: impl Into<String>) -> Self {
        Error::Model { tensor: tensor.into(), what: what.into() }
    }

    /// Adds what an outer layer knows of the place (block, image, byte offset) to a
    /// [`Corrupt`](Error::Corrupt) error; leaves every other kind as it is.
    pub(crate) fn at(mut self, outer: &Place) -> Self {
        if let Error::Corrupt { place, .. } = &mut self {
            place.section =
                if place.section == Section::Unknown { outer.section } else { place.section };
            place.block = place.block.or(outer.block);
            place.image = place.image.or(outer.image);
            if place.bytes.is_none() {
                place.bytes.clone_from(&outer.bytes);
            }
        }
        self
    }
}

/// The part of a file that an error speaks of; SPEC.md has a section for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Section {
    /// Not known at this level.
    #[default]
    Unknown,
    /// The first bytes of a single image or an archive.
    Header,
    /// The definition of a coding method in an archive.
    Method,
    /// A model embedded in an archive.
    Model,
    /// The description of an input file (name, IDX header).
    File,
    /// The header of a block.
    Block,
    /// The names and metadata of a block.
    Names,
    /// Latent symbols.
    Latent,
    /// Residual symbols.
    Residual,
    /// Decoded pixels.
    Pixels,
    /// A page or the root of the index.
    Index,
    /// The footer of an archive.
    Footer,
}

/// Where in a file an error was found, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Part of the file.
    pub section: Section,
    /// Number of the block in its archive, from 0.
    pub block: Option<u64>,
    /// Number of the image in its archive, from 0.
    pub image: Option<u64>,
    /// Bytes of the file, from its start.
    pub bytes: Option<Range<u64>>,
}

impl Place {
    /// A place of which only the section is known.
    pub(crate) fn of(section: Section) -> Self {
        Place { section, ..Place::default() }
    }

    /// A section and its bytes in the file.
    pub(crate) fn bytes(section: Section, bytes: Range<u64>) -> Self {
        Place { section, bytes: Some(bytes), ..Place::default() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.section {
            Section::Unknown => "file",
            Section::Header => "header",
            Section::Method => "method table",
            Section::Model => "embedded model",
            Section::File => "file description",
            Section::Block => "block header",
            Section::Names => "names",
            Section::Latent => "latent stream",
            Section::Residual => "residual stream",
            Section::Pixels => "pixels",
            Section::Index => "index",
            Section::Footer => "footer",
        };
        f.write_str(name)?;
        if let Some(b) = self.block {
            write!(f, ", block {b}")?;
        }
        if let Some(i) = self.image {
            write!(f, ", image {i}")?;
        }
        if let Some(r) = &self.bytes {
            write!(f, ", bytes {}..{}", r.start, r.end)?;
        }
        Ok(())
    }
}
