//! A model as a coding method: latents and pixels of a block, in lock step.

use super::Model;
use crate::bitmap::{self, BitmapModel};
use crate::cells::{self, CellImage, CellModel};
use crate::coder::{BlockCoder, CodedBlock, CodedImage, Effort, Stream, no_latent};
use crate::entropy::{Bits, Decoder, Distribution, Encoder};
use crate::error::{Error, Place, Section};
use crate::grid::{Grid, Grids, Naming, Placed, Told};
use crate::image::Shape;
use crate::nn::Pair;
use crate::pixel::{self, Coder, ImageState, Lockstep};
use crate::scan::{self, IMAGE, PIXELS, Solved};

impl Model {
    pub(super) fn image_len(&self) -> usize {
        self.shape.width as usize * self.shape.height as usize
    }

    fn check_shape(&self, shape: Shape) -> Result<(), Error> {
        if shape == self.shape {
            return Ok(());
        }
        Err(Error::Input(format!("the model {} codes {:?}, not {shape:?}", self.name, self.shape)))
    }

    pub(super) fn latents(&self, pixels: &[u8]) -> Vec<i32> {
        self.latent
            .as_ref()
            .map_or_else(Vec::new, |l| l.transform.latents(pixels, self.image_len()))
    }

    /// An image before its first pixel.
    fn state(&self, preview: &[u8], grid: Option<Placed>) -> ImageState {
        let (width, height) = (self.shape.width as usize, self.shape.height as usize);
        let mut state = ImageState::new(width, height, self.pixel.reach, preview);
        state.grid = grid;
        state
    }

    /// Codes all images of a block after their latents, image i with coder i modulo their number.
    /// `known` are an encoder's pixels; a decoder has none, and its images come to `out`.
    pub(super) fn code<C: Coder>(
        &self,
        (z, images): (&[i32], usize),
        coders: &mut [C],
        Known { pixels: known, found }: Known<'_>,
        out: &mut [u8],
    ) {
        let (len, lanes) = (self.image_len(), coders.len());
        let mut rest: Vec<usize> = (0..images).collect();
        // x̂ of all images, where scans ask for it: others need it only of those that are left.
        let mut all_previews = None;
        if let Some(model) = &self.scan {
            let previews = all_previews.insert(self.all_previews(z, images));
            let mut solved = vec![None; rest.len()];
            solved.iter_mut().zip(found).for_each(|(to, of)| to.clone_from(&of.solved));
            let solved = bitmap::code(model, coders, self.x_hats(previews), &solved);
            for (out, solved) in out.chunks_exact_mut(len).zip(&solved) {
                if let Some(solved) = solved {
                    out.copy_from_slice(&solved.image());
                }
            }
            rest.retain(|&i| solved[i].is_none());
        }
        let previews = |which: &[usize], z: &[i32]| match &all_previews {
            Some(all) => chosen(all, len, which),
            None => self.all_previews(z, which.len()),
        };
        if let Some((model, grids)) = self.cells.as_ref().zip(self.grids()) {
            let grids = (grids, found);
            let placed = self.code_cells(model, grids, (z, &previews), &rest, coders, (known, out));
            rest = rest.into_iter().zip(placed).filter(|i| !i.1).map(|i| i.0).collect();
        }
        if rest.is_empty() {
            return;
        }
        let z: Vec<i32> = chosen(z, self.latent_len(), &rest);
        let previews = previews(&rest, &z);
        let inputs = self.latent_inputs(&z);
        let terms = self.pixel.image_terms(rest.len(), &inputs);
        let lanes: Vec<usize> = rest.iter().map(|i| i % lanes).collect();
        let placed = match self.grids().filter(|_| self.cells.is_none()) {
            Some((grids, naming)) => {
                let grid = |k: usize| found.get(rest[k]).and_then(|found| found.grid);
                naming.code(grids, (&z, &inputs), (&lanes, coders), grid)
            }
            None => vec![None; rest.len()],
        };
        let each = previews.chunks_exact(len).zip(placed);
        if C::IS_ENCODER {
            let pixels = |k: usize| &known[rest[k] * len..(rest[k] + 1) * len];
            pixel::write(&self.pixel, (each, &terms), (&lanes, coders), pixels);
            return;
        }
        let states = each.map(|(preview, placed)| self.state(preview, placed));
        let mut batch = Lockstep::new(&self.pixel, states.collect(), terms);
        batch.code(&lanes, coders, |_, _| 0);
        for (state, i) in batch.states.iter().zip(&rest) {
            copy_pixels(state, &mut out[i * len..(i + 1) * len]);
        }
    }

    /// The tables of grids, and what says which one an image has.
    fn grids(&self) -> Option<(&Grids, &Naming)> {
        self.pixel.layers.grids.as_ref().zip(self.naming.as_ref())
    }

    /// What latents tell of grids, if they do.
    pub(super) fn told(&self) -> Option<&Told> {
        self.naming.as_ref().and_then(Naming::told)
    }

    /// Looks for scans and grids of images.
    pub(super) fn find(&self, pixels: &[u8], effort: &scan::Effort) -> Vec<Found> {
        let each = pixels.chunks_exact(self.image_len()).map(|pixels| {
            let solved = self.scan.as_ref().and_then(|_| scan_of(pixels, effort));
            let grid = if solved.is_none() { self.grid_of(pixels) } else { None };
            Found { solved, grid }
        });
        each.collect()
    }

    /// The latents that an encoder picks without looking for scans or trying others.
    #[cfg(feature = "training")]
    pub(crate) fn picked_latents(&self, pixels: &[u8]) -> Vec<i32> {
        self.searched_latents(Known { pixels, found: &self.find(pixels, &scan::Effort::new(0)) }, 0)
    }

    /// The grid that an encoder codes an image by, in a model with grids.
    fn grid_of(&self, pixels: &[u8]) -> Option<Grid> {
        let (grids, naming) = self.grids()?;
        let tells = |grid: &Grid| naming.told().is_none_or(|told| told.can_tell(*grid));
        grids.find(pixels).filter(tells)
    }

    /// Codes the grids of the images `which`, then the cells of those that have one; says which do. `previews`
    /// gives x̂ of some images, which have these latents; `known` and `out` are those of [`code`](Self::code).
    fn code_cells<C: Coder>(
        &self,
        model: &CellModel,
        ((grids, naming), found): ((&Grids, &Naming), &[Found]),
        (z, previews): (&[i32], impl Fn(&[usize], &[i32]) -> Vec<u8>),
        which: &[usize],
        coders: &mut [C],
        (known, out): (&[u8], &mut [u8]),
    ) -> Vec<bool> {
        let (len, m) = (self.image_len(), self.latent_len());
        let lanes: Vec<usize> = which.iter().map(|i| i % coders.len()).collect();
        let grid = |k: usize| found.get(which[k]).and_then(|found| found.grid);
        let z = chosen(z, m, which);
        let inputs = self.latent_inputs(&z);
        let placed = naming.code(grids, (&z, &inputs), (&lanes, coders), grid);
        // Those with a grid, among `which`, and their numbers.
        let at: Vec<usize> = (0..which.len()).filter(|&k| placed[k].is_some()).collect();
        let with = chosen(which, 1, &at);
        let previews = previews(&with, &chosen(&z, m, &at));
        let given = placed.iter().flatten().copied().zip(previews.as_chunks().0);
        let lanes = chosen(&lanes, 1, &at);
        let latents = chosen(&inputs, m.div_ceil(2), &at);
        if C::IS_ENCODER {
            let pixels = |k: usize| &known[with[k] * len..(with[k] + 1) * len];
            cells::write((model, grids), given, &latents, (&lanes, coders), pixels);
            return placed.iter().map(Option::is_some).collect();
        }
        let mut images: Vec<CellImage> =
            given.map(|(placed, x_hat)| CellImage::new(grids, placed, x_hat)).collect();
        cells::code(model, &mut images, &latents, (&lanes, coders), usize::MAX, |_, _| 0);
        for (image, i) in images.iter().zip(with) {
            out[i * len..(i + 1) * len].copy_from_slice(&image.pixels[..]);
        }
        placed.iter().map(Option::is_some).collect()
    }

    /// The latents of images as the prior's inputs, each padded to pairs.
    fn latent_inputs(&self, z: &[i32]) -> Vec<Pair> {
        let mut latents = Vec::new();
        if let Some(l) = &self.latent {
            z.chunks_exact(self.latent_len()).for_each(|z| l.prior.inputs(z, &mut latents));
        }
        latents
    }

    /// The latent and the pixels of an image with a stream of its own: the stream's, where the decoder is valid
    /// after them.
    pub(crate) fn decode_one(&self, decoder: &mut Decoder) -> (Vec<i32>, Vec<u8>) {
        let z = self.latent.as_ref().map_or_else(Vec::new, |l| l.prior.decode(1, decoder));
        let mut pixels = vec![0; self.image_len()];
        self.code((&z, 1), std::slice::from_mut(decoder), NOT_KNOWN, &mut pixels);
        (z, pixels)
    }

    /// The stream of a block's latents.
    fn latent_stream(&self, z: &[i32]) -> Stream {
        let Some(l) = &self.latent else { return Stream::default() };
        let mut encoder = Encoder::new();
        l.prior.encode(z, &mut encoder);
        Stream { bits: encoder.bits(), bytes: encoder.finish() }
    }

    /// The stream of the latents of images.
    #[cfg(feature = "training")]
    pub(crate) fn code_latents(&self, pixels: &[u8]) -> Stream {
        self.latent_stream(&self.latents(pixels))
    }

    /// What a scan's network is told of images: x̂, or nothing.
    fn x_hats<'a>(&self, previews: &'a [u8]) -> &'a [[u8; PIXELS]] {
        if self.latent.is_some() { previews.as_chunks().0 } else { &[] }
    }

    /// x̂ of images, zeros without a latent.
    pub(crate) fn all_previews(&self, z: &[i32], images: usize) -> Vec<u8> {
        let mut previews = vec![0; images * self.image_len()];
        if let Some(l) = &self.latent {
            l.transform.previews(z, self.image_len(), &mut previews);
        }
        previews
    }
}

/// A decoder of a stream's beginning, which stops before it makes up what follows.
struct Begun<'a>(Decoder<'a>);

impl Coder for Begun<'_> {
    #[inline(always)]
    fn symbol<const N: usize>(&mut self, distribution: &Distribution<N>, symbol: usize) -> usize {
        self.0.symbol(distribution, symbol)
    }

    fn uniform(&mut self, value: u32, bits: u32) -> u32 {
        self.0.uniform(value, bits)
    }

    fn refuse(&mut self) {
        self.0.refuse();
    }

    fn is_valid(&self) -> bool {
        self.0.is_within()
    }
}

/// The parts of `len` of `all` whose numbers are `which`.
fn chosen<T: Copy>(all: &[T], len: usize, which: &[usize]) -> Vec<T> {
    which.iter().flat_map(|i| &all[i * len..(i + 1) * len]).copied().collect()
}

/// Wrong pixels up to which a scan with corrections is taken to be smaller than what the pixel network
/// makes of the image.
pub const WORTH: usize = 24;

/// What an encoder finds in an image before it codes it.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    solved: Option<Solved>,
    /// Of an image without a scan.
    pub grid: Option<Grid>,
}

impl Found {
    /// Whether the latent must tell the grid's side, in a model with told sides: a scan has a side itself.
    pub fn is_told(&self) -> bool {
        self.solved.is_none()
    }
}

/// An encoder's images, and what was found in each of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub pixels: &'a [u8],
    pub found: &'a [Found],
}

/// A decoder's images.
const NOT_KNOWN: Known = Known { pixels: &[], found: &[] };

/// The scan behind an image, if there is one that is worth its corrections.
fn scan_of(pixels: &[u8], effort: &scan::Effort) -> Option<Solved> {
    if effort.tries == 0 {
        return None;
    }
    let pixels = pixels.try_into().ok()?;
    scan::solve(pixels, effort, 0).filter(|s| s.wrong.len() <= WORTH)
}

fn copy_pixels(state: &ImageState, out: &mut [u8]) {
    let mut rest = out;
    for row in state.rows() {
        let (now, later) = rest.split_at_mut(row.len());
        now.copy_from_slice(row);
        rest = later;
    }
}

impl BlockCoder for Model {
    fn shape(&self) -> Option<Shape> {
        Some(self.shape)
    }

    fn latent_len(&self) -> usize {
        Model::latent_len(self)
    }

    fn working_bytes(&self, images: u64) -> u64 {
        let prior = self.latent.as_ref().map_or(0, |l| l.prior.bytes_per_image());
        let scan = self.scan.as_ref().map_or(0, BitmapModel::bytes_per_image);
        let cells = self.cells.as_ref().map_or(0, CellModel::bytes_per_image);
        let told = self.told().map_or(0, Told::bytes_per_image);
        let each = scan
            + cells
            + told
            + ImageState::bytes(self.shape.width as usize, self.shape.height as usize)
            + self.pixel.bytes_per_image()
            + prior
            + self.image_len();
        images.saturating_mul(each as u64)
    }

    fn knows(&self, shape: Shape, pixels: &[u8]) -> bool {
        shape == self.shape && self.grid_of(pixels).is_some()
    }

    fn may_know(&self) -> bool {
        self.grids().is_some()
    }

    fn encode_block(
        &self,
        shape: Shape,
        pixels: &[u8],
        lanes: usize,
        effort: Effort,
    ) -> Result<CodedBlock, Error> {
        self.check_shape(shape)?;
        let len = self.image_len();
        let images = pixels.len() / len;
        let known = Known { pixels, found: &self.find(pixels, &effort.scan) };
        let z = self.searched_latents(known, effort.latent_tries);
        let mut block = CodedBlock { latent: self.latent_stream(&z), lanes: Vec::new() };
        let mut encoders: Vec<Encoder> = (0..lanes).map(|_| Encoder::new()).collect();
        self.code((&z, images), &mut encoders, known, &mut []);
        let stream = |e: Encoder| Stream { bits: e.bits(), bytes: e.finish() };
        block.lanes = encoders.into_iter().map(stream).collect();
        Ok(block)
    }

    fn decode_block(
        &self,
        shape: Shape,
        latent: &[u8],
        lanes: &[&[u8]],
        out: &mut [u8],
    ) -> Result<(), Error> {
        self.check_shape(shape)?;
        let len = self.image_len();
        let images = out.len() / len;
        let z = self.decode_latents(images, latent)?;
        let mut decoders: Vec<Decoder> = lanes.iter().map(|lane| Decoder::new(lane)).collect();
        self.code((&z, images), &mut decoders, NOT_KNOWN, out);
        for decoder in decoders {
            decoder.finish(Place::of(Section::Residual))?;
        }
        Ok(())
    }

    fn decode_latents(&self, images: usize, latent: &[u8]) -> Result<Vec<i32>, Error> {
        let place = Place::of(Section::Latent);
        let Some(l) = &self.latent else {
            return if latent.is_empty() {
                Ok(Vec::new())
            } else {
                Err(Error::corrupt(
                    place,
                    format!("{} bytes for a model without a latent", latent.len()),
                ))
            };
        };
        let mut decoder = Decoder::new(latent);
        let z = l.prior.decode(images, &mut decoder);
        decoder.finish(place)?;
        Ok(z)
    }

    fn encode_image(
        &self,
        shape: Shape,
        pixels: &[u8],
        effort: Effort,
    ) -> Result<CodedImage, Error> {
        self.check_shape(shape)?;
        let known = Known { pixels, found: &self.find(pixels, &effort.scan) };
        let z = self.searched_latents(known, effort.latent_tries);
        let mut encoder = Encoder::new();
        if let Some(l) = &self.latent {
            l.prior.encode(&z, &mut encoder);
        }
        let latent_bits = encoder.bits();
        self.code((&z, 1), std::slice::from_mut(&mut encoder), known, &mut []);
        let residual_bits = Bits::from_units(encoder.bits().units() - latent_bits.units());
        Ok(CodedImage { bytes: encoder.finish(), latent_bits, residual_bits })
    }

    fn decode_image(&self, shape: Shape, bytes: &[u8], out: &mut [u8]) -> Result<(), Error> {
        self.check_shape(shape)?;
        let mut decoder = Decoder::new(bytes);
        let (_, pixels) = self.decode_one(&mut decoder);
        decoder.finish(Place::of(Section::Residual))?;
        out.copy_from_slice(&pixels);
        Ok(())
    }

    fn decode_image_latent(&self, bytes: &[u8]) -> Result<Vec<i32>, Error> {
        let l = self.latent.as_ref().ok_or_else(no_latent)?;
        let mut decoder = Decoder::new(bytes);
        let z = l.prior.decode(1, &mut decoder);
        if decoder.is_valid() {
            Ok(z)
        } else {
            Err(Error::corrupt(Place::of(Section::Latent), "impossible latent symbols"))
        }
    }

    fn decode_image_rows(
        &self,
        shape: Shape,
        bytes: &[u8],
        rows: usize,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        self.check_shape(shape)?;
        let Some(l) = &self.latent else { return Err(no_latent()) };
        let mut decoder = Decoder::new(bytes);
        let z = l.prior.decode(1, &mut decoder);
        if !decoder.is_within() {
            return Err(Error::corrupt(Place::of(Section::Latent), "the file ends in the latent"));
        }
        l.transform.previews(&z, self.image_len(), out);
        let latents = self.latent_inputs(&z);
        let mut begun = [Begun(decoder)];
        if let Some(model) = &self.scan {
            let solved = bitmap::code(model, &mut begun, self.x_hats(out), &[None]);
            if !begun[0].is_valid() {
                return Ok(0);
            }
            if let Some(Some(solved)) = solved.first() {
                let rows = rows.min(self.shape.height as usize);
                let known = rows * self.shape.width as usize;
                out[..known].copy_from_slice(&solved.image()[..known]);
                return Ok(rows);
            }
        }
        let mut grid = None;
        if let Some((grids, naming)) = self.grids() {
            let placed = naming.code(grids, (&z, &latents), (&[0], &mut begun), |_| None);
            grid = placed.into_iter().flatten().next();
        }
        if let Some((model, (grids, _))) = self.cells.as_ref().zip(self.grids()) {
            if !begun[0].is_valid() {
                return Ok(0);
            }
            if let (Some(placed), Some(x_hat)) = (grid, out.as_chunks().0.first()) {
                let mut image = [CellImage::new(grids, placed, x_hat)];
                let rows = rows.min(IMAGE);
                let streams: (&[usize], &mut [_]) = (&[0], &mut begun);
                cells::code(model, &mut image, &latents, streams, rows, |_, _| 0);
                let [image] = image;
                // The last row's last cell may have been read from beyond the end.
                let known =
                    image.rows().min(rows).saturating_sub(usize::from(!begun[0].is_valid()));
                let known_pixels = known * IMAGE;
                out[..known_pixels].copy_from_slice(&image.pixels[..known_pixels]);
                return Ok(known);
            }
        }
        let terms = self.pixel.image_terms(1, &latents);
        let mut batch = Lockstep::new(&self.pixel, vec![self.state(out, grid)], terms);
        batch.code_rows(rows.min(self.shape.height as usize), &[0], &mut begun, |_, _| 0);
        let Some(state) = batch.states.first() else { return Ok(0) };
        // The last row's last pixel may have been read from beyond the end.
        let known = if begun[0].is_valid() { state.y } else { state.y.saturating_sub(1) };
        for (row, out) in state.rows().zip(out.chunks_exact_mut(state.width())).take(known) {
            out.copy_from_slice(row);
        }
        Ok(known)
    }

    fn preview(&self, latents: &[i32], out: &mut [u8]) -> Result<(), Error> {
        match &self.latent {
            Some(l) => l.transform.previews(latents, self.image_len(), out),
            None => return Err(no_latent()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::toy;

    #[test]
    fn the_beginning_of_a_stream_shows_the_first_rows() -> Result<(), Error> {
        for embedded in vbc_models::EMBEDDED {
            let model = Model::from_bytes(embedded.bytes, &Limits::default())?;
            let (shape, pixels) = (model.shape(), toy::picture(model.shape(), 5));
            let bytes = model.encode_image(shape, &pixels, Effort::default())?.bytes;
            if model.latent_len() == 0 {
                let mut out = vec![0; pixels.len()];
                let none = model.decode_image_rows(shape, &bytes, 3, &mut out);
                assert!(matches!(none, Err(Error::Input(_))));
                assert!(matches!(model.decode_image_latent(&bytes), Err(Error::Input(_))));
                assert!(matches!(model.preview(&[], &mut out), Err(Error::Input(_))));
                continue;
            }
            let (mut x_hat, mut out) = (vec![0; pixels.len()], vec![0; pixels.len()]);
            model.preview(&model.decode_image_latent(&bytes)?, &mut x_hat)?;
            let width = shape.width as usize;
            let mut before = None;
            for len in 0..=bytes.len() {
                match model.decode_image_rows(shape, &bytes[..len], usize::MAX, &mut out) {
                    Ok(rows) => {
                        assert!(before <= Some(rows), "{rows} rows of {len} bytes");
                        let (known, rest) = out.split_at(rows * width);
                        assert_eq!((known, rest), (&pixels[..known.len()], &x_hat[known.len()..]));
                        before = Some(rows);
                    }
                    Err(Error::Corrupt { .. }) => assert_eq!(before, None),
                    Err(e) => return Err(e),
                }
            }
            assert!(before > Some(20), "{before:?}");
            assert_eq!(model.decode_image_rows(shape, &bytes, 3, &mut out)?, 3);
            assert_eq!(out[3 * width..], x_hat[3 * width..]);
        }
        Ok(())
    }
}
