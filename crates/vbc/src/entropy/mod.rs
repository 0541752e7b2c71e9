//! Integer probabilities and the range coder (SPEC.md section 7).

mod bits;

pub use bits::Bits;
