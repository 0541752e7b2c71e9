//! Trained models: integer tensors, their identity, and the registry of those at hand.

mod registry;

pub(crate) use registry::load;
pub use registry::{RegisteredModel, Registry};

use std::fmt;

/// Identity of a model: BLAKE3 over SPEC.md's canonical serialisation, or its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelId {
    bytes: [u8; 32],
    len: u8,
}

impl ModelId {
    /// A whole id.
    pub fn full(bytes: [u8; 32]) -> Self {
        ModelId { bytes, len: 32 }
    }

    /// The first 4 bytes of an id, as a single image holds them.
    pub(crate) fn short(prefix: [u8; 4]) -> Self {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&prefix);
        ModelId { bytes, len: 4 }
    }

    /// The bytes that are known: 32 or 4.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Whether one of the two ids is the beginning of the other.
    pub fn matches(&self, other: &ModelId) -> bool {
        let n = usize::from(self.len.min(other.len));
        self.bytes[..n] == other.bytes[..n]
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModelId({self})")
    }
}
