//! Integer probabilities and the range coder (SPEC.md section 7).

mod bits;
mod range;
mod softmax;

pub use bits::Bits;
pub(crate) use range::{Decoder, Encoder};
pub(crate) use softmax::{Distribution, Interval, LOGIT_FRAC};
