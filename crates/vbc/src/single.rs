//! More about single-image files than [`encode`](crate::encode) and [`decode`](crate::decode).

pub use crate::decoder::{SingleInfo, decode_into, inspect, latent, preview};
pub use crate::encoder::encode_into;
