//! Ours: what "without any loss of information" costs. Bits per dimension of the test images on a
//! ladder of codes, for several compression factors.

use anyhow::{Context, Result};

use super::codec::CodecFigures;
use super::document::Document;
use super::{DataSet, Setting};
use crate::ladder::{Conditional, Lattice, Logistics, order0};
use crate::paper::Virtual;

const FACTORS: [usize; 5] = [2, 4, 8, 16, 392];

/// Latent steps tried, in units of y; the one whose total is the shortest on training images is taken.
const STEPS: [f64; 9] = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0];

/// Training images that distributions are fitted on.
const FITTED: usize = 4000;

/// A latent's bits and those of the rest, an image.
struct Split {
    step: f64,
    latent: f64,
    rest: f64,
}

impl Split {
    fn total(&self) -> f64 {
        self.latent + self.rest
    }

    fn text(&self, d: usize) -> String {
        let d = d as f64;
        format!("{:.3} ({:.3} + {:.3})", self.total() / d, self.latent / d, self.rest / d)
    }
}

pub(super) fn run(setting: &Setting, document: &mut Document) -> Result<()> {
    let data = setting.mnist()?;
    let d = data.train.image_len();
    document.say(&format!(
        "Bits per dimension of the test images, in brackets latent + rest. `order-0` knows the shares \
         of the pixel values. `flow space` codes the latent, quantised, and then every y_i − z by a \
         logistic of its own on the flow's lattice; `flow alone` codes every y_i so, without a \
         latent. `pixels` codes every pixel on its own given the same pixel of x̂. Their \
         distributions are fitted on {FITTED} training images, where the latent's step is chosen too, \
         and the lengths are ideal ones, in floats. `codec` is vbc's: real archives, everything \
         counted, by models trained for {} steps of the pixel network; `codec without a latent` is \
         the same pixel network trained for as long.",
        setting.args.codec_steps,
    ));
    let bits = order0(&data.train.pixels, &data.test.pixels) / data.test.n as f64;
    let same = |text: String| vec![text; FACTORS.len()];
    let mut rows = vec![("order-0".to_owned(), same(format!("{:.3}", bits / d as f64)))];
    document.metric("order-0", "bits_per_dimension", &[bits / d as f64]);
    let [mut alone, mut flow, mut pixels, mut codec] = [(); 4].map(|()| Vec::new());
    let mut steps = Vec::new();
    for factor in FACTORS {
        let runs =
            setting.train(document, &data, setting.redundancy(factor), setting.args.epochs)?;
        let rungs = Rungs::new(setting, &runs.first().model, &data)?;
        let in_flow = best(rungs.flow_space()?)?;
        let in_pixels = best(rungs.pixel_space(setting, &data)?)?;
        let whole = rungs.alone();
        for (name, split) in [("flow-space", &in_flow), ("pixels", &in_pixels)] {
            let model = format!("x{factor}-{name}");
            document.metric(&model, "bits_per_dimension", &[split.total() / d as f64]);
            document.metric(&model, "latent_bits_an_image", &[split.latent]);
            document.metric(&model, "latent_step", &[split.step]);
        }
        alone.push(format!("{:.3}", whole / d as f64));
        steps.push(format!("{} and {}", in_flow.step, in_pixels.step));
        flow.push(in_flow.text(d));
        pixels.push(in_pixels.text(d));
        let figures = setting.codec(&data, factor)?;
        codec.push(describe(document, &format!("x{factor}-codec"), &figures, d));
    }
    let free = setting.codec(&data, 0)?;
    let free = describe(document, "codec-without-latent", &free, d);
    rows.extend([
        ("flow alone".to_owned(), alone),
        ("latent, rest in flow space".to_owned(), flow),
        ("latent, rest in pixels".to_owned(), pixels),
        ("latent's step, in flow space and in pixels".to_owned(), steps),
        ("codec".to_owned(), codec),
        ("codec without a latent".to_owned(), same(free)),
    ]);
    let head: Vec<String> = FACTORS.iter().map(|f| format!("X{f}")).collect();
    let head: Vec<&str> = std::iter::once("rung").chain(head.iter().map(String::as_str)).collect();
    let rows = rows.into_iter().map(|(name, mut cells)| {
        cells.insert(0, name);
        cells
    });
    document.table(&head, rows.collect());
    Ok(())
}

fn describe(document: &mut Document, model: &str, figures: &CodecFigures, d: usize) -> String {
    document.metric(model, "bits_per_dimension", &[figures.bits_per_dimension]);
    document.metric(model, "latent_bits_an_image", &[figures.latent]);
    let latent = figures.latent / d as f64;
    let rest = figures.bits_per_dimension - latent;
    format!("{:.3} ({latent:.3} + {rest:.3})", figures.bits_per_dimension)
}

/// A flow's outputs on the lattice for the images that are fitted and those that are measured.
struct Rungs<'a> {
    model: &'a Virtual,
    fitted: Lattice,
    test: Lattice,
    images: [usize; 2],
}

impl<'a> Rungs<'a> {
    fn new(setting: &Setting, model: &'a Virtual, data: &DataSet) -> Result<Self> {
        let of = |images: &crate::data::Images, n: usize| {
            let items: Vec<u32> = (0..n as u32).collect();
            Lattice::new(&model.flow, setting.reading.input, images, &items)
        };
        let images = [data.train.n.min(FITTED), data.test.n];
        Ok(Rungs {
            model,
            fitted: of(&data.train, images[0])?,
            test: of(&data.test, images[1])?,
            images,
        })
    }

    /// Bits an image without a latent.
    fn alone(&self) -> f64 {
        let width = &self.fitted.width;
        Logistics::fit(&self.fitted.y, width).bits(&self.test.y, width) / self.images[1] as f64
    }

    /// Latents (n, m) in whole steps.
    fn latents(&self, y: &[f32], n: usize, step: f64) -> Result<Vec<f32>> {
        let y = candle_core::Tensor::from_slice(y, (n, y.len() / n), self.model.flow.device())?;
        let z = ((self.model.mean(&y)? / step)?.round()? * step)?;
        Ok(z.flatten_all()?.to_vec1()?)
    }

    /// y (n, d) whose chunks are all z.
    fn copies(&self, z: &[f32], n: usize) -> Result<candle_core::Tensor> {
        let z = candle_core::Tensor::from_slice(z, (n, z.len() / n), self.model.flow.device())?;
        Ok(self.model.expand(&z)?)
    }

    /// For each step: fitted and test images' bits of latent and rest in flow space.
    fn flow_space(&self) -> Result<Vec<[Split; 2]>> {
        let rest = |lattice: &Lattice, z: &[f32], n: usize| -> Result<Vec<f32>> {
            let copies = self.copies(z, n)?.flatten_all()?.to_vec1::<f32>()?;
            Ok(lattice.y.iter().zip(copies).map(|(y, z)| y - z).collect())
        };
        self.each_step(|latents| {
            let [a, b] = latents;
            let fitted = rest(&self.fitted, a, self.images[0])?;
            let test = rest(&self.test, b, self.images[1])?;
            let logistics = Logistics::fit(&fitted, &self.fitted.width);
            let bits = |values: &[f32]| logistics.bits(values, &self.fitted.width);
            Ok([bits(&fitted), bits(&test)])
        })
    }

    /// The same with the rest in pixels.
    fn pixel_space(&self, setting: &Setting, data: &DataSet) -> Result<Vec<[Split; 2]>> {
        let previews = |z: &[f32], n: usize| -> Result<Vec<u8>> {
            let x =
                self.model.flow.inverse(&self.copies(z, n)?)?.flatten_all()?.to_vec1::<f32>()?;
            let to_pixel =
                |v: f32| (setting.reading.input.to_unit(v).clamp(0.0, 1.0) * 255.0).round();
            Ok(x.into_iter().map(|v| to_pixel(v) as u8).collect())
        };
        let d = data.train.image_len();
        self.each_step(|[a, b]| {
            let (fitted, test) = (previews(a, self.images[0])?, previews(b, self.images[1])?);
            let pixels = &data.train.pixels[..self.images[0] * d];
            let table = Conditional::fit(pixels, &fitted);
            Ok([table.bits(pixels, &fitted), table.bits(&data.test.pixels, &test)])
        })
    }

    /// Latents at each step with their bits, and the bits of the rest by `rest`, both for the fitted
    /// images and the test's, in bits an image.
    fn each_step(&self, rest: impl Fn([&[f32]; 2]) -> Result<[f64; 2]>) -> Result<Vec<[Split; 2]>> {
        let split = |step: f64| -> Result<[Split; 2]> {
            let fitted = self.latents(&self.fitted.y, self.images[0], step)?;
            let test = self.latents(&self.test.y, self.images[1], step)?;
            let width = vec![step; fitted.len() / self.images[0]];
            let logistics = Logistics::fit(&fitted, &width);
            let rest = rest([&fitted, &test])?;
            let each = |values: &[f32], rest: f64, n: usize| {
                let n = n as f64;
                Split { step, latent: logistics.bits(values, &width) / n, rest: rest / n }
            };
            Ok([each(&fitted, rest[0], self.images[0]), each(&test, rest[1], self.images[1])])
        };
        STEPS.into_iter().map(split).collect()
    }
}

/// The test images' bits at the step that is best for the fitted images.
fn best(splits: Vec<[Split; 2]>) -> Result<Split> {
    splits
        .into_iter()
        .min_by(|a, b| a[0].total().total_cmp(&b[0].total()))
        .map(|[_, test]| test)
        .context("no step")
}
