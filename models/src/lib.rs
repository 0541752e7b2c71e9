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
    /// Smaller files at half to four fifths of the speed.
    Default,
    /// The smallest files.
    Best,
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
        id: id(b"8355a00db7140f716e020fadb81e085f2c50b41e7b9353d25f1c99fc6681fb0b"),
        size: (28, 28),
        latent_len: 98,
        bytes: include_bytes!("../mnist-x8.safetensors"),
    },
    #[cfg(feature = "mnist")]
    Embedded {
        name: "mnist-x8-fast",
        level: Level::Fast,
        id: id(b"ddf4ff9929e81285fec4441333d894b916e78c4707cee29667235839d8e35f7d"),
        size: (28, 28),
        latent_len: 98,
        bytes: include_bytes!("../mnist-x8-fast.safetensors"),
    },
    #[cfg(feature = "mnist-best")]
    Embedded {
        name: "mnist-x8-best",
        level: Level::Best,
        id: id(b"ccacc0dd08ea26f6dad7e816650f810dc8bafc4a32a7df22ed51478869d987cb"),
        size: (28, 28),
        latent_len: 98,
        bytes: include_bytes!("../mnist-x8-best.safetensors"),
    },
    #[cfg(feature = "mnist-best")]
    Embedded {
        name: "mnist-best",
        level: Level::Best,
        id: id(b"150db232b96cc81ddd7db28f264948717cb450a5c6e4ea18ea059f6f6ddbecfd"),
        size: (28, 28),
        latent_len: 0,
        bytes: include_bytes!("../mnist-best.safetensors"),
    },
    #[cfg(feature = "fashion")]
    Embedded {
        name: "fashion-x8",
        level: Level::Default,
        id: id(b"3870b4e9fb636fd7b969495d2b9dd36eeec016247f0d0858133b115707d08053"),
        size: (28, 28),
        latent_len: 98,
        bytes: include_bytes!("../fashion-x8.safetensors"),
    },
    #[cfg(feature = "fashion")]
    Embedded {
        name: "fashion-x8-fast",
        level: Level::Fast,
        id: id(b"c492bd8ffd85a10f0352f516c400d220bcaabc7d0aea04095e1d45decd9d9ae3"),
        size: (28, 28),
        latent_len: 98,
        bytes: include_bytes!("../fashion-x8-fast.safetensors"),
    },
    #[cfg(feature = "fashion-best")]
    Embedded {
        name: "fashion-x8-best",
        level: Level::Best,
        id: id(b"b484836050a6c4ca4a5e66fd33747f2eccfc9da224ce59b09fd0f567d20380dc"),
        size: (28, 28),
        latent_len: 98,
        bytes: include_bytes!("../fashion-x8-best.safetensors"),
    },
];

/// 64 hexadecimal digits as bytes.
#[allow(dead_code, reason = "without any model's feature")]
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
