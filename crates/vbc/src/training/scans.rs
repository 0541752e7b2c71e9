//! Scans as their network and its table see them, and their exact code lengths.

use crate::bitmap::{
    self, History, INPUTS, PIXEL_INPUTS, PLAIN_CONTEXTS, ROW_INPUTS, near_colour, pixel_inputs,
    plain_context, row_inputs,
};
use crate::entropy::{Bits, Decoder, Encoder};
use crate::error::{Error, Place, Section};
use crate::model::Model;

pub use crate::model::WORTH as MOST_CORRECTIONS;
pub use crate::scan::{
    Effort, IMAGE, MAX_SIDE, MIN_SIDE, PIXELS, Record, Scan, Solved, learn_costs, may_be_scan,
    solve,
};

/// Inputs of the network, each 0 or 1.
pub const SCAN_INPUTS: usize = INPUTS;
/// How many of them are 1 for a pixel.
pub const SCAN_ONES: usize = ROW_INPUTS + PIXEL_INPUTS;
/// Inputs at the beginning that are patterns of eight pixels.
pub const PATTERN_INPUTS: usize = bitmap::PATTERN_INPUTS;
/// Contexts of the table.
pub const SCAN_CONTEXTS: usize = PLAIN_CONTEXTS;

/// One pixel of a scan.
#[derive(Clone, Debug)]
pub enum ScanPixel {
    /// Its neighbours are of one colour: a table codes it.
    Plain {
        /// Context, below [`SCAN_CONTEXTS`].
        context: usize,
        /// The pixel.
        black: bool,
    },
    /// The network codes it.
    Active {
        /// Places of the inputs that are 1, below [`SCAN_INPUTS`].
        ones: [u32; SCAN_ONES],
        /// The pixel.
        black: bool,
    },
}

/// Calls `sink` for the pixels of a scan in raster order. `wanted` is asked before the work of an
/// active pixel is done.
pub fn walk(scan: &Scan, mut wanted: impl FnMut() -> bool, mut sink: impl FnMut(ScanPixel)) {
    let mut h = History::new(scan.side());
    let mut ones = [0; SCAN_ONES];
    for row in scan.rows() {
        ones[..ROW_INPUTS].copy_from_slice(&row_inputs(&h));
        for x in 0..scan.side() {
            let black = row >> x & 1 == 1;
            match near_colour(&h, x) {
                Some(colour) => {
                    sink(ScanPixel::Plain { context: plain_context(&h, x, colour), black })
                }
                None if wanted() => {
                    ones[ROW_INPUTS..].copy_from_slice(&pixel_inputs(&h, x));
                    sink(ScanPixel::Active { ones, black });
                }
                None => (),
            }
            if black {
                h.add(x);
            }
        }
        h.end_row();
    }
}

/// Exact code length of scans under a model, with what says which images have one, coded in blocks of
/// `block` images.
///
/// # Errors
/// [`Error::Input`] for a model without scans, or if decoding gives others; those of the decoder.
pub fn measure_scans(
    model: &Model,
    solved: &[Option<Solved>],
    block: usize,
) -> Result<Bits, Error> {
    let scans = model.scans().ok_or_else(|| Error::Input("the model codes no scans".into()))?;
    let mut total = Bits::default();
    for solved in solved.chunks(block) {
        let mut encoder = [Encoder::new()];
        bitmap::code(scans, &mut encoder, solved);
        let [encoder] = encoder;
        total += encoder.bits();
        let bytes = encoder.finish();
        let mut decoder = [Decoder::new(&bytes)];
        let back = bitmap::code(scans, &mut decoder, &vec![None; solved.len()]);
        let [decoder] = decoder;
        decoder.finish(Place::of(Section::Residual))?;
        if back != solved {
            return Err(Error::Input("decoding gave other scans".into()));
        }
    }
    Ok(total)
}
