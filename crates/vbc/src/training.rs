//! What a trainer must share with the codec: the integer contexts, the integer transform, the
//! measurement of a finished model, and images drawn from one. Present with the feature `training`; no stability promise.

pub mod cells;
mod draw;
pub mod grid;
pub mod scan;

pub use draw::{Drawn, draw, draw_len};

use fearless_simd::dispatch;

use self::grid::{Grid, GridTables};
use crate::coder::BlockCoder;
use crate::entropy::{Bits, Encoder};
use crate::error::Error;
use crate::flow::to_state;
use crate::grid::{Placed, Told};
use crate::latent::Prior;
use crate::model::{Model, Telling, TensorFile, Transform as Parts, build};
use crate::nn::level;
use crate::pixel::{
    COPIES, ImageState, Layout, ONE as INPUT_ONE, PATCH_FAR, Reach, high_features, low_features,
};

/// An activation of 1.0 of the flow and the prior as an integer.
pub const ONE: i32 = 1 << 10;
/// An input of 1.0 of the pixel network as an integer.
pub const BYTE_INPUT_ONE: u8 = INPUT_ONE;
/// An activation of 1.0 of the pixel network as an integer.
pub const BYTE_ONE: i32 = 1 << 5;
/// A flow state of 1.0 (pixel 256) as an integer.
pub const STATE_ONE: i32 = 1 << 12;
/// A latent symbol of 1 as a network input.
pub const LATENT_ONE: i32 = 1 << crate::latent::LATENT_FRAC;
/// A logit of 1 bit as an integer.
pub const LOGIT_ONE: i32 = 1 << 10;
/// An entry of 1.0 of a head's tables as an integer.
pub const TABLE_ONE: i32 = 1 << 8;
/// Dense inputs of the row part, which come before those that are 0 or 1.
pub const ROW_DENSE: usize = crate::pixel::ROW_DENSE;
/// Dense inputs of the pixel part.
pub const PIXEL_DENSE: usize = crate::pixel::PIXEL_DENSE;
/// Number of values that the copy head can take.
pub const COPY_VALUES: usize = COPIES;
/// Classes of x̂ around a pixel without context.
pub const PREVIEW_CLASSES: usize = crate::pixel::PREVIEW_CLASSES;

/// Number of the row part's first input that is a point of x̂; the others follow it in the order of
/// [`patch_offsets`]. Such an input is the grey value / 128, and 0 outside the image.
pub const PATCH_FIRST: usize = crate::pixel::PATCH_FIRST;

/// Rows down and columns to the right from a pixel to each point of x̂ among its inputs.
pub fn patch_offsets() -> impl Iterator<Item = (i32, i32)> {
    (-2..=2).flat_map(|dy| (-2..=2).map(move |dx| (dy, dx))).chain(PATCH_FAR)
}

/// Inputs of a part of the network at one position: the dense ones, in units of 1 /
/// [`BYTE_INPUT_ONE`], then the places, among all inputs, of those that are 1.0.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The first inputs.
    pub dense: &'a [u8],
    /// Places of ones behind them; those beyond the last input mean nothing.
    pub ones: &'a [usize],
}

/// One pixel as the pixel model sees it.
#[derive(Debug)]
pub enum Sample<'a> {
    /// The window is blank: a table codes it.
    Blank {
        /// Position in raster order.
        position: usize,
        /// Whether the image has shown ink.
        has_ink: bool,
        /// Class of x̂ around the pixel, below [`PREVIEW_CLASSES`].
        class: usize,
        /// The pixel.
        target: u8,
    },
    /// The network codes it.
    Active {
        /// Position in raster order.
        position: usize,
        /// The pixel.
        target: u8,
        /// Inputs of the row part.
        row: Inputs<'a>,
        /// Inputs of the pixel part.
        pixel: Inputs<'a>,
        /// Values of the copy head, 0 for none.
        copies: [u8; COPY_VALUES],
        /// Table indices of the high nibble's features.
        high: [[u8; 4]; 16],
        /// Table indices of the low nibble's features, the high one being known.
        low: [[u8; 3]; 16],
    },
}

/// Makes [`Sample`]s of images of one size.
#[derive(Debug)]
pub struct Contexts {
    width: usize,
    height: usize,
    layout: Layout,
    reach: Reach,
    grids: Option<GridTables>,
}

impl Contexts {
    /// Contexts of images of `width` × `height` grey pixels, with ink looked for in `reach`: rows and
    /// columns. `None` where that is farther than the window.
    pub fn new(width: usize, height: usize, [rows, columns]: [usize; 2]) -> Option<Self> {
        let reach = Reach::parse(&format!("{rows}x{columns}"))?;
        let layout = Layout::new(width, height);
        Some(Contexts { width, height, layout, reach, grids: None })
    }

    /// With inputs for grids.
    pub fn with_grids(self, grids: GridTables) -> Self {
        let layout = self.layout.with_grids(grids.0.classes());
        Contexts { layout, grids: Some(grids), ..self }
    }

    /// The reach as the model file's `context`.
    pub fn reach(&self) -> String {
        format!("{}x{}", self.reach.rows, self.reach.columns)
    }

    /// Inputs of the row part.
    pub fn row_len(&self) -> usize {
        self.layout.row_len()
    }

    /// Inputs of the pixel part.
    pub fn pixel_len(&self) -> usize {
        self.layout.pixel_len()
    }

    /// Calls `sink` for the pixels of an image in raster order, but for those outside the cells of its `grid`, if it
    /// has one: these are 0, and not coded. `wanted` is asked before the work of an active pixel is done.
    pub fn walk(
        &self,
        pixels: &[u8],
        preview: &[u8],
        grid: Option<Grid>,
        mut wanted: impl FnMut() -> bool,
        mut sink: impl FnMut(Sample),
    ) {
        let mut s = ImageState::new(self.width, self.height, self.reach, preview);
        s.grid = self.grids.as_ref().zip(grid).map(|(grids, grid)| Placed::new(&grids.0, grid));
        let (mut row, mut pixel) = ([0; ROW_DENSE], [0; PIXEL_DENSE]);
        for (position, &target) in pixels.iter().enumerate() {
            let x = position % self.width;
            if !s.columns().contains(&x) {
                debug_assert_eq!(target, 0, "ink outside the cells of a grid");
            } else if !s.has_context(x) {
                let (has_ink, class) = (s.has_ink(), s.preview_class(x));
                sink(Sample::Blank { position, has_ink, class, target });
            } else if wanted() {
                let scalars = self.layout.scalars(&s);
                let row_hot = dispatch!(level(), simd => {
                    self.layout.row(simd, &s, x, &scalars, &mut row)
                });
                let (pixel_hot, copies) = self.layout.pixel(&s, x, &mut pixel);
                let line = self.layout.line(&s);
                let row_ones = [&line[..], &row_hot].concat();
                let row_ones: Vec<usize> =
                    row_ones.iter().map(|&h| ROW_DENSE + h as usize).collect();
                let pixel_ones = pixel_hot.map(|h| PIXEL_DENSE + h as usize);
                let high = high_features(&s, x);
                let low = low_features(&s, x, usize::from(target >> 4));
                sink(Sample::Active {
                    position,
                    target,
                    row: Inputs { dense: &row, ones: &row_ones },
                    pixel: Inputs { dense: &pixel, ones: &pixel_ones },
                    copies,
                    high: std::array::from_fn(|v| high.map(|counts| counts[v])),
                    low: std::array::from_fn(|v| low.map(|counts| counts[v])),
                });
            }
            if target != 0 {
                s.add(x, target);
            }
            if x + 1 == self.width {
                s.end_row();
            }
        }
    }
}

/// The integer flow, bottleneck and steps of a model file that need not be whole yet, and what picks latents that
/// tell the sides of grids (SPEC.md section 6.8.5), if it has that.
#[derive(Debug)]
pub struct Transform {
    parts: Parts,
    told: Option<(Prior, Told)>,
}

impl Transform {
    /// Reads the transform's tensors of a model file, and the prior's where the latents tell.
    ///
    /// # Errors
    /// [`Error::Model`] as [`Model::from_bytes`]; also for a model without a latent.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let file = TensorFile::parse(bytes)?;
        let (width, height) = build::shape(file.metadata("shape")?)?;
        let parts = build::transform(&file, width * height)?
            .ok_or_else(|| Error::model("bottleneck", "no latent"))?;
        let told = match file.has("told.sides") {
            true => Some((build::prior(&file, parts.len())?, build::told(&file, parts.len())?)),
            false => None,
        };
        Ok(Transform { parts, told })
    }

    /// The latents nearest to images of `image_len` pixels each, one behind the other.
    pub fn latents(&self, pixels: &[u8], image_len: usize) -> Vec<i32> {
        self.parts.latents(pixels, image_len)
    }

    /// Whether latents tell the sides of grids.
    pub fn tells(&self) -> bool {
        self.told.is_some()
    }

    /// The latents that an encoder picks for images of `image_len` pixels each with these grids: the nearest, where
    /// they tell nothing.
    pub fn picked(&self, pixels: &[u8], image_len: usize, grids: &[Option<Grid>]) -> Vec<i32> {
        let Some((prior, told)) = &self.told else { return self.latents(pixels, image_len) };
        let telling = Telling { transform: &self.parts, prior, told };
        let each = pixels.chunks(TOGETHER * image_len).zip(grids.chunks(TOGETHER));
        each.flat_map(|(pixels, grids)| telling.latents(pixels, image_len, grids)).collect()
    }

    /// What the places of grids take in images of `image_len` pixels each; `None` where latents tell nothing.
    pub fn place_bits(
        &self,
        pixels: &[u8],
        image_len: usize,
        grids: &[Option<Grid>],
    ) -> Option<Bits> {
        let (prior, told) = self.told.as_ref()?;
        let (z, m) = (self.picked(pixels, image_len, grids), self.parts.len());
        let mut encoder = Encoder::new();
        for (z, grid) in z.chunks_exact(m).zip(grids) {
            let mut inputs = Vec::new();
            prior.inputs(z, &mut inputs);
            for place in told.places(&inputs) {
                told.code(z, &place, &mut encoder, *grid);
            }
        }
        Some(encoder.bits())
    }

    /// z · step of each latent integer, in flow states: what distances between latents are
    /// measured in.
    pub fn values(&self, latents: &[i32]) -> Vec<i32> {
        let mut out = Vec::with_capacity(latents.len());
        let mut values = Vec::new();
        for z in latents.chunks_exact(self.parts.len()) {
            self.parts.steps.dequantise(z, &mut values);
            out.extend_from_slice(&values);
        }
        out
    }

    /// x̂ of each latent.
    pub fn previews(&self, latents: &[i32], image_len: usize) -> Vec<u8> {
        let mut out = vec![0; latents.len() / self.parts.len() * image_len];
        self.parts.previews(latents, image_len, &mut out);
        out
    }

    /// The c chunks of y = f(x) of one image, one behind the other, in flow states; one chunk alone
    /// for a bottleneck that is no mean of chunks.
    pub fn chunks(&self, pixels: &[u8]) -> Vec<i32> {
        let mut y: Vec<i32> = pixels.iter().map(|&p| to_state(p)).collect();
        self.parts.flow.forward(&mut y);
        let kept = self.parts.len() * self.parts.bottleneck.sum_of() as usize;
        self.parts.bottleneck.positions().iter().take(kept).map(|&p| y[p]).collect()
    }

    /// f⁻¹ of values, in flow states, that stand for every chunk: the pixels of one image of
    /// `image_len`.
    pub fn expanded(&self, values: &[i32], image_len: usize) -> Vec<u8> {
        let (mut y, mut out) = (vec![0; image_len], vec![0; image_len]);
        self.parts.bottleneck.expand(values, &mut y);
        self.parts.pixels(&mut y, &mut out);
        out
    }
}

/// Images that go through the flow and the prior together.
const TOGETHER: usize = 64;

/// The latents that an encoder picks for images of a model, none of them by its scan.
pub fn picked_latents(model: &Model, pixels: &[u8]) -> Vec<i32> {
    let each = pixels.chunks(TOGETHER * model.shape().bytes() as usize);
    each.flat_map(|pixels| model.picked_latents(pixels)).collect()
}

/// Exact code length of the latents of images under a model, coded in blocks of 64 images.
pub fn latent_bits(model: &Model, pixels: &[u8]) -> Bits {
    let image_len = model.shape().bytes() as usize;
    pixels.chunks(image_len * 64).map(|images| model.code_latents(images).bits).sum()
}

/// Exact code lengths of images under a model: latent and residual, coded in blocks of `block`.
///
/// # Errors
/// Those of the coder; [`Error::Input`] if decoding gives other pixels.
pub fn measure(model: &Model, pixels: &[u8], block: usize) -> Result<[Bits; 2], Error> {
    let image_len = model.shape().bytes() as usize;
    let mut total = [Bits::default(); 2];
    for images in pixels.chunks(image_len * block) {
        let coded = model.encode_block(model.shape(), images, 1, Default::default())?;
        total[0] += coded.latent.bits;
        total[1] += coded.lanes.iter().map(|l| l.bits).sum();
        let lanes: Vec<&[u8]> = coded.lanes.iter().map(|l| &l.bytes[..]).collect();
        let mut back = vec![0; images.len()];
        model.decode_block(model.shape(), &coded.latent.bytes, &lanes, &mut back)?;
        if back != images {
            return Err(Error::Input("decoding gave other pixels".into()));
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_where_they_are_said_to_be() {
        const SIDE: usize = 9;
        let preview: Vec<u8> = (1..=81).collect();
        let mut seen = 0;
        let check = |sample: Sample| {
            let Sample::Active { position, row, .. } = sample else { return };
            seen += 1;
            let at = |n: usize| i32::from(row.dense[n]);
            for (k, (dy, dx)) in patch_offsets().enumerate() {
                let (y, x) = ((position / SIDE) as i32 + dy, (position % SIDE) as i32 + dx);
                let inside = (0..SIDE as i32).contains(&y) && (0..SIDE as i32).contains(&x);
                let value = if inside { y * SIDE as i32 + x + 1 } else { 0 };
                assert_eq!(at(PATCH_FIRST + k), value, "{position} {k}");
            }
            assert_eq!(at(PATCH_FIRST + patch_offsets().count()), 0);
        };
        let contexts = Contexts::new(SIDE, SIDE, [4, 6]).unwrap();
        contexts.walk(&[1; SIDE * SIDE], &preview, None, || true, check);
        assert_eq!(seen, SIDE * SIDE - 1);
    }
}
