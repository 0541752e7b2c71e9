//! The symbols of images that are encoded one at a time, in the order of their streams (SPEC.md 6.6, 6.9.4).

use super::lockstep::Coder;
use crate::entropy::Interval;

/// What is coded of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing: it can be no ink.
    Nothing,
    /// Without ink near, by a table: blank is one symbol, ink three.
    Plain,
    PlainInk,
    /// By the network: one symbol, or three.
    Context,
    ContextInk,
}

/// The symbols of one image.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// `[position]`.
    pub steps: Vec<Step>,
    pub symbols: Vec<Interval>,
}

/// When the nibbles of plain ink are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlainInk {
    /// At once.
    Whole,
    /// Before those of the position's other ink: first all high ones.
    WithOthers,
}

/// Where a symbol stands among those of its position: what is coded of one position comes in this many groups, in
/// each of them image after image.
const GROUPS: usize = 6;

impl Step {
    /// The groups of the symbols.
    #[inline(always)]
    fn groups(self, plain_ink: PlainInk) -> &'static [usize] {
        match (self, plain_ink) {
            (Step::Nothing, _) => &[],
            (Step::Plain, _) => &[0],
            (Step::PlainInk, PlainInk::Whole) => &[0, 0, 0],
            (Step::PlainInk, PlainInk::WithOthers) => &[0, 2, 4],
            (Step::Context, _) => &[1],
            (Step::ContextInk, _) => &[1, 3, 5],
        }
    }
}

/// Buffers of [`put`].
#[derive(Debug, Default)]
pub(crate) struct InOrder {
    /// How many symbols each group of each position has, then where its next one goes.
    places: Vec<[u32; GROUPS]>,
    of_lanes: Vec<Vec<Interval>>,
}

/// Writes the symbols of images, position-major, those of image i with coder `lanes[i]`.
pub(crate) fn put<C: Coder>(
    images: &[Written],
    plain_ink: PlainInk,
    (lanes, coders): (&[usize], &mut [C]),
    buffers: &mut InOrder,
) {
    let InOrder { places, of_lanes } = buffers;
    of_lanes.resize_with(coders.len(), Vec::new);
    for (lane, out) in of_lanes.iter_mut().enumerate() {
        let all = images.iter().zip(lanes);
        in_order(all.filter(|of| *of.1 == lane).map(|of| of.0), plain_ink, places, out);
    }
    C::put_all(coders, of_lanes);
}

/// The symbols of a lane's images. Each image's are put where they belong at once, so that an image is gone through
/// from beginning to end, and not one position of all images after the other.
fn in_order<'a>(
    images: impl Iterator<Item = &'a Written> + Clone,
    plain_ink: PlainInk,
    places: &mut Vec<[u32; GROUPS]>,
    out: &mut Vec<Interval>,
) {
    let positions = images.clone().map(|image| image.steps.len()).max().unwrap_or(0);
    places.clear();
    places.resize(positions, [0; GROUPS]);
    for image in images.clone() {
        for (counts, step) in places.iter_mut().zip(&image.steps) {
            step.groups(plain_ink).iter().for_each(|&group| counts[group] += 1);
        }
    }
    let mut len = 0;
    for place in places.as_flattened_mut() {
        len += std::mem::replace(place, len);
    }
    out.resize(len as usize, Interval::default());
    for image in images {
        let mut symbols = image.symbols.iter();
        for (places, step) in places.iter_mut().zip(&image.steps) {
            for (&group, symbol) in step.groups(plain_ink).iter().zip(symbols.by_ref()) {
                out[places[group] as usize] = *symbol;
                places[group] += 1;
            }
        }
    }
}
