//! The pixel model: p(x | z) one pixel at a time, in raster order (SPEC.md section 6).
//!
//! Two tempos. The *row part* reads only what is known before a row begins: completed rows, the
//! preview x̂, the latent, the position, and the image's statistics at the end of the row above. The
//! *pixel part* adds what the current row has shown so far. Both are one network; the cut lets an
//! engine compute the row part for a whole row, and many images, at once.

mod blank;
mod by_nibble;
mod candidates;
mod counts;
mod gated;
mod geometry;
mod head;
mod ink;
mod ink_layers;
mod inputs;
mod lockstep;
mod network;
mod state;
mod values;
mod whole;
mod written;

pub(crate) use blank::Blank;
pub(crate) use by_nibble::ByNibble;
pub(crate) use geometry::Reach;
pub(crate) use head::{Head, HeadTables};
pub(crate) use ink::Ink;
pub(crate) use inputs::{INPUT_FRAC, Layout, log_count};
pub(crate) use lockstep::{Coder, Lockstep};
pub(crate) use network::{Layers, PixelModel, grown, image_terms};
pub(crate) use state::ImageState;
pub(crate) use whole::write;
pub(crate) use written::{InOrder, PlainInk, Step, Written, put};

#[cfg(feature = "training")]
pub(crate) use blank::PREVIEW_CLASSES;
#[cfg(feature = "training")]
pub(crate) use geometry::PATCH_FAR;
#[cfg(feature = "training")]
pub(crate) use head::{high_features, low_features};
#[cfg(feature = "training")]
pub(crate) use inputs::{COPIES, ONE, PATCH_FIRST, PIXEL_DENSE, ROW_DENSE};
