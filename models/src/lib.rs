//! Trained models of the Virtual Bottleneck Codec, as bytes and nothing else.
//!
//! Each entry is a safetensors file as SPEC.md section 9 describes it. Which data a model was
//! trained on, with which command and to which figures, stands in `MODELS.toml` beside this crate.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

/// One embedded model file.
#[derive(Clone, Copy, Debug)]
pub struct Embedded {
    /// Short name, as in `MODELS.toml`.
    pub name: &'static str,
    /// The safetensors file.
    pub bytes: &'static [u8],
}

/// Every model whose feature is on, in a fixed order.
pub const EMBEDDED: &[Embedded] = &[
    #[cfg(feature = "mnist")]
    Embedded { name: "mnist-x8", bytes: include_bytes!("../mnist-x8.safetensors") },
    #[cfg(feature = "fashion")]
    Embedded { name: "fashion-x8", bytes: include_bytes!("../fashion-x8.safetensors") },
];
