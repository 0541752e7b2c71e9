//! The bytes of vbc's two kinds of file, apart from any reading or writing.
//!
//! Each module is one structure of the format: a type with an `encode` and one fallible `decode`
//! that refuses whatever the format does not allow.

pub(crate) mod block;
pub(crate) mod bytes;
pub(crate) mod choose;
pub(crate) mod file;
pub(crate) mod footer;
pub(crate) mod header;
pub(crate) mod index;
pub(crate) mod method;
pub(crate) mod names;
pub(crate) mod pack;
pub(crate) mod section;
pub(crate) mod single;

/// Version of the format that this crate writes, and the only one that it reads.
pub(crate) const VERSION: u8 = 1;
/// Most bytes of a name.
pub(crate) const MAX_NAME: usize = 4096;
/// Most coder lanes of a block.
pub(crate) const MAX_LANES: u16 = 64;
/// Most images of a block.
pub(crate) const MAX_BLOCK_IMAGES: u32 = 1 << 16;
/// Blocks that a full page of the index lists.
pub(crate) const PAGE_BLOCKS: usize = 1024;
/// Most entries of a method table, generic and raw included.
pub(crate) const MAX_METHODS: usize = 1024;

/// Index of the untrained coder in every method table.
pub(crate) const GENERIC: u64 = 0;
/// Index of the raw bytes in every method table.
pub(crate) const RAW: u64 = 1;
/// Index of the first entry that a METHOD section adds.
pub(crate) const FIRST_MODEL: u64 = 2;
