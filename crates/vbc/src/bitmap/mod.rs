//! The pixels of scans: black or white, one at a time, in raster order (SPEC.md section 6.7).
//!
//! As in [`pixel`](crate::pixel), a small network codes the pixels near an edge, and a table those
//! whose neighbours are all of one colour. The network's first layer only adds up rows of a table:
//! each of its inputs is the number of one of a few things, such as eight neighbours' colours or
//! the length of a run.

mod history;
mod inputs;
mod lockstep;
mod network;
mod places;
mod plain;
mod preview;
mod runs;
mod window;

pub(crate) use lockstep::code;
pub(crate) use network::{BitmapModel, Layers};

#[cfg(feature = "training")]
pub(crate) use history::History;
#[cfg(feature = "training")]
pub(crate) use inputs::{INPUTS, POINT_INPUTS, pixel_inputs, point_inputs, row_inputs};
#[cfg(feature = "training")]
pub(crate) use plain::{PLAIN_CONTEXTS, plain_context};
#[cfg(feature = "training")]
pub(crate) use preview::GREYS;
#[cfg(feature = "training")]
pub(crate) use window::PATTERN_INPUTS;
