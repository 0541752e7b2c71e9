//! Trained models of the Virtual Bottleneck Codec, as bytes and nothing else.
//!
//! Each entry is a safetensors file as SPEC.md section 9 describes it. Which data a model was
//! trained on, with which command and to which figures, stands in `MODELS.toml` beside this crate.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

/// Which speed a model is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The fastest.
    Fast,
    /// Smaller files at half the speed.
    Default,
}

/// One embedded model file.
#[derive(Clone, Copy, Debug)]
pub struct Embedded {
    /// Short name, as in `MODELS.toml`.
    pub name: &'static str,
    /// The speed that it is made for.
    pub level: Level,
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
        level: Level::Default,
        id: id(b"beeadf6dd5522bfe8827da830c6246d06e4739024e252c8b5e27d98a99d39994"),
        size: (28, 28),
        latent_len: 98,
        bytes: include_bytes!("../mnist-x8.safetensors"),
    },
    #[cfg(feature = "mnist")]
    Embedded {
        name: "mnist-x8-fast",
        level: Level::Fast,
        id: id(b"0fc3441255f01adf75e74c45af52e3efc7074ad7322ef19b8afcd8deb551b0ee"),
        size: (28, 28),
        latent_len: 98,
        bytes: include_bytes!("../mnist-x8-fast.safetensors"),
    },
    #[cfg(feature = "fashion")]
    Embedded {
        name: "fashion-x8",
        level: Level::Default,
        id: id(b"2d2b3ee6dcc06f5f4369668aa2695fc34ff38f66cefc4ca0fd092e8a9e69cdcd"),
        size: (28, 28),
        latent_len: 98,
        bytes: include_bytes!("../fashion-x8.safetensors"),
    },
    #[cfg(feature = "fashion")]
    Embedded {
        name: "fashion-x8-fast",
        level: Level::Fast,
        id: id(b"3bc388d244d68004902dd0ee845a693cd20cc15c41eba5ed750960b356c647b9"),
        size: (28, 28),
        latent_len: 98,
        bytes: include_bytes!("../fashion-x8-fast.safetensors"),
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
