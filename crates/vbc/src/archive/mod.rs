//! Archives: many images in one file, each readable without the others.
//!
//! [`ArchiveWriter`] writes to anything that takes bytes, [`Archive`] reads from anything that
//! seeks, and [`ArchiveCore`] reads without doing any I/O itself.

mod blocks;
mod core;
mod costs;
mod files;
mod first;
mod images;
mod info;
mod ordered;
mod reader;
mod rebuild;
mod salvage;
mod scan;
mod storage;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub use self::core::{ArchiveCore, Need};
pub use costs::{Costs, MethodCost, MethodUsed};
pub use files::{FileEntry, FileKind};
pub use images::{Images, NamedImage};
pub use info::{ArchiveInfo, MethodInfo, Summary};
pub use reader::Archive;
pub use rebuild::rebuild_index;
pub use salvage::{Damage, salvage};
pub use storage::Storage;
pub use writer::ArchiveWriter;
