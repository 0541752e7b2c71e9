//! The identity of a model.

use std::fmt;

use super::file::TensorFile;
use crate::error::Error;

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

/// Metadata that decides coded bits, in the order in which it is hashed.
pub(crate) const HASHED_METADATA: [&str; 7] =
    ["format", "shape", "c", "bottleneck", "null", "slope", "context"];

/// SPEC.md section 9.3: each hashed metadata entry as key, `=`, value and a newline; then each
/// tensor in ascending byte order of its name as name, a zero byte, type byte, rank byte,
/// dimensions as u32, and its little-endian data.
pub(crate) fn identify(file: &TensorFile) -> Result<ModelId, Error> {
    let mut hash = blake3::Hasher::new();
    for key in HASHED_METADATA {
        hash.update(format!("{key}={}\n", file.metadata(key)?).as_bytes());
    }
    for (name, tensor) in file.tensors() {
        hash.update(name.as_bytes());
        hash.update(&[0, tensor.dtype as u8, tensor.shape.len() as u8]);
        for &dim in &tensor.shape {
            hash.update(&dim.to_le_bytes());
        }
        hash.update(tensor.data);
    }
    Ok(ModelId::full(*hash.finalize().as_bytes()))
}
