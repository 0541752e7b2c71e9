//! The latent: what the virtual bottleneck keeps of y = f(x) (SPEC.md sections 5.3 and 6.1).

mod bottleneck;
mod parity;
mod prior;
mod quantise;

pub(crate) use bottleneck::{Bottleneck, Nvb, Rvb};
pub(crate) use parity::Parities;
#[cfg(feature = "training")]
pub(crate) use prior::LATENT_FRAC;
pub(crate) use prior::{LATENT_INPUT_MAX, Prior, masks};
pub(crate) use quantise::{AS_NEAR, Second, Steps};
