//! Encoding one image at a time: its pixels are all known, so that many positions are one product (SPEC.md 6.3,
//! 6.6).
//!
//! First everything that the network is told of the positions, and what it makes of that; then the heads, whose
//! counts grow with each pixel; at last the symbols of all images in the order of their streams. The
//! integers are those of [`Lockstep::code`](super::Lockstep::code), and so are the bytes.

use fearless_simd::dispatch;

use super::counts::Counts;
use super::gated::Seen;
use super::ink_layers::InkLayers;
use super::inputs::{COPIES, PIXEL_DENSE, PIXEL_HOT, ROW_DENSE, ROW_HOT};
use super::lockstep::Coder;
use super::network::{InputRows, PixelModel, grown};
use super::state::ImageState;
use super::written::{InOrder, PlainInk, Step, Written, put};
use crate::entropy::{Interval, intervals};
use crate::grid::Placed;
use crate::nn::as_quads;

/// Codes all pixels of images as [`Lockstep::code`](super::Lockstep::code) does, those of image i with coder
/// `lanes[i]`. `given` are x̂ and grids; `terms` are the images' [`PixelModel::image_terms`], and `pixels(i)` the
/// pixels of image i.
pub(crate) fn write<'p, C: Coder>(
    model: &PixelModel,
    (given, terms): (impl Iterator<Item = (&'p [u8], Option<Placed>)>, &[i32]),
    (lanes, coders): (&[usize], &mut [C]),
    pixels: impl Fn(usize) -> &'p [u8],
) {
    let (mut whole, stride) = (WholeImage::new(model), model.layers.row.start().len());
    let (width, height) = (model.layout.width(), model.layout.height());
    // One for all images, so that it stays in a near cache.
    let mut last: Option<ImageState> = None;
    let each = given.zip(terms.chunks_exact(stride)).enumerate();
    let mut images: Vec<Written> = Vec::with_capacity(lanes.len());
    for (i, ((preview, grid), terms)) in each {
        let mut state = match last.take() {
            Some(state) => state.renewed(preview),
            None => ImageState::new(width, height, model.reach, preview),
        };
        state.grid = grid;
        images.push(whole.written(&mut state, terms, pixels(i)));
        last = Some(state);
    }
    put(&images, PlainInk::Whole, (lanes, coders), &mut InOrder::default());
}

/// A pixel that is ink.
#[derive(Clone, Copy, Debug)]
struct InkPixel {
    y: usize,
    x: usize,
    value: u8,
    /// Its row among those of the evaluations; none without context.
    row: Option<usize>,
}

/// Positions that are evaluated at a time: few enough for the nearest cache.
const BATCH: usize = 32;

/// Buffers of one image.
#[derive(Debug)]
struct WholeImage<'a> {
    model: &'a PixelModel,
    batch: Batch,
    /// The pixel layer's activations of all positions with context, and their copies' values.
    pixel: Vec<u8>,
    copies: Vec<[u8; COPIES]>,
    /// The symbols of the pixels without context.
    plain: Vec<Interval>,
    /// All ink, and the rows of that with context.
    ink: Vec<InkPixel>,
    rows: Vec<usize>,
    layers: InkLayers,
    counts: Counts,
    seen: Seen,
    /// Both nibbles of ink with context.
    nibbles: [Vec<u8>; 2],
    /// Which row of the low nibbles' accumulators is whose.
    places: Vec<usize>,
    /// Of these.
    logits: [Vec<[i32; 16]>; 2],
    values: [Vec<Interval>; 2],
}

/// Positions that are to be evaluated together.
#[derive(Debug, Default)]
struct Batch {
    row_inputs: InputRows<ROW_DENSE, ROW_HOT>,
    pixel_inputs: InputRows<PIXEL_DENSE, PIXEL_HOT>,
    /// What the row part's sums of the image's rows begin with, and which of these is each position's.
    starts: Vec<i32>,
    lines: Vec<usize>,
    acc: Vec<i32>,
    columns: Vec<i32>,
    bytes: Vec<u8>,
}

impl Batch {
    /// Makes what the row part's sums of the state's row begin with; its number.
    fn start_line(&mut self, model: &PixelModel, s: &ImageState, terms: &[i32]) -> usize {
        let number = self.starts.len() / terms.len();
        let line = model.layout.line(s);
        model.row.push_start(&model.layers.row, terms, &line, &mut self.starts);
        number
    }

    /// Adds the pixel layer's activations of the positions to `pixel`, and forgets them.
    fn evaluate(&mut self, model: &PixelModel, pixel: &mut Vec<u8>) {
        let Batch { row_inputs, pixel_inputs, starts, lines, acc, columns, bytes } = self;
        let (row, layer, count) = (&model.layers.row, &model.layers.pixel, row_inputs.len());
        let (stride, padded) = (row.start().len(), model.row_vector.padded());
        let start = |k: usize| &starts[lines[k] * stride..][..stride];
        model.row.sums(row, row_inputs, start, acc);
        row.relu(&acc[..count * stride], bytes);
        let columns = grown(columns, count * padded);
        let vectors = as_quads(&bytes[..count * row.row_bytes()]);
        model.row_vector.product_from(layer.start(), vectors, columns);
        model.pixel.sums(layer, pixel_inputs, |k| &columns[k * padded..(k + 1) * padded], acc);
        layer.relu(&acc[..count * padded], bytes);
        pixel.extend_from_slice(&bytes[..count * layer.row_bytes()]);
        row_inputs.clear();
        pixel_inputs.clear();
        lines.clear();
    }
}

impl<'a> WholeImage<'a> {
    fn new(model: &'a PixelModel) -> Self {
        WholeImage {
            model,
            batch: Batch::default(),
            pixel: Vec::new(),
            copies: Vec::new(),
            plain: Vec::new(),
            ink: Vec::new(),
            rows: Vec::new(),
            layers: InkLayers::default(),
            counts: Counts::new(model.layout.width()),
            seen: Seen::new(model.layers.head.gated(), model.layout.width()),
            nibbles: Default::default(),
            places: Vec::new(),
            logits: Default::default(),
            values: Default::default(),
        }
    }

    /// The symbols of an image of which `s` knows no pixel yet. `terms` are the image's
    /// [`PixelModel::image_terms`].
    fn written(&mut self, s: &mut ImageState, terms: &[i32], pixels: &[u8]) -> Written {
        let mut steps = Vec::with_capacity(pixels.len());
        self.gather(s, terms, pixels, &mut steps);
        self.evaluate_ink(s.grid.as_ref());
        let layers = &self.model.layers;
        let (context, ink) = (self.copies.len(), self.rows.len());
        let mut symbols = Vec::with_capacity(self.plain.len() + context + 2 * ink);
        let mut plain = self.plain.iter().copied();
        let mut activations = self.pixel.chunks_exact(layers.pixel.row_bytes());
        let [high, low] = &self.values;
        let mut values = high.iter().zip(low);
        dispatch!(layers.pixel.level(), _simd => for step in &steps {
            match step {
                Step::Nothing => {}
                Step::Plain => symbols.extend(plain.next()),
                Step::PlainInk => symbols.extend(plain.by_ref().take(3)),
                Step::Context | Step::ContextInk => {
                    let is_ink = *step == Step::ContextInk;
                    let row = activations.next().unwrap_or_default();
                    symbols.push(layers.ink.distribution(row).interval(is_ink.into()));
                    if is_ink {
                        symbols.extend(values.next().into_iter().flat_map(<[&Interval; 2]>::from));
                    }
                }
            }
        });
        Written { steps, symbols }
    }

    /// Goes through the pixels: what the network is told of those with context, and what it makes of that; the
    /// symbols of the others; all ink.
    fn gather(&mut self, s: &mut ImageState, terms: &[i32], pixels: &[u8], steps: &mut Vec<Step>) {
        let WholeImage { model, batch, pixel, copies, plain, ink, .. } = self;
        pixel.clear();
        copies.clear();
        plain.clear();
        ink.clear();
        batch.starts.clear();
        let (layout, blank) = (&model.layout, &model.layers.blank);
        for row in pixels.chunks_exact(layout.width()) {
            let (columns, scalars, mut line) = (s.columns(), layout.scalars(s), None);
            dispatch!(model.layers.pixel.level(), simd => for (x, &value) in row.iter().enumerate() {
                let is_ink = value != 0;
                let mut network_row = None;
                if !columns.contains(&x) {
                    steps.push(Step::Nothing);
                    continue;
                } else if s.has_context(x) {
                    steps.push(if is_ink { Step::ContextInk } else { Step::Context });
                    network_row = Some(copies.len());
                    let line = *line.get_or_insert_with(|| batch.start_line(model, s, terms));
                    batch.lines.push(line);
                    let (dense, hot) = batch.row_inputs.push();
                    *hot = layout.row(simd, s, x, &scalars, dense);
                    let (dense, hot) = batch.pixel_inputs.push();
                    let (places, values) = layout.pixel(s, x, dense);
                    *hot = places;
                    copies.push(values);
                    if batch.row_inputs.len() == BATCH {
                        batch.evaluate(model, pixel);
                    }
                } else {
                    steps.push(if is_ink { Step::PlainInk } else { Step::Plain });
                    plain.push(blank.ink(s, x).interval(is_ink.into()));
                    if is_ink {
                        plain.extend(blank.nibbles(value));
                    }
                }
                if is_ink {
                    ink.push(InkPixel { y: s.y, x, value, row: network_row });
                    s.add_known(x, value);
                }
            });
            s.end_row();
        }
        batch.evaluate(model, pixel);
    }

    /// The intervals of both nibbles of all ink with context.
    fn evaluate_ink(&mut self, grid: Option<&Placed>) {
        let WholeImage {
            model,
            pixel,
            copies,
            ink,
            rows,
            layers,
            counts,
            seen,
            nibbles,
            places,
            ..
        } = self;
        rows.clear();
        rows.extend(ink.iter().filter_map(|ink| ink.row));
        let of_network = || ink.iter().filter(|ink| ink.row.is_some());
        let [highs, lows] = nibbles;
        highs.clear();
        highs.extend(of_network().map(|ink| ink.value >> 4));
        lows.clear();
        lows.extend(of_network().map(|ink| ink.value & 15));
        let count = rows.len();
        layers.high(model, pixel, rows.iter().copied());
        let (order, _) = layers.low(model, highs);
        let places = grown(places, count);
        order.iter().enumerate().for_each(|(at, &k)| places[k] = at);

        let head = &model.layers.head;
        let [high, low] = &mut self.logits;
        let (high, low) = (grown(high, count), grown(low, count));
        counts.clear();
        seen.clear();
        let (mut row_of_ink, mut next) = (0, 0);
        if let Some((grids, grid)) = model.layers.grids.as_ref().zip(grid) {
            grids.side(grid.grid.side.into()).touch();
        }
        dispatch!(model.layers.hidden.level(), simd => {
            for &InkPixel { y, x, value, row } in &*ink {
                if y != row_of_ink {
                    counts.start_row();
                    seen.start_row();
                    row_of_ink = y;
                }
                if let Some(row) = row {
                    let (nibble, copies) = (usize::from(value >> 4), &copies[row]);
                    let table = model.cell_at(grid, y, x);
                    let acc = layers.high_row(model, next);
                    high[next] = head.high(simd, acc, seen, (x, &table[0]), copies);
                    let (acc, cell) = (layers.low_row(model, places[next]), &table[1 + nibble]);
                    low[next] = head.low(simd, nibble, acc, (seen, counts, x), cell, copies);
                    next += 1;
                }
                counts.add(x, value);
                seen.add(head.gated(), counts, x, value);
            }
            let each = [(high, highs), (low, lows)].into_iter().zip(&mut self.values);
            for ((logits, nibbles), values) in each {
                values.resize(count, Interval::default());
                intervals(simd, logits, nibbles, values);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::inputs::{Layout, ONE};
    use super::super::{Blank, Head, HeadTables, Ink, Layers, Lockstep, Reach};
    use super::*;
    use crate::entropy::{Decoder, Encoder};
    use crate::error::{Error, Place};
    use crate::nn::ByteLayer;

    const WIDTH: usize = 11;
    const HEIGHT: usize = 9;

    /// A model without a latent whose weights are any small numbers.
    fn model() -> Result<PixelModel, Error> {
        let mut state = 9u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as i8
        };
        let layout = Layout::new(WIDTH, HEIGHT);
        let mut layer = |inputs: usize, outputs: usize, shift: u8| {
            let weights: Vec<i8> = (0..inputs * outputs).map(|_| next() / 8).collect();
            let bias = vec![300; outputs];
            ByteLayer::new("test", inputs, outputs, &weights, &bias, &vec![shift; outputs])
        };
        // Two gates a table.
        let table = |len: usize| (0..2 * len).map(|k| (k % len * 13 % 400) as i16).collect();
        let tables = HeadTables {
            high_image: table(64 * 17),
            high_column: table(32),
            high_row: table(32),
            low_image: table(64),
            low_column: table(32),
            low_row: table(32),
        };
        let low: Result<Vec<ByteLayer<'static>>, Error> =
            (0..16).map(|_| layer(10, 16 + 6 + COPIES, 2)).collect();
        let layers = Layers {
            image: None,
            row: layer(layout.row_len(), 13, 6)?,
            pixel: layer(13 + layout.pixel_len(), 18, 6)?,
            ink: Ink::new(layer(18, 1, 3)?)?,
            hidden: layer(18, 10, 5)?,
            head: Head::new(layer(10, 16 + 6 + COPIES, 2)?, low?, tables, false)?,
            blank: Blank::new(
                WIDTH * HEIGHT,
                &[-900; 2 * WIDTH * HEIGHT],
                &[150; 9],
                &std::array::from_fn::<i16, 16, _>(|k| 40 * k as i16),
                &[0; 256],
            )?,
            grids: None,
        };
        PixelModel::new(layout, Reach { rows: 2, columns: 2 }, 0, layers)
    }

    proptest! {
        #[test]
        fn an_image_at_a_time_gives_the_bytes_of_lock_step(
            pixels in proptest::collection::vec(
                prop_oneof![6 => Just(0u8), 2 => Just(255), 1 => any::<u8>()], 5 * WIDTH * HEIGHT
            ),
            lanes in 1usize..=4,
        ) {
            let model = model().unwrap();
            let images: Vec<&[u8]> = pixels.chunks_exact(WIDTH * HEIGHT).collect();
            let x_hat = [ONE; WIDTH * HEIGHT];
            let states = || {
                let each = images.iter().map(|_| ImageState::new(WIDTH, HEIGHT, model.reach, &x_hat));
                each.collect::<Vec<_>>()
            };
            let terms = model.image_terms(images.len(), &[]);
            let batch = || Lockstep::new(&model, states(), terms.clone());
            let of: Vec<usize> = (0..images.len()).map(|i| i % lanes).collect();
            let encoders = || (0..lanes).map(|_| Encoder::new()).collect::<Vec<_>>();
            let finished = |coders: Vec<Encoder>| coders.into_iter().map(Encoder::finish).collect();
            let mut coders = encoders();
            batch().code(&of, &mut coders, |i, p| images[i][p]);
            let expected: Vec<Vec<u8>> = finished(coders);
            let mut coders = encoders();
            let given = images.iter().map(|_| (&x_hat[..], None));
            write(&model, (given, &terms), (&of, &mut coders), |i| images[i]);
            let bytes: Vec<Vec<u8>> = finished(coders);
            prop_assert_eq!(&bytes, &expected);
            let mut decoders: Vec<Decoder> = bytes.iter().map(|b| Decoder::new(b)).collect();
            let mut back = batch();
            back.code(&of, &mut decoders, |_, _| 0);
            for (state, image) in back.states.iter().zip(&images) {
                prop_assert_eq!(state.rows().collect::<Vec<_>>().concat(), *image);
            }
            for decoder in decoders {
                prop_assert!(decoder.finish(Place::default()).is_ok());
            }
        }
    }
}
