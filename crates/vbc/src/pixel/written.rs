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
#[derive(Debug)]
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

/// Writes the symbols of images, position-major, those of image i with coder `lanes[i]`.
pub(crate) fn put<C: Coder>(
    images: &[Written],
    plain_ink: PlainInk,
    lanes: &[usize],
    coders: &mut [C],
) {
    let positions = images.iter().map(|image| image.steps.len()).max().unwrap_or(0);
    let mut rest: Vec<&[Interval]> = images.iter().map(|image| &image.symbols[..]).collect();
    let mut of_lanes: Vec<Vec<Interval>> = coders.iter().map(|_| Vec::new()).collect();
    let mut put = |i: usize, count: usize| {
        let (now, later) = rest[i].split_at(count);
        rest[i] = later;
        of_lanes[lanes[i]].extend_from_slice(now);
    };
    let (mut plain, mut context, mut inked) = (Vec::new(), Vec::new(), Vec::new());
    for position in 0..positions {
        plain.clear();
        context.clear();
        inked.clear();
        for (i, image) in images.iter().enumerate() {
            match image.steps[position] {
                Step::Nothing => {}
                Step::Plain => put(i, 1),
                Step::PlainInk if plain_ink == PlainInk::Whole => put(i, 3),
                Step::PlainInk => {
                    put(i, 1);
                    plain.push(i);
                }
                Step::Context => context.push(i),
                Step::ContextInk => {
                    context.push(i);
                    inked.push(i);
                }
            }
        }
        context.iter().for_each(|&i| put(i, 1));
        for _high_then_low in 0..2 {
            plain.iter().chain(&inked).for_each(|&i| put(i, 1));
        }
    }
    C::put_all(coders, &of_lanes);
}
