//! What a caller lets a file ask for (SPEC.md section 11).

use crate::error::Error;

/// Bounds on what decoding (and encoding) may take. All of them are strict: a file that asks for
/// more is refused with [`Error::Limit`] before anything is allocated for it.
///
/// ```
/// let mut limits = vbc::Limits::default();
/// limits.pixels = 1 << 20;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Pixels of one image (width × height); default 2²⁸.
    pub pixels: u64,
    /// Images of one archive; default 2³⁶.
    pub images: u64,
    /// Bytes of decoded data held at once for one block or one opaque file; the same again for
    /// what decoding works with beside it, and for any one section read into memory; default
    /// 1 GiB.
    pub memory: u64,
    /// Bytes of one model file; default 64 MiB.
    pub model_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { pixels: 1 << 28, images: 1 << 36, memory: 1 << 30, model_bytes: 64 << 20 }
    }
}

impl Limits {
    /// No bounds at all: only for files that you wrote yourself.
    pub fn no_limits() -> Self {
        Limits { pixels: u64::MAX, images: u64::MAX, memory: u64::MAX, model_bytes: u64::MAX }
    }

    pub(crate) fn check(what: &'static str, found: u64, limit: u64) -> Result<(), Error> {
        if found > limit { Err(Error::Limit { what, found, limit }) } else { Ok(()) }
    }
}
