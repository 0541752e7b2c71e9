//! Integer probabilities and the range coder (SPEC.md section 7).

mod bits;
mod intervals;
mod range;
mod softmax;

pub use bits::Bits;
pub(crate) use intervals::intervals;
pub(crate) use range::{Decoder, Encoder};
pub(crate) use softmax::{Distribution, Interval, LOGIT_FRAC};
