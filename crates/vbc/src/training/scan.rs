//! Scans as their network and its table see them, and their exact code lengths.

use crate::bitmap::{
    self, History, INPUTS, PLAIN_CONTEXTS, pixel_inputs, plain_context, point_inputs, row_inputs,
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
/// Inputs behind them of a model with a latent.
pub const POINT_INPUTS: usize = bitmap::POINT_INPUTS;
/// Degrees of grey of x̂.
pub const GREYS: usize = bitmap::GREYS as usize;
/// Inputs at the beginning that are patterns of eight pixels.
pub const PATTERN_INPUTS: usize = bitmap::PATTERN_INPUTS;
/// Contexts of the table.
pub const SCAN_CONTEXTS: usize = PLAIN_CONTEXTS;

/// One pixel of a scan.
#[derive(Clone, Debug)]
pub enum ScanPixel<'a> {
    /// Its neighbours are of one colour: a table codes it.
    Plain {
        /// Context, below [`SCAN_CONTEXTS`].
        context: usize,
        /// Grey of x̂, below [`GREYS`]; 0 without a latent.
        grey: usize,
        /// The pixel.
        black: bool,
    },
    /// The network codes it.
    Active {
        /// Places of the inputs that are 1, as many for every pixel.
        ones: &'a [u32],
        /// The pixel.
        black: bool,
    },
}

/// Calls `sink` for the pixels of a scan in raster order. `wanted` is asked before the work of an
/// active pixel is done.
pub fn walk(
    scan: &Scan,
    x_hat: Option<&[u8; PIXELS]>,
    mut wanted: impl FnMut() -> bool,
    mut sink: impl FnMut(ScanPixel),
) {
    let mut h = History::new(scan.side(), x_hat);
    let mut ones = Vec::new();
    for row in scan.rows() {
        let of_row = row_inputs(&h);
        for x in 0..scan.side() {
            let black = row >> x & 1 == 1;
            match h.near(x) {
                Some(colour) => sink(ScanPixel::Plain {
                    context: plain_context(&h, x, colour),
                    grey: h.grey(x),
                    black,
                }),
                None if wanted() => {
                    ones.clear();
                    ones.extend(of_row.into_iter().chain(pixel_inputs(&h, x)));
                    ones.extend(point_inputs(&h, x).into_iter().flatten());
                    sink(ScanPixel::Active { ones: &ones, black });
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
/// `block` images. `previews` are the images' x̂, empty for a model without a latent.
///
/// # Errors
/// [`Error::Input`] for a model without scans, or if decoding gives others; those of the decoder.
pub fn measure_scans(
    model: &Model,
    previews: &[[u8; PIXELS]],
    solved: &[Option<Solved>],
    block: usize,
) -> Result<Bits, Error> {
    let scans = model.scans().ok_or_else(|| Error::Input("the model codes no scans".into()))?;
    let mut total = Bits::default();
    for (k, solved) in solved.chunks(block).enumerate() {
        let previews = previews.chunks(block).nth(k).unwrap_or_default();
        let mut encoder = [Encoder::new()];
        bitmap::code(scans, &mut encoder, previews, solved);
        let [encoder] = encoder;
        total += encoder.bits();
        let bytes = encoder.finish();
        let mut decoder = [Decoder::new(&bytes)];
        let back = bitmap::code(scans, &mut decoder, previews, &vec![None; solved.len()]);
        let [decoder] = decoder;
        decoder.finish(Place::of(Section::Residual))?;
        if back != solved {
            return Err(Error::Input("decoding gave other scans".into()));
        }
    }
    Ok(total)
}
