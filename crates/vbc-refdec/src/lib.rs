//! A slow decoder of the vbc format, written from SPEC.md alone, one module for each of its sections,
//! with nothing of `vbc`.
//! It is an oracle for tests: where the two decoders differ, one of them or the text is wrong.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names are SPEC.md's")]

mod archive;
mod block;
mod cells;
mod container;
mod context;
mod elements;
mod files;
mod flow;
mod grid;
mod head;
mod image;
mod inputs;
mod layer;
mod model;
mod model_file;
mod prior;
mod range_coder;
mod refusal;
mod scan;
mod single;
mod softmax;
mod tensors;
#[cfg(test)]
mod tiny;
mod untrained;

pub use archive::Archive;
pub use container::decode;
pub use image::{Image, Shape};
pub use model::Model;
pub use range_coder::Decoder;
pub use refusal::{Kind, Refusal};
pub use softmax::frequencies;
