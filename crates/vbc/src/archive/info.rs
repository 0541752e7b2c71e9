//! What an archive and a finished writer say of themselves.

use crate::entropy::Bits;
use crate::model::ModelId;

/// Figures of an archive, as its header, footer and index hold them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArchiveInfo {
    /// Version of the format.
    pub version: u8,
    /// Number of images.
    pub images: u64,
    /// Number of blocks.
    pub blocks: u64,
    /// Most images of a block.
    pub block_images: u32,
    /// Coder lanes of a block of a model.
    pub lanes: u32,
    /// Bytes up to the end of the footer in force.
    pub bytes: u64,
    /// Bytes after it: what an append that never finished left behind.
    pub torn: u64,
    /// Models in the method table, in order.
    pub methods: Vec<MethodInfo>,
}

/// A model in an archive's method table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MethodInfo {
    /// The model.
    pub id: ModelId,
    /// Whether the archive holds the model itself.
    pub embedded: bool,
}

/// What a writer wrote: the part since it was opened, where it appended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Images written.
    pub images: u64,
    /// Blocks written.
    pub blocks: u64,
    /// Blocks of them without any model.
    pub blocks_without_model: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Length of the whole archive in bytes.
    pub archive_bytes: u64,
    /// Bytes of names, opaque files and embedded models, with all that surrounds them.
    pub side_bytes: u64,
    /// Information of all latent symbols. What the coder's intervals became smaller by, rounding
    /// included: up to 2⁻¹⁵ bit a symbol more than the symbols' information.
    pub latent_bits: Bits,
    /// Information of all residual symbols.
    pub residual_bits: Bits,
}
