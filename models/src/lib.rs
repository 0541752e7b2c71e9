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
    /// The model's id, BLAKE3 over SPEC.md's canonical serialisation of the file (section 9.3).
    pub id: [u8; 32],
    /// Width and height of the grey 8-bit images that it codes.
    pub size: (u32, u32),
    /// Integers in the latent of an image.
    pub latent_len: usize,
    /// The safetensors file.
    pub bytes: &'static [u8],
}

/// Every model whose feature is on, in a fixed order.
pub const EMBEDDED: &[Embedded] = &[
    #[cfg(feature = "mnist")]
    Embedded {
        name: "mnist-x8",
        id: id(b"3131076c1a993c77be5b7c4820efd2fe1ea6fe16684f01ea72c889ebeae9ab67"),
        size: (28, 28),
        latent_len: 98,
        bytes: include_bytes!("../mnist-x8.safetensors"),
    },
    #[cfg(feature = "fashion")]
    Embedded {
        name: "fashion-x8",
        id: id(b"5a51a2a447310f8364f959b3a66675b02b45aef87b1b0ec7b7d0ddea8c6e4654"),
        size: (28, 28),
        latent_len: 98,
        bytes: include_bytes!("../fashion-x8.safetensors"),
    },
];

/// 64 hexadecimal digits as bytes.
const fn id(digits: &[u8; 64]) -> [u8; 32] {
    const fn value(digit: u8) -> u8 {
        match digit {
            b'0'..=b'9' => digit - b'0',
            _ => digit - b'a' + 10,
        }
    }
    let mut id = [0; 32];
    let mut k = 0;
    while k < id.len() {
        id[k] = value(digits[2 * k]) << 4 | value(digits[2 * k + 1]);
        k += 1;
    }
    id
}
