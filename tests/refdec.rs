//! The decoder that was written from SPEC.md against the library, and SPEC.md's own examples.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use vbc::{
    Archive, ArchiveWriter, DecodeOptions, EncodeOptions, Error, IdxHeader, Image, Limits,
    ModelChoice, PixelFormat, Registry, Shape,
};
use vbc_refdec::{Kind, Model, frequencies};
use vbc_tests::synthetic;

// ---------------------------------------------------------------- material

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from −`n` to `n`.
    fn around(&mut self, n: i64) -> i64 {
        (self.next() % (2 * n as u64 + 1)) as i64 - n
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// Pixels of one of four textures, sparse and grey ones among them.
    fn pixels(&mut self, n: usize) -> Vec<u8> {
        let kind = self.below(4);
        let (ink, palette) = (1 + self.below(10), [self.next() as u8, 255, 245, 17]);
        (0..n)
            .map(|_| match kind {
                0 => self.next() as u8,
                1 if self.below(20) < ink => self.next() as u8,
                2 if self.below(10) < ink => palette[self.below(4) as usize],
                3 => palette[self.below(2) as usize].wrapping_add(self.below(3) as u8),
                _ => 0,
            })
            .collect()
    }
}

/// Tensors of a model file: type, shape, data.
struct ModelFile(
    BTreeMap<String, (&'static str, Vec<usize>, Vec<u8>)>,
    Vec<(&'static str, String)>,
);

impl ModelFile {
    fn put(
        &mut self,
        name: &str,
        ty: &'static str,
        shape: &[usize],
        mut value: impl FnMut() -> i64,
    ) {
        let size = match ty {
            "U8" | "I8" => 1,
            "I16" => 2,
            _ => 4,
        };
        let n: usize = shape.iter().product();
        let data = (0..n).flat_map(|_| value().to_le_bytes()[..size].to_vec()).collect();
        self.0.insert(name.to_owned(), (ty, shape.to_vec(), data));
    }

    fn layer(&mut self, name: &str, shape: &[usize], shift: i64, random: &mut Random) {
        let (out, _) = shape.split_at(shape.len() - 1);
        self.put(&format!("{name}.weight"), "I8", shape, || random.around(127));
        self.put(&format!("{name}.bias"), "I32", out, || random.around(20_000));
        self.put(&format!("{name}.shift"), "U8", out, || (shift + random.around(2)).max(0));
    }

    /// The safetensors file.
    fn file(&self) -> Vec<u8> {
        let text = |(k, v): &(&str, String)| format!("\"{k}\":\"{v}\"");
        let mut parts = vec![format!(
            "\"__metadata__\":{{{}}}",
            self.1.iter().map(text).collect::<Vec<_>>().join(",")
        )];
        let mut data = Vec::new();
        for (name, (ty, shape, bytes)) in &self.0 {
            let (begin, end) = (data.len(), data.len() + bytes.len());
            parts.push(format!(
                "\"{name}\":{{\"dtype\":\"{ty}\",\"shape\":{shape:?},\"data_offsets\":[{begin},{end}]}}"
            ));
            data.extend(bytes);
        }
        let mut json = format!("{{{}}}", parts.join(","));
        while json.len() % 8 != 0 {
            json.push(' ');
        }
        [&(json.len() as u64).to_le_bytes()[..], json.as_bytes(), &data].concat()
    }
}

fn metadata(shape: &str, bottleneck: &str, c: usize, context: &str) -> Vec<(&'static str, String)> {
    let null = if bottleneck == "nvb" { "256" } else { "0" };
    [
        ("format", "vbc-model-3"),
        ("shape", shape),
        ("bottleneck", bottleneck),
        ("c", &c.to_string()),
        ("null", null),
        ("slope", "3"),
        ("context", context),
        ("name", "synthetic"),
    ]
    .map(|(k, v)| (k, v.to_owned()))
    .to_vec()
}

/// A model of random weights for 6 × 4 images. A calm one has a latent that is always 0, and knows
/// it, so that an encoder finds a drawn image worth coding by the model.
fn random_model(bottleneck: &str, calm: bool, seed: u64) -> Vec<u8> {
    random_model_of(6, 4, 2, bottleneck, calm, seed)
}

/// The same for `width` × `height` images and the compression factor `c`, with a context of any
/// reach. A calm one likes ink, and to repeat the pixel to the left.
fn random_model_of(
    width: usize,
    height: usize,
    c: usize,
    bottleneck: &str,
    calm: bool,
    seed: u64,
) -> Vec<u8> {
    random_model_file(width, height, c, bottleneck, calm, seed).file()
}

fn random_model_file(
    width: usize,
    height: usize,
    c: usize,
    bottleneck: &str,
    calm: bool,
    seed: u64,
) -> ModelFile {
    let units = 3;
    let (pixels, m) = (width * height, width * height / c);
    let r = &mut Random(seed);
    let context = ["2x3", "1x1", "4x6", "3x2", "1x6", "4x1"][seed as usize % 6];
    let shape = format!("{height}x{width}x1");
    let mut f = ModelFile(BTreeMap::new(), metadata(&shape, bottleneck, c, context));
    let (vector, rows, a, n) = (if bottleneck == "none" { 0 } else { 5 }, 10, 9, 7);
    if bottleneck != "none" {
        for k in 0..3 {
            let split: Vec<i64> = (0..pixels).map(|_| r.below(2) as i64).collect();
            let changed = split.iter().sum::<i64>() as usize;
            let mut next = split.iter();
            f.put(&format!("flow.{k}.split"), "U8", &[pixels], || *next.next().unwrap());
            f.layer(&format!("flow.{k}.0"), &[8, pixels - changed], 10, r);
            f.layer(&format!("flow.{k}.1"), &[changed, 8], 7, r);
        }
        let mut chunks: Vec<i64> = (0..pixels as i64).collect();
        (1..pixels).for_each(|i| chunks.swap(i, r.below(i as u64 + 1) as usize));
        let mut next = chunks.into_iter();
        f.put("latent.chunks", "U32", &[c, m], || next.next().unwrap());
        let step = |r: &mut Random| {
            if calm { 1 << 20 } else { 1 + (r.below(1 << 20) as i64 >> r.below(20)) }
        };
        f.put("latent.step", "I32", &[m], || step(r));
        f.put("prior.centre", "I32", &[m], || if calm { 0 } else { r.around(5) });
        f.layer("prior.hidden", &[units * m, m], 6, r);
        f.layer("prior.logits", &[16 * m, units * m], 6, r);
        for (name, columns, per, free) in
            [("prior.hidden", m, units, 1), ("prior.logits", units * m, 16, 0)]
        {
            let weights = &mut f.0.get_mut(&format!("{name}.weight")).unwrap().2;
            for (i, row) in weights.chunks_mut(columns).enumerate() {
                row[(i / per + free) * columns / m..].fill(0);
            }
        }
        if calm {
            let mut row = 0..;
            let likely = |row: usize| if row % 16 == 7 { 1 << 23 } else { 0 };
            f.put("prior.logits.bias", "I32", &[16 * m], || likely(row.next().unwrap()));
        }
        f.layer("image", &[vector, m], 10, r);
    }
    f.layer("row", &[rows, 356 + height + width + vector], 10, r);
    f.layer("pixel", &[a, rows + 112], 9, r);
    // A shift of 0 takes the logit of ink to both its bounds.
    f.layer("ink", &[1, a], 2, r);
    f.layer("hidden", &[n, a], 7, r);
    f.layer("head.high", &[16 + 5 + 16, n], 7, r);
    f.layer("head.low", &[16, 16 + 3 + 16, n], 7, r);
    for (name, shape, left) in [("head.high", &[37][..], 21), ("head.low", &[16, 35], 19)] {
        let mut row = 0..;
        let outputs = shape[shape.len() - 1];
        let mut likely = |r: &mut Random| {
            if row.next().unwrap_or(0) % outputs == left { 1 << 21 } else { r.around(20_000) }
        };
        if calm {
            f.put(&format!("{name}.bias"), "I32", shape, || likely(r));
        }
    }
    if calm {
        f.put("ink.bias", "I32", &[1], || 1 << 16);
        f.put("ink.shift", "U8", &[1], || 4);
    }
    for (name, shape) in [
        ("head.high.image", &[2, 64, 17][..]),
        ("head.high.column", &[1, 32]),
        ("head.high.row", &[2, 32]),
        ("head.low.image", &[1, 64]),
        ("head.low.column", &[0, 32]),
        ("head.low.row", &[2, 32]),
        ("blank.position", &[pixels, 2]),
        ("blank.preview", &[9]),
        ("blank.high", &[16]),
        ("blank.low", &[16, 16]),
    ] {
        // A function of counts is 0 for no count: the first entry of each of the head's tables.
        let unit = if name.starts_with("head") { shape[1..].iter().product() } else { usize::MAX };
        let mut entry = 0;
        f.put(name, "I16", shape, || {
            entry += 1;
            let value = r.around(2_000);
            if unit != usize::MAX && (entry - 1) % unit == 0 { 0 } else { value }
        });
    }
    f
}

/// Gives a model random grids, and its layers inputs and gates for them.
fn add_grids(f: &mut ModelFile, r: &mut Random) {
    let inputs = 40 + 2 * add_tables_of_grids(f, r);
    let shape = |f: &ModelFile, name: &str| f.0[&format!("{name}.weight")].1.clone();
    let mut row = shape(f, "row");
    row[1] += inputs;
    f.layer("row", &row, 10, r);
    for name in ["head.high", "head.low"] {
        let mut head = shape(f, name);
        let outputs = head.len() - 2;
        head[outputs] += 2;
        f.layer(name, &head, 7, r);
    }
}

/// Gives a model random grids, and what codes cells, with a network of values or without; `m` is the length of its
/// latent.
fn add_cells(f: &mut ModelFile, r: &mut Random, m: usize, has_network: bool) {
    let classes = add_tables_of_grids(f, r);
    let image = if m > 0 { 3 } else { 0 };
    if m > 0 {
        f.layer("cells.image", &[image, m], 10, r);
    }
    f.layer("cells.inputs", &[6, 4_853 + classes + image], 9, r);
    f.layer("cells.ink", &[1, 6], 2, r);
    if has_network {
        f.layer("cells.value.inputs", &[7, 3_317 + classes + image], 9, r);
        f.layer("cells.value.hidden", &[5, 7], 7, r);
        f.layer("cells.value.high", &[19, 5], 5, r);
        f.layer("cells.value.low", &[16, 20, 5], 5, r);
    } else {
        f.layer("cells.head", &[23, 6], 5, r);
        f.put("cells.low", "I16", &[16, 16], || r.around(2_000));
    }
    for (name, shape) in [("plain", &[400, 2][..]), ("plain.preview", &[16])] {
        f.put(&format!("cells.{name}"), "I16", shape, || r.around(2_000));
    }
}

/// Has the latents, of `m` integers, of a model with grids tell their sides; `k` bits of a number, not more than `m`.
fn add_told(f: &mut ModelFile, r: &mut Random, m: usize, k: usize) {
    for symbol in ["side.high", "side.low", "top", "left"] {
        f.0.remove(&format!("grid.{symbol}"));
    }
    // The first ones span all numbers, in an order that is no row of powers.
    let mut columns: Vec<i64> = (0..k).map(|bit| (1 << bit) | r.below(1 << bit) as i64).collect();
    columns.extend((k..m).map(|_| r.below(1 << k) as i64));
    (1..m).for_each(|i| columns.swap(i, r.below(i as u64 + 1) as usize));
    let mut next = columns.into_iter();
    f.put("told.columns", "U32", &[m], || next.next().unwrap());
    // No grid is no rare one.
    let mut sides: Vec<i64> = (0..1 << k).map(|_| (r.below(102) * r.below(2)) as i64).collect();
    sides[0] = 0;
    let mut next = sides.into_iter();
    f.put("told.sides", "U8", &[1 << k], || next.next().unwrap());
    f.layer("told.hidden", &[6, m], 6, r);
    f.layer("told.place", &[32, 6], 4, r);
}

/// Random tables of grids; returns how many classes of lines they have.
fn add_tables_of_grids(f: &mut ModelFile, r: &mut Random) -> usize {
    let (mut lines, mut counts, mut all) = (Vec::new(), Vec::new(), 0);
    let (mut greys, mut weights) = (Vec::new(), Vec::new());
    for _ in 0..101 {
        let classes = 1 + r.below(5) as usize;
        all += classes;
        let mut side: Vec<i64> = (0..20).map(|line| (line % classes) as i64).collect();
        (1..20).for_each(|i| side.swap(i, r.below(i as u64 + 1) as usize));
        lines.extend(side);
        for _ in 0..classes * (classes + 1) / 2 {
            let (before, share) = (greys.len(), [0, 2, 9, 60, 255][r.below(5) as usize]);
            greys.extend((1..256).filter(|_| r.below(255) < share));
            weights.extend(greys[before..].iter().map(|_| 1 + r.below(255) as i64));
            counts.push((greys.len() - before) as i64);
        }
    }
    let parts = [("lines", lines), ("counts", counts), ("greys", greys), ("weights", weights)];
    for (name, values) in parts {
        let (shape, mut next) = ([values.len()], values.into_iter());
        f.put(&format!("grid.{name}"), "U8", &shape, || next.next().unwrap());
    }
    // An image without a grid is no rare one.
    let parts =
        [("side.high", 16, 3_000), ("side.low", 256, 4_000), ("top", 16, 0), ("left", 256, 0)];
    for (name, len, more) in parts {
        let mut first = Some(more);
        f.put(&format!("grid.{name}"), "I16", &[len], || first.take().unwrap_or(0) + r.around(900));
    }
    all
}

/// The model of appendix A.3: 2 × 2, no latent, every number 0.
fn zero_model() -> Vec<u8> {
    zero_model_file().file()
}

fn zero_model_file() -> ModelFile {
    let mut f = ModelFile(BTreeMap::new(), metadata("2x2x1", "none", 0, "2x3"));
    for (name, shape) in [
        ("row", &[2, 360][..]),
        ("pixel", &[1, 114]),
        ("ink", &[1, 1]),
        ("hidden", &[1, 1]),
        ("head.high", &[32, 1]),
        ("head.low", &[16, 32, 1]),
    ] {
        f.put(&format!("{name}.weight"), "I8", shape, || 0);
        f.put(&format!("{name}.bias"), "I32", &shape[..shape.len() - 1], || 0);
        f.put(&format!("{name}.shift"), "U8", &shape[..shape.len() - 1], || 0);
    }
    for (name, shape) in [
        ("head.high.image", &[0, 64, 17][..]),
        ("head.high.column", &[0, 32]),
        ("head.high.row", &[0, 32]),
        ("head.low.image", &[0, 64]),
        ("head.low.column", &[0, 32]),
        ("head.low.row", &[0, 32]),
        ("blank.position", &[4, 2]),
        ("blank.preview", &[9]),
        ("blank.high", &[16]),
        ("blank.low", &[16, 16]),
    ] {
        f.put(name, "I16", shape, || 0);
    }
    f
}

/// The first 20 images of a set in tests/images.
fn set(name: &str) -> Vec<Image> {
    let path = format!("{}/images/{name}", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::read(path).unwrap();
    let header = IdxHeader::parse(&file).unwrap();
    let (shape, _) = header.image_shape().unwrap();
    let pixels = file[header.header_len() as usize..].chunks_exact(shape.bytes() as usize);
    pixels.take(20).map(|p| Image::new(shape, p.to_vec()).unwrap()).collect()
}

fn options(registry: &Registry, model: ModelChoice) -> (EncodeOptions, DecodeOptions) {
    let (mut encoding, mut decoding) = (EncodeOptions::default(), DecodeOptions::default());
    encoding.model = model;
    encoding.registry = registry.clone();
    decoding.registry = registry.clone();
    (encoding, decoding)
}

fn models(registry: &Registry) -> Vec<Model> {
    registry.iter().map(|m| Model::load(m.file()).unwrap()).collect()
}

fn registry(file: &[u8]) -> Registry {
    let mut registry = Registry::empty();
    let id = registry.add_file(file, &Limits::default()).unwrap();
    assert_eq!(Model::load(file).unwrap().id(), id.as_bytes());
    registry
}

// ---------------------------------------------------------------- comparison

/// What a decoder says: pixels with shapes and names, or the kind of its refusal.
type Answer = Result<Vec<(Shape, Option<String>, Vec<u8>)>, Kind>;

fn kind(error: &Error) -> Kind {
    match error {
        Error::Corrupt { .. } | Error::Input(_) => Kind::Corrupt,
        Error::Unsupported(_) => Kind::Unsupported,
        Error::UnknownModel { .. } => Kind::UnknownModel,
        Error::Limit { .. } => Kind::Limit,
        Error::Model { .. } => Kind::BadModel,
        other => panic!("{other}"),
    }
}

fn library(file: &[u8], decoding: &DecodeOptions) -> Answer {
    let of = |image: Image, name| (image.shape(), name, image.into_data());
    if file.starts_with(b"VBC") {
        let mut archive =
            Archive::open(Cursor::new(file), decoding.clone()).map_err(|e| kind(&e))?;
        let images = archive.images().map(|i| i.map(|i| of(i.image, i.name)));
        images.collect::<Result<_, _>>().map_err(|e| kind(&e))
    } else {
        let image = vbc::decode(file, decoding).map_err(|e| kind(&e))?;
        let info = vbc::single::inspect(file, decoding).map_err(|e| kind(&e))?;
        Ok(vec![of(image, info.name)])
    }
}

fn reference(file: &[u8], models: &[Model]) -> Answer {
    let images = vbc_refdec::decode(file, models).map_err(|refusal| refusal.0)?;
    let of = |i: vbc_refdec::Image| {
        let format = PixelFormat::ALL[usize::from(i.shape.format)];
        let shape = Shape { width: i.shape.width, height: i.shape.height, format };
        (shape, i.name, i.data)
    };
    Ok(images.into_iter().map(of).collect())
}

/// Both decoders on a file that holds `images`.
fn agree(file: &[u8], images: &[Image], registry: &Registry, models: &[Model]) {
    let (_, decoding) = options(registry, ModelChoice::Auto);
    let found = reference(file, models);
    assert_eq!(found, library(file, &decoding));
    let pixels: Vec<_> = found.unwrap().into_iter().map(|(_, _, data)| data).collect();
    assert!(pixels.iter().eq(images.iter().map(Image::data)));
}

fn archive(images: &[Image], encoding: &EncodeOptions) -> Vec<u8> {
    let mut writer = ArchiveWriter::new(Vec::new(), encoding.clone()).unwrap();
    for (i, image) in images.iter().enumerate() {
        let name = (i % 7 == 3).then(|| format!("image {i}"));
        writer.add_image(image, name.as_deref()).unwrap();
    }
    writer.finish().unwrap().0
}

/// Singles and archives of `images`, under one choice of model.
fn check(images: &[Image], registry: &Registry, model: &ModelChoice) {
    let (mut encoding, _) = options(registry, model.clone());
    let models = models(registry);
    for (i, image) in images.iter().enumerate() {
        let name = (i % 3 == 1).then_some("ein Name: 0 … 9");
        let file = vbc::encode(image, name, &encoding).unwrap();
        agree(&file, std::slice::from_ref(image), registry, &models);
    }
    for (block, lanes, embed) in [(64, 2, false), (5, 3, true), (1, 1, false)] {
        (encoding.block_images, encoding.lanes, encoding.embed_model) = (block, lanes, embed);
        let file = archive(images, &encoding);
        agree(&file, images, registry, if embed { &[] } else { &models });
    }
}

#[test]
fn sets_under_every_model() {
    let embedded = Registry::embedded();
    for name in ["mnist-100-images-idx3-ubyte", "fashion-100-images-idx3-ubyte"] {
        let images = set(name);
        check(&images, &Registry::empty(), &ModelChoice::None);
        for model in embedded.iter() {
            check(&images, &embedded, &ModelChoice::Fixed(model.id()));
        }
    }
}

#[test]
fn latents_that_an_encoder_looked_for() {
    let synthetic = KINDS_WITH_GRIDS.map(synthetic_model);
    for (set_name, registry) in std::iter::repeat_n("mnist", KINDS_WITH_GRIDS.len())
        .zip(synthetic)
        .chain(["mnist", "fashion"].map(|name| (name, Registry::embedded())))
    {
        // What is gained is less than a byte of some images.
        let images = &set(&format!("{set_name}-100-images-idx3-ubyte"))[..6];
        let models = models(&registry);
        for model in registry.iter().filter(|model| model.latent_len() > 0) {
            let (mut encoding, _) = options(&registry, ModelChoice::Fixed(model.id()));
            let [nearest, found] = [0, 60].map(|tries| {
                encoding.latent_tries = tries;
                let encode = |image| vbc::encode(image, None, &encoding).unwrap();
                let files: Vec<Vec<u8>> = images.iter().map(encode).collect();
                for (image, file) in images.iter().zip(&files) {
                    agree(file, std::slice::from_ref(image), &registry, &models);
                }
                files.iter().map(Vec::len).sum::<usize>()
            });
            assert!(found <= nearest, "{}: {found} and {nearest} bytes", model.name());
            if model.name().starts_with(set_name) {
                assert!(found < nearest, "{}: {found} and {nearest} bytes", model.name());
            }
            let file = archive(images, &encoding);
            agree(&file, images, &registry, &models);
        }
    }
}

#[test]
fn random_images_of_all_formats() {
    let r = &mut Random(1);
    let mut images = Vec::new();
    for i in 0..160 {
        let (width, height) = (1 + r.below(12) as u32, 1 + r.below(9) as u32);
        let shape = Shape { width, height, format: PixelFormat::ALL[i % 8] };
        let mut data = r.pixels(shape.bytes() as usize);
        if i % 5 < 3 {
            // Slopes, for the filters.
            let step = 1 + r.below(9) as usize;
            data.iter_mut().enumerate().for_each(|(k, d)| *d = (k / step) as u8);
        }
        images.push(Image::new(shape, data).unwrap());
    }
    for format in [2, 7] {
        let shape = Shape { width: 40, height: 30, format: PixelFormat::ALL[format] };
        let n = shape.bytes() as usize;
        let data = (0..n).map(|k| (k / 100 + k % 7 + (r.below(3) as usize)) as u8).collect();
        images.push(Image::new(shape, data).unwrap());
    }
    check(&images, &Registry::empty(), &ModelChoice::None);
}

/// The image that a model makes of a stream, with the file of a single image that holds it.
fn redraw(model: &Model, stream: &[u8]) -> Option<(Image, Vec<u8>)> {
    let vbc_refdec::Shape { width, height, .. } = model.shape();
    let shape = Shape { width, height, format: PixelFormat::Grey8 };
    let (pixels, stream) = model.draw(stream).ok()?;
    let head = [b"VB\xB0", &model.id()[..4]].concat();
    let crc = crc32c::crc32c(&[&head, &pixels, &stream].map(|p| &p[..]).concat());
    let file = [&head, &crc.to_le_bytes()[..], &stream].concat();
    Some((Image::new(shape, pixels).unwrap(), file))
}

/// Images drawn from a model, with the files of single images that hold them.
fn draw(model: &Model, n: usize, r: &mut Random) -> Vec<(Image, Vec<u8>)> {
    let mut out = Vec::new();
    while out.len() < n {
        let random: Vec<u8> = (0..3000).map(|_| r.next() as u8).collect();
        out.extend(redraw(model, &random));
    }
    out
}

#[test]
fn drawn_images_of_wild_models() {
    for (seed, bottleneck) in [(11, "rvb"), (12, "nvb"), (13, "none"), (14, "rvb"), (15, "nvb")] {
        let registry = registry(&random_model(bottleneck, false, seed));
        let models = models(&registry);
        for (image, file) in draw(&models[0], 300, &mut Random(seed)) {
            agree(&file, &[image], &registry, &models);
        }
    }
}

#[test]
fn drawn_images_of_larger_models() {
    for (width, height, c, bottleneck, calm) in
        [(9, 15, 5, "rvb", false), (15, 9, 3, "nvb", true), (33, 17, 1, "none", true)]
    {
        let registry = registry(&random_model_of(width, height, c, bottleneck, calm, 41));
        let models = models(&registry);
        let drawn = draw(&models[0], 12, &mut Random(5));
        let shape = drawn[0].0.shape();
        for (image, file) in drawn {
            agree(&file, &[image], &registry, &models);
        }
        // Long runs, so that counts reach 255; a calm model codes them itself.
        let runs = |v: u8| {
            let mut data = vec![v; width * height];
            (3..=v).for_each(|k| data[usize::from(k) * 7919 % (width * height)] = k);
            Image::new(shape, data).unwrap()
        };
        let images: Vec<Image> = [0, 3, 9, 17, 240, 255].map(runs).into();
        let fixed = ModelChoice::Fixed(registry.iter().next().unwrap().id());
        check(&images, &registry, &fixed);
        let (encoding, decoding) = options(&registry, fixed);
        let by_model = |image| {
            let file = vbc::encode(image, None, &encoding).unwrap();
            vbc::single::inspect(&file, &decoding).unwrap().model.is_some()
        };
        let share = images.iter().filter(|image| by_model(image)).count();
        println!("{bottleneck}: {share} of {} runs by the model", images.len());
    }
}

#[test]
fn encoded_images_of_calm_models() {
    for (seed, bottleneck) in [(31, "rvb"), (32, "nvb"), (33, "none")] {
        let registry = registry(&random_model(bottleneck, true, seed));
        let id = registry.iter().next().unwrap().id();
        let models = models(&registry);
        let drawn = draw(&models[0], 150, &mut Random(seed));
        let images: Vec<Image> = drawn.into_iter().map(|(image, _)| image).collect();
        let (encoding, decoding) = options(&registry, ModelChoice::Fixed(id));
        let by_model = |image| {
            let file = vbc::encode(image, None, &encoding).unwrap();
            vbc::single::inspect(&file, &decoding).unwrap().model.is_some()
        };
        let share = images.iter().filter(|image| by_model(image)).count();
        assert!(share > 120, "{bottleneck}: the model codes {share} of 150 images");
        check(&images, &registry, &ModelChoice::Fixed(id));
    }
}

/// Digits of which most have a scan, some with corrections, and images that have none.
fn digits_and_others() -> Vec<Image> {
    let (digits, r) = (set("mnist-100-images-idx3-ubyte"), &mut Random(71));
    let mut images = digits[..6].to_vec();
    let mut add = |pixels: Vec<u8>| images.push(Image::new(digits[0].shape(), pixels).unwrap());
    for (digit, wrong) in [(10, 1), (11, 9), (12, 20), (13, 24), (14, 60)] {
        let mut pixels = digits[digit].data().to_vec();
        (0..wrong).for_each(|_| pixels[r.below(784) as usize] = r.next() as u8);
        add(pixels);
    }
    add(digits[15].data().iter().map(|v| v / 2).collect());
    add(vec![0; 784]);
    add(vec![255; 784]);
    add((0..784).map(|_| r.next() as u8).collect());
    images.extend_from_slice(&set("fashion-100-images-idx3-ubyte")[..2]);
    images.extend_from_slice(&digits[16..18]);
    images
}

fn synthetic_model(kind: synthetic::Kind) -> Registry {
    registry(&synthetic::model_of((28, 28), kind, 3))
}

fn scan_models() -> impl Iterator<Item = Registry> {
    [synthetic::Kind::Scans, synthetic::Kind::RvbScans].into_iter().map(synthetic_model)
}

#[test]
fn images_with_and_without_scans() {
    let images = digits_and_others();
    for registry in scan_models() {
        let fixed = ModelChoice::Fixed(registry.iter().next().unwrap().id());
        let (encoding, decoding) = options(&registry, fixed.clone());
        let mut without = encoding.clone();
        without.scan_tries = 0;
        let scans = images[..8].iter().filter(|image| {
            let file = vbc::encode(image, None, &encoding).unwrap();
            vbc::single::inspect(&file, &decoding).unwrap().model.is_some()
                && file != vbc::encode(image, None, &without).unwrap()
        });
        let scans = scans.count();
        assert!(scans > 5, "{scans} of 8 images by scans");
        check(&images, &registry, &fixed);
        // A block of both kinds that the model codes, in two lanes.
        let mixed = [&images[..5], &images[11..13], &images[6..8]].concat();
        let (block, generic) =
            (archive(&mixed, &encoding), options(&registry, ModelChoice::None).0);
        assert!(block.len() < archive(&mixed, &generic).len());
        agree(&block, &mixed, &registry, &models(&registry));
    }
}

#[test]
fn drawn_scans() {
    for registry in scan_models() {
        let models = models(&registry);
        let r = &mut Random(72);
        for (image, file) in draw(&models[0], 12, r) {
            agree(&file, &[image], &registry, &models);
        }
        // Half a digit, and what the model makes of the rest.
        let fixed = ModelChoice::Fixed(registry.iter().next().unwrap().id());
        let (encoding, _) = options(&registry, fixed);
        for digit in &set("mnist-100-images-idx3-ubyte")[..6] {
            let file = vbc::encode(digit, None, &encoding).unwrap();
            let stream = &file[11..];
            for _ in 0..3 {
                let mut other = stream.to_vec();
                other[r.below(stream.len() as u64) as usize] ^= 1 << r.below(8);
                if let Some((image, file)) = redraw(&models[0], &other) {
                    agree(&file, &[image], &registry, &models);
                }
            }
        }
    }
}

#[test]
fn damaged_scans_are_refused_alike() {
    // With corrections, and a block of one with a scan and one without.
    let images = digits_and_others();
    for registry in scan_models() {
        let models = models(&registry);
        let fixed = ModelChoice::Fixed(registry.iter().next().unwrap().id());
        let (mut encoding, decoding) = options(&registry, fixed);
        encoding.block_images = 2;
        let single = vbc::encode(&images[7], None, &encoding).unwrap();
        let archive = archive(&images[9..13], &encoding);
        for (file, step) in [(single, 67), (archive, 61)] {
            damaged(&file, step, &models, &decoding);
        }
    }
}

/// Both decoders on a file with one of some bits changed, or cut off at some lengths.
fn damaged(file: &[u8], step: usize, models: &[Model], decoding: &DecodeOptions) {
    for bit in (0..8 * file.len()).step_by(step) {
        let mut bad = file.to_vec();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(reference(&bad, models), library(&bad, decoding), "bit {bit}");
    }
    for len in (0..file.len()).step_by(step) {
        let found = reference(&file[..len], models);
        assert_eq!(found, library(&file[..len], decoding), "length {len}");
    }
}

/// Digits and others with the outline of a scan and without, none of them with a scan of few corrections.
fn greys_and_others() -> Vec<Image> {
    let (digits, r) = (set("mnist-100-images-idx3-ubyte"), &mut Random(73));
    let mut images = Vec::new();
    let mut add = |pixels: Vec<u8>| images.push(Image::new(digits[0].shape(), pixels).unwrap());
    for digit in &digits[..12] {
        let mut pixels = digit.data().to_vec();
        // Those that are full stay: the outline has one.
        let greys: Vec<usize> = (0..784).filter(|&p| (1..250).contains(&pixels[p])).collect();
        for _ in 0..60 {
            pixels[greys[r.below(greys.len() as u64) as usize]] = 1 + r.below(249) as u8;
        }
        add(pixels);
    }
    add(digits[0].data().iter().map(|v| if *v < 100 { 0 } else { 255 }).collect());
    add(digits[1].data().iter().map(|v| v / 2).collect());
    add(vec![0; 784]);
    images.extend_from_slice(&set("fashion-100-images-idx3-ubyte")[..1]);
    images
}

const KINDS_WITH_GRIDS: [synthetic::Kind; 8] = [
    synthetic::Kind::Told,
    synthetic::Kind::ToldCells,
    synthetic::Kind::ToldScans,
    synthetic::Kind::ToldValues,
    synthetic::Kind::Grids,
    synthetic::Kind::RvbScans,
    synthetic::Kind::Cells,
    synthetic::Kind::ScanCells,
];

/// The side of the grid of an image, where an encoder codes it by a model and finds one.
fn side(image: &Image, model: &Model, encoding: &EncodeOptions) -> Option<usize> {
    let file = vbc::encode(image, None, encoding).unwrap();
    assert_eq!(&file[..7], [b"VB\xB0", &model.id()[..4]].concat(), "coded by the model");
    model.side_of_grid(&file[11..]).unwrap()
}

#[test]
fn images_with_and_without_grids() {
    let images = greys_and_others();
    for kind in KINDS_WITH_GRIDS {
        let registry = synthetic_model(kind);
        let models = models(&registry);
        let fixed = ModelChoice::Fixed(registry.iter().next().unwrap().id());
        let (mut encoding, _) = options(&registry, fixed.clone());
        let mut no_scans = encoding.clone();
        no_scans.scan_tries = 0;
        let sides = images[..14].iter().map(|image| side(image, &models[0], &no_scans));
        let sides: Vec<Option<usize>> = sides.collect();
        let without = sides[..12].iter().filter(|side| side.is_none()).count();
        let different: BTreeSet<usize> = sides.iter().flatten().copied().collect();
        assert!((3..10).contains(&without) && different.len() > 2, "{kind:?}: {sides:?}");
        assert_eq!(sides[12..], [None; 2], "{kind:?}: greys of no grid");
        check(&images, &registry, &fixed);
        // Scans and grids side by side, in blocks of three lanes.
        (encoding.block_images, encoding.lanes) = (7, 3);
        let mixed = [&images[..5], &digits_and_others()[..5], &images[11..15]].concat();
        agree(&archive(&mixed, &encoding), &mixed, &registry, &models);
    }
}

#[test]
fn drawn_images_of_wild_grids() {
    let mut without = 0;
    for (seed, bottleneck) in [(81, "rvb"), (82, "nvb"), (83, "none")] {
        let r = &mut Random(seed);
        let mut file = random_model_file(28, 28, 56, bottleneck, false, seed);
        add_grids(&mut file, r);
        let registry = registry(&file.file());
        let models = models(&registry);
        for (image, file) in draw(&models[0], 16, r) {
            without += usize::from(models[0].side_of_grid(&file[11..]).unwrap().is_none());
            agree(&file, &[image], &registry, &models);
        }
    }
    assert!((3..45).contains(&without), "{without} of 48 without a grid");
}

#[test]
fn drawn_images_of_wild_cells() {
    let mut without = 0;
    for (seed, bottleneck, has_network) in [
        (84, "rvb", false),
        (85, "nvb", false),
        (86, "none", false),
        (94, "rvb", true),
        (95, "none", true),
    ] {
        let r = &mut Random(seed);
        let mut file = random_model_file(28, 28, 56, bottleneck, false, seed);
        add_cells(&mut file, r, if bottleneck == "none" { 0 } else { 14 }, has_network);
        let registry = registry(&file.file());
        let models = models(&registry);
        let mut bright = 0;
        for (image, file) in draw(&models[0], 16, r) {
            without += usize::from(models[0].side_of_grid(&file[11..]).unwrap().is_none());
            bright += image.data().iter().filter(|v| **v > 0).count();
            agree(&file, &[image], &registry, &models);
        }
        assert!(bright > 500, "{bottleneck}: {bright} pixels of ink");
    }
    assert!((3..70).contains(&without), "{without} of 80 without a grid");
}

#[test]
fn drawn_images_of_wild_latents_that_tell() {
    let mut without = 0;
    for (seed, k) in [(87, 1), (88, 4), (89, 7), (90, 10)] {
        for has_cells in [false, true] {
            let r = &mut Random(seed);
            let mut file = random_model_file(28, 28, 56, "rvb", false, seed);
            if has_cells {
                add_cells(&mut file, r, 14, k % 2 == 0);
            } else {
                add_grids(&mut file, r);
            }
            add_told(&mut file, r, 14, k);
            let registry = registry(&file.file());
            let models = models(&registry);
            for (image, file) in draw(&models[0], 8, r) {
                without += usize::from(models[0].side_of_grid(&file[11..]).unwrap().is_none());
                agree(&file, &[image], &registry, &models);
            }
        }
    }
    assert!((8..56).contains(&without), "{without} of 64 without a grid");
}

#[test]
fn tensors_of_latents_that_tell_are_refused_alike() {
    let told = |k: usize| {
        let r = &mut Random(93);
        let mut file = random_model_file(28, 28, 56, "rvb", false, 93);
        add_grids(&mut file, r);
        add_told(&mut file, r, 14, k);
        file
    };
    (1..=10).for_each(|k| read_alike(&told(k), true, "whole"));
    let change = |good: bool, what: &str, change: &dyn Fn(&mut ModelFile)| {
        let mut file = told(7);
        change(&mut file);
        read_alike(&file, good, what);
    };
    let set = |good: bool, name: &str, values: Vec<i64>| {
        let ty = if name == "told.sides" { "U8" } else { "U32" };
        change(good, name, &|f| {
            let mut next = values.iter();
            f.put(name, ty, &[values.len()], || *next.next().unwrap());
        });
    };
    let whole = told(7).0;
    let sides: Vec<i64> = whole["told.sides"].2.iter().map(|&side| side.into()).collect();
    let words = whole["told.columns"].2.as_chunks().0.iter();
    let columns: Vec<i64> = words.map(|&word| u32::from_le_bytes(word).into()).collect();
    let with = |of: &[i64], at: usize, value: i64| {
        let mut of = of.to_vec();
        of[at] = value;
        of
    };
    set(true, "told.sides", with(&sides, 5, 101));
    set(false, "told.sides", with(&sides, 5, 102));
    set(false, "told.sides", vec![7; 128]);
    set(false, "told.sides", sides[..127].to_vec());
    set(false, "told.sides", [&sides[..], &sides].concat());
    set(false, "told.sides", vec![0]);
    set(true, "told.sides", vec![0; 128]);
    set(false, "told.columns", with(&columns, 3, 128));
    set(false, "told.columns", columns[..13].to_vec());
    set(false, "told.columns", [&columns[..], &[1]].concat());
    // Bit 6 in no column: half of all numbers are never told.
    set(false, "told.columns", columns.iter().map(|column| column & 63).collect());
    for name in whole.keys().filter(|name| name.starts_with("told.")) {
        change(false, name, &|f| drop(f.0.remove(name)));
    }
    change(false, "symbols as well", &|f| f.put("grid.top", "I16", &[16], || 0));
    change(false, "no grids", &|f| f.0.retain(|name, _| !name.starts_with("grid.")));
    change(false, "31 logits", &|f| f.layer("told.place", &[31, 6], 4, &mut Random(1)));
    change(false, "13 inputs", &|f| f.layer("told.hidden", &[6, 13], 6, &mut Random(1)));
    change(true, "other units", &|f| {
        f.layer("told.hidden", &[1, 14], 6, &mut Random(1));
        f.layer("told.place", &[32, 1], 4, &mut Random(1));
    });
    let mut without_latent = random_model_file(28, 28, 56, "none", false, 93);
    add_grids(&mut without_latent, &mut Random(93));
    for (name, tensor) in whole.iter().filter(|t| t.0.starts_with("told.")) {
        without_latent.0.insert(name.clone(), tensor.clone());
    }
    read_alike(&without_latent, false, "no latent");
}

#[test]
fn tensors_of_cells_are_refused_alike() {
    for (has_network, layers) in [
        (false, &[("cells.inputs", 6, 4_853)][..]),
        (true, &[("cells.inputs", 6, 4_853), ("cells.value.inputs", 7, 3_317)]),
    ] {
        cells_are_refused_alike(has_network, layers);
    }
}

/// `layers` are those whose inputs are table rows, their outputs, and the first of their inputs that are classes.
fn cells_are_refused_alike(has_network: bool, layers: &[(&str, usize, usize)]) {
    let with_cells = |width, height| {
        let mut file = random_model_file(width, height, 56, "rvb", false, 92);
        add_cells(&mut file, &mut Random(92), 14, has_network);
        file
    };
    let whole = with_cells(28, 28);
    read_alike(&whole, true, "whole");
    let change = |good: bool, what: &str, change: &dyn Fn(&mut ModelFile)| {
        let mut file = with_cells(28, 28);
        change(&mut file);
        read_alike(&file, good, what);
    };
    for (name, (ty, shape, values)) in whole.0.iter().filter(|t| t.0.starts_with("cells.")) {
        let put = |name: &str, ty: &'static str, shape: &[usize], values: &[u8]| {
            let entry = (ty, shape.to_vec(), values.to_vec());
            change(false, name, &|f| drop(f.0.insert(name.to_owned(), entry.clone())));
        };
        change(false, name, &|f| drop(f.0.remove(name)));
        put(&format!("{name}.more"), ty, shape, values);
        let size = values.len() / shape[0];
        let other = [shape[0] + 1].iter().chain(&shape[1..]).copied().collect::<Vec<_>>();
        put(name, ty, &other, &[values, &values[..size]].concat());
    }
    change(false, "no grids", &|f| f.0.retain(|name, _| !name.starts_with("grid.")));
    if has_network {
        // Both kinds of values.
        change(false, "a head", &|f| f.layer("cells.head", &[23, 6], 5, &mut Random(1)));
    }
    // An input of a class may be twice as large as another: the bound of its layer knows.
    for &(name, outputs, first) in layers {
        let weight = format!("{name}.weight");
        let inputs = whole.0[&weight].1[1];
        // Behind the classes are the three outputs that see the latent.
        let last = inputs - 4;
        for (input, largest) in [(first - 1, 255), (first, 256), (last, 256), (last + 1, 255)] {
            for good in [true, false] {
                let bias = (1i64 << 31) - i64::from(good) - 127 * largest;
                change(good, "a bound", &|f| {
                    let mut weights = vec![0; outputs * inputs];
                    weights[input] = 127;
                    f.0.get_mut(&weight).unwrap().2 = weights;
                    f.put(&format!("{name}.shift"), "U8", &[outputs], || 0);
                    let mut biases = std::iter::once(bias).chain(std::iter::repeat(0));
                    f.put(&format!("{name}.bias"), "I32", &[outputs], || biases.next().unwrap());
                });
            }
        }
    }
}

#[test]
fn damaged_grids_are_refused_alike() {
    let images = greys_and_others();
    for kind in KINDS_WITH_GRIDS {
        let registry = synthetic_model(kind);
        let models = models(&registry);
        let fixed = ModelChoice::Fixed(registry.iter().next().unwrap().id());
        let (mut encoding, decoding) = options(&registry, fixed);
        encoding.block_images = 3;
        damaged(&vbc::encode(&images[0], None, &encoding).unwrap(), 67, &models, &decoding);
        damaged(&archive(&images[9..15], &encoding), 131, &models, &decoding);
    }
}

#[test]
fn damage_is_refused_alike() {
    let registry = registry(&random_model("rvb", true, 21));
    let id = registry.iter().next().unwrap().id();
    let models = models(&registry);
    let drawn = draw(&models[0], 3, &mut Random(2));
    let images: Vec<Image> = drawn.into_iter().map(|(image, _)| image).collect();
    let mut files = Vec::new();
    for model in [ModelChoice::Fixed(id), ModelChoice::None] {
        let (mut encoding, _) = options(&registry, model);
        encoding.block_images = 2;
        files.push(vbc::encode(&images[0], Some("n"), &encoding).unwrap());
        files.push(archive(&images, &encoding));
    }
    let (_, decoding) = options(&registry, ModelChoice::Auto);
    for file in files {
        for bit in 0..8 * file.len() {
            let mut bad = file.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(reference(&bad, &models), library(&bad, &decoding), "bit {bit}");
        }
        for len in 0..file.len() {
            let found = reference(&file[..len], &models);
            assert_eq!(found, library(&file[..len], &decoding), "length {len}");
        }
    }
}

#[test]
fn tails_are_canonical() {
    let registry = registry(&random_model("rvb", false, 51));
    let (models, (_, decoding)) = (models(&registry), options(&registry, ModelChoice::Auto));
    for (image, file) in draw(&models[0], 60, &mut Random(6)) {
        let (head, stream) = (&file[..7], &file[11..]);
        let mut variants = vec![[stream, &[0]].concat(), [stream, &[1]].concat()];
        if let Some((&last, but_last)) = stream.split_last() {
            variants.push(but_last.to_vec());
            variants.push([but_last, &[last.wrapping_add(1)]].concat());
            variants.push([but_last, &[last.wrapping_sub(1)]].concat());
        }
        for stream in variants {
            // The checksum is made to fit, so that only the stream can be at fault.
            let crc = crc32c::crc32c(&[head, image.data(), &stream].concat());
            let bad = [head, &crc.to_le_bytes(), &stream].concat();
            assert_eq!(reference(&bad, &models), Err(Kind::Corrupt));
            assert_eq!(library(&bad, &decoding), Err(Kind::Corrupt));
        }
    }
}

#[test]
fn zstd_data_by_hand() {
    let frame = |data: &[u8]| zstd::bulk::compress(data, 3).unwrap();
    let skippable = [0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 9, 9];
    let pixels: Vec<u8> = (0..18).collect();
    let filtered = [&[0u8; 6][..], &pixels].concat();
    let mut reserved = filtered.clone();
    reserved[5] = 6;
    // 3 × 2 RGB, unfiltered or with filter 0: planes, which are then interleaved.
    let interleaved: Vec<u8> = (0..6).flat_map(|n| (0..3).map(move |c| 6 * c + n)).collect();
    let green: Vec<u8> = (0..6)
        .flat_map(|n| (0..3).map(move |c| 6 * c + n + if c == 1 { 0 } else { 6 + n }))
        .collect();
    let cases = [
        (0, frame(&pixels), &pixels, true),
        (0, [frame(&pixels[..7]), frame(&pixels[7..])].concat(), &pixels, true),
        (0, [&skippable[..], &frame(&pixels), &skippable].concat(), &pixels, true),
        (0, [frame(&pixels), vec![0]].concat(), &pixels, false),
        (0, [frame(&pixels), frame(&pixels)].concat(), &pixels, false),
        (0, frame(&pixels[1..]), &pixels, false),
        (0, Vec::new(), &pixels, false),
        (1, frame(&filtered), &interleaved, true),
        (1, frame(&reserved), &interleaved, false),
        (2, frame(&filtered), &interleaved, false),
        (3, frame(&filtered), &green, true),
        (4, frame(&pixels), &pixels, false),
    ];
    let (_, decoding) = options(&Registry::empty(), ModelChoice::None);
    for (flags, data, pixels, good) in cases {
        let head = b"VB\xAC\x02\x03\x02";
        let stream = [&[flags][..], &data].concat();
        let crc = crc32c::crc32c(&[&head[..], pixels, &stream].concat());
        let file = [&head[..], &crc.to_le_bytes(), &stream].concat();
        let found = reference(&file, &[]);
        assert_eq!(found, library(&file, &decoding));
        assert_eq!(found.is_ok(), good, "flags {flags}, {data:02x?}");
    }
}

#[test]
fn model_files_are_refused_alike() {
    let r = &mut Random(7);
    let (mut good, mut bad) = (0, 0);
    let small = [("rvb", 61), ("nvb", 62), ("none", 63)]
        .map(|(bottleneck, seed)| (random_model(bottleneck, false, seed), 1500));
    let large = [synthetic::Kind::Scans, synthetic::Kind::RvbScans, synthetic::Kind::Grids]
        .map(|kind| (synthetic::model_of((28, 28), kind, 64), 300));
    for (file, changes) in small.into_iter().chain(large) {
        let json = 8 + usize::from(file[0]) + 256 * usize::from(file[1]);
        for i in 0..changes {
            let mut other = file.clone();
            let at = if i % 2 == 0 { r.below(json as u64) } else { r.below(file.len() as u64) };
            other[at as usize] = if i % 3 == 0 { 0x30 + r.below(10) as u8 } else { r.next() as u8 };
            let (found, id) =
                (Model::load(&other), Registry::empty().add_file(&other, &Limits::default()));
            match (found, id) {
                (Ok(model), Ok(id)) => {
                    assert_eq!(model.id(), id.as_bytes());
                    good += 1;
                }
                (Err(refusal), Err(error)) => {
                    assert_eq!(refusal.0, kind(&error), "{refusal:?}, {error}");
                    bad += 1;
                }
                (found, id) => panic!("byte {at}: {:?}, {id:?}", found.map(|m| m.id())),
            }
        }
    }
    assert!(good > 100 && bad > 100, "{good} good, {bad} bad");
}

/// All tensors of scans or none, and none of another name; so for those of grids and of cells.
#[test]
fn parts_of_scans_grids_and_cells_are_refused_alike() {
    for (kind, group, count) in [
        (synthetic::Kind::Scans, "scan", 13),
        (synthetic::Kind::RvbScans, "scan", 14),
        (synthetic::Kind::RvbScans, "grid", 8),
        (synthetic::Kind::Grids, "grid", 8),
        (synthetic::Kind::Cells, "grid", 8),
        (synthetic::Kind::Cells, "cells", 15),
        (synthetic::Kind::ScanCells, "cells", 12),
        (synthetic::Kind::Told, "told", 8),
        (synthetic::Kind::Told, "grid", 4),
        (synthetic::Kind::ToldCells, "told", 8),
        (synthetic::Kind::ToldValues, "cells", 23),
    ] {
        let whole = synthetic::model_of((28, 28), kind, 65);
        let json = 8 + usize::from(whole[0]) + 256 * usize::from(whole[1]);
        let text = String::from_utf8(whole[8..json].to_vec()).unwrap();
        let first = group.len() + 2;
        let group = format!("\"{group}.");
        let names: Vec<usize> = text.match_indices(&group).map(|(at, _)| 8 + at).collect();
        assert_eq!(names.len(), count);
        for &at in &names {
            // The first letter behind the group's name and its point, or that of the group itself: another
            // one.
            for letter in [at + first, at + 1] {
                let mut file = whole.clone();
                file[letter] = b'_';
                let found = Model::load(&file).map_err(|refusal| refusal.0).err();
                let id = Registry::empty().add_file(&file, &Limits::default());
                assert_eq!(found, Some(Kind::BadModel));
                assert_eq!(id.map_err(|e| crate::kind(&e)).err(), found);
            }
        }
    }
}

/// Both readers on a model file.
fn read_alike(file: &ModelFile, good: bool, what: &str) {
    let file = file.file();
    let found = Model::load(&file).map(|model| model.id().to_vec()).map_err(|refusal| refusal.0);
    let id = Registry::empty().add_file(&file, &Limits::default());
    assert_eq!(found, id.map(|id| id.as_bytes().to_vec()).map_err(|e| kind(&e)), "{what}");
    assert_eq!(found.err(), (!good).then_some(Kind::BadModel), "{what}");
}

#[test]
fn tensors_of_grids_are_refused_alike() {
    let with_grids = |width, height| {
        let mut file = random_model_file(width, height, 1, "none", false, 91);
        add_grids(&mut file, &mut Random(91));
        file
    };
    let whole = with_grids(28, 28);
    read_alike(&whole, true, "whole");
    read_alike(&with_grids(27, 28), false, "another shape");
    let change = |good: bool, what: &str, change: &dyn Fn(&mut ModelFile)| {
        let mut file = with_grids(28, 28);
        change(&mut file);
        read_alike(&file, good, what);
    };
    let data = |name: &str| whole.0[&format!("grid.{name}")].2.clone();
    let byte = |name: &'static str, at: usize, value: u8| {
        move |f: &mut ModelFile| f.0.get_mut(&format!("grid.{name}")).unwrap().2[at] = value
    };

    for (name, (ty, shape, values)) in whole.0.iter().filter(|t| t.0.starts_with("grid.")) {
        let put = |name: &str, ty: &'static str, shape: &[usize], values: &[u8]| {
            let entry = (ty, shape.to_vec(), values.to_vec());
            change(false, name, &|f| drop(f.0.insert(name.to_owned(), entry.clone())));
        };
        change(false, name, &|f| drop(f.0.remove(name)));
        put(&format!("{name}.more"), ty, shape, values);
        put(name, if *ty == "U8" { "I8" } else { "U8" }, shape, &values[..shape[0]]);
        let size = values.len() / shape[0];
        put(name, ty, &[shape[0] - 1], &values[size..]);
        put(name, ty, &[shape[0] + 1], &[values, &values[..size]].concat());
        let square = |f: &mut ModelFile| f.0.get_mut(name).unwrap().1 = vec![1, shape[0], 1];
        change(true, name, &square);
    }

    // Classes: the highest of the first side becomes the next, or that of a side with one only.
    let lines = data("lines");
    let most = *lines[..20].iter().max().unwrap();
    let last = lines.iter().take(20).position(|&class| class == most).unwrap();
    for class in [most + 1, 20, 255] {
        change(false, "a class beyond a gap", &byte("lines", last, class));
    }
    let alone = lines.chunks(20).position(|side| side.iter().all(|&class| class == 0)).unwrap();
    for class in [1, 2, 255] {
        change(false, "another class", &byte("lines", 20 * alone, class));
        change(false, "no class 0", &|f| {
            f.0.get_mut("grid.lines").unwrap().2[20 * alone..][..20].fill(class);
        });
    }
    change(true, "classes in another order", &|f| {
        f.0.get_mut("grid.lines").unwrap().2[..20].reverse();
    });

    let (counts, greys) = (data("counts"), data("greys"));
    let two = counts.iter().position(|&count| (2..255).contains(&count)).unwrap();
    let first: usize = counts[..two].iter().map(|&count| usize::from(count)).sum();
    change(false, "too few greys", &byte("counts", two, counts[two] + 1));
    change(false, "too many greys", &byte("counts", two, counts[two] - 1));
    change(false, "equal greys", &byte("greys", first, greys[first + 1]));
    change(false, "the second below the first", &|f| {
        f.0.get_mut("grid.greys").unwrap().2.swap(first, first + 1);
    });
    let zero = counts.iter().position(|&count| count > 0).unwrap();
    let at: usize = counts[..zero].iter().map(|&count| usize::from(count)).sum();
    change(false, "grey 0", &byte("greys", at, 0));
    for (value, good) in [(0, false), (1, true), (255, true)] {
        change(good, "a weight", &byte("weights", first, value));
    }

    for name in ["row", "head.high", "head.low"] {
        let without = random_model_file(28, 28, 1, "none", false, 91);
        change(false, name, &|f| {
            for part in ["weight", "bias", "shift"] {
                let name = format!("{name}.{part}");
                f.0.insert(name.clone(), without.0[&name].clone());
            }
        });
    }
}

/// The last two gates count among the 16 of a head, and towards its bound.
#[test]
fn gates_of_grids_are_bounded_alike() {
    let file = |name: &str, tables: [usize; 3], values: &[i64], grids: bool| {
        let mut file = random_model_file(28, 28, 1, "none", false, 92);
        let image = if name == "head.high" { 64 * 17 } else { 64 };
        for (kind, (len, count)) in
            ["image", "column", "row"].iter().zip([image, 32, 32].into_iter().zip(tables))
        {
            // Each table's first entry is 0, and the last of each image table the next value.
            let (mut values, mut entry) = (values.iter(), 0);
            file.put(&format!("{name}.{kind}"), "I16", &[count * len], || {
                entry += 1;
                let is_last = *kind == "image" && entry % len == 0;
                if is_last { *values.next().unwrap_or(&0) } else { 0 }
            });
        }
        let mut shape = file.0[&format!("{name}.weight")].1.clone();
        let outputs = shape.len() - 2;
        shape[outputs] = 32 + tables.iter().sum::<usize>();
        file.layer(name, &shape, 7, &mut Random(93));
        if grids {
            add_grids(&mut file, &mut Random(93));
        }
        file
    };
    for name in ["head.high", "head.low"] {
        for (tables, grids, good) in [
            ([2, 6, 6], true, true),
            ([2, 6, 7], true, false),
            ([2, 7, 7], false, true),
            ([3, 7, 7], false, false),
        ] {
            read_alike(&file(name, tables, &[], grids), good, &format!("{name} {tables:?}"));
        }
        // 65 537 · 32 767 + 256 is the last below 2³¹; 4 080 + 256 of it are the grid's.
        for (sum, grids, good) in [
            (65_537, false, true),
            (65_538, false, false),
            (61_201, true, true),
            (61_202, true, false),
        ] {
            let values = [32_767, -28_000, sum - 60_767];
            read_alike(&file(name, [3, 0, 0], &values, grids), good, &format!("{name} {sum}"));
        }
    }
}

#[test]
fn contexts_are_refused_alike() {
    for (context, good) in [
        ("1x1", true),
        ("4x6", true),
        ("0x3", false),
        ("5x3", false),
        ("2x0", false),
        ("2x7", false),
        ("02x3", false),
        ("+2x3", false),
        ("2x3 ", false),
        ("2X3", false),
        ("2x3x1", false),
        ("2", false),
        ("", false),
    ] {
        let mut file = zero_model_file();
        file.1 = metadata("2x2x1", "none", 0, context);
        let file = file.file();
        let found = Model::load(&file).map(|model| model.id()).map_err(|refusal| refusal.0);
        let id = Registry::empty().add_file(&file, &Limits::default());
        assert_eq!(found.is_ok(), good, "{context:?}");
        let id = id.map_err(|e| kind(&e));
        assert_eq!(found.map(|id| id.to_vec()), id.map(|id| id.as_bytes().to_vec()), "{context:?}");
    }
}

#[test]
fn layers_without_outputs_are_refused_alike() {
    // Outputs of `row`, of `pixel`, of `hidden`.
    for widths @ [r, a, n] in [[2, 1, 1], [0, 1, 1], [2, 0, 1], [2, 1, 0]] {
        let mut file = zero_model_file();
        for (name, shape) in [
            ("row", &[r, 360][..]),
            ("pixel", &[a, r + 112]),
            ("ink", &[1, a]),
            ("hidden", &[n, a]),
            ("head.high", &[32, n]),
            ("head.low", &[16, 32, n]),
        ] {
            file.put(&format!("{name}.weight"), "I8", shape, || 0);
            file.put(&format!("{name}.bias"), "I32", &shape[..shape.len() - 1], || 0);
            file.put(&format!("{name}.shift"), "U8", &shape[..shape.len() - 1], || 0);
        }
        let file = file.file();
        let library = Registry::empty().add_file(&file, &Limits::default());
        let found = Model::load(&file).map_err(|refusal| refusal.0).err();
        let wanted = widths.contains(&0).then_some(Kind::BadModel);
        assert_eq!(library.map_err(|e| kind(&e)).err(), wanted, "{widths:?}");
        assert_eq!(found, wanted, "{widths:?}");
    }
}

#[test]
fn models_of_other_versions_are_unsupported() {
    for format in ["vbc-model-1", "vbc-model-2", "vbc-model-4"] {
        let mut file = zero_model_file();
        // What the first version had: no context among the metadata.
        file.1.retain(|(key, _)| *key != "context");
        file.1[0].1 = format.to_owned();
        let file = file.file();
        let library = Registry::empty().add_file(&file, &Limits::default());
        assert_eq!(library.map_err(|e| kind(&e)).err(), Some(Kind::Unsupported));
        assert_eq!(Model::load(&file).map_err(|refusal| refusal.0).err(), Some(Kind::Unsupported));
    }
}

#[test]
fn files_come_back() {
    let images = set("mnist-100-images-idx3-ubyte");
    let (encoding, _) = options(&Registry::empty(), ModelChoice::None);
    let mut writer = ArchiveWriter::new(Vec::new(), encoding).unwrap();
    let header = IdxHeader::new(vbc::IdxType::U8, vec![20, 28, 28]).unwrap();
    let pixels: Vec<u8> = images.iter().flat_map(|i| i.data().to_vec()).collect();
    writer.add_image(&images[0], Some("loose")).unwrap();
    writer.begin_idx("images", &header).unwrap();
    writer.add_pixels(&pixels).unwrap();
    writer.end_idx().unwrap();
    writer.add_opaque("labels", &[7; 300]).unwrap();
    let file = writer.finish().unwrap().0;
    let archive = vbc_refdec::Archive::open(&file).unwrap();
    let found = archive.files(&archive.images(&[]).unwrap()).unwrap();
    let idx = [header.to_bytes(), pixels].concat();
    assert_eq!(found, [("images".to_owned(), idx), ("labels".to_owned(), vec![7; 300])]);
}

#[test]
fn pages_appends_and_torn_ends() {
    let shape = Shape { width: 1, height: 1, format: PixelFormat::Grey8 };
    let images: Vec<Image> = (0..2060u32)
        .map(|i| {
            let format = PixelFormat::ALL[usize::from(i % 50 == 7)];
            let shape = Shape { format, ..shape };
            Image::new(shape, vec![i as u8; shape.bytes() as usize]).unwrap()
        })
        .collect();
    let (mut encoding, _) = options(&Registry::empty(), ModelChoice::None);
    encoding.block_images = 3;
    let mut file = Vec::new();
    for (from, to) in [(0, 5), (5, 700), (700, 2040), (2040, 2060)] {
        if from == 0 {
            file = archive(&images[..to], &encoding);
        } else {
            let mut writer = ArchiveWriter::append(Cursor::new(file), encoding.clone()).unwrap();
            images[from..to].iter().for_each(|image| writer.add_image(image, None).unwrap());
            file = writer.finish().unwrap().0.into_inner();
        }
        agree(&file, &images[..to], &Registry::empty(), &[]);
        // What an interrupted append leaves behind the footer.
        let torn = [&file[..], &file[20..90]].concat();
        agree(&torn, &images[..to], &Registry::empty(), &[]);
    }
    encoding.block_images = 1;
    agree(&archive(&images, &encoding), &images, &Registry::empty(), &[]);
}

// ---------------------------------------------------------------- SPEC.md's appendices

fn spec() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../SPEC.md")).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(" ")
}

/// The bytes of the block that follows `heading`: lines of an offset, bytes, and a remark.
fn example(heading: &str) -> Vec<u8> {
    let spec = spec();
    let block =
        spec.split(heading).nth(1).unwrap_or_default().split("```").nth(1).unwrap_or_default();
    let mut bytes = Vec::new();
    for line in block.lines().filter(|l| !l.trim().is_empty()) {
        let (offset, rest) = line.split_once(": ").unwrap();
        assert_eq!(usize::from_str_radix(offset.trim(), 16).unwrap(), bytes.len(), "{line}");
        let digits = rest.split(';').next().unwrap_or_default();
        bytes.extend(digits.split_whitespace().map(|d| u8::from_str_radix(d, 16).unwrap()));
    }
    bytes
}

#[test]
fn examples_of_the_specification() {
    let one = Shape { width: 1, height: 1, format: PixelFormat::Grey8 };
    let pixel = |v: u8| Image::new(one, vec![v]).unwrap();
    let (encoding, _) = options(&Registry::empty(), ModelChoice::None);
    let single = vbc::encode(&pixel(0xC8), None, &encoding).unwrap();

    let mut writer = ArchiveWriter::new(Vec::new(), encoding).unwrap();
    writer.add_image(&pixel(0xC8), Some("a")).unwrap();
    writer.add_image(&pixel(0x07), None).unwrap();
    writer.add_opaque("n", &[0x31]).unwrap();
    let archive = writer.finish().unwrap().0;

    let zero = registry(&zero_model());
    let id = zero.iter().next().unwrap().id();
    let (encoding, _) = options(&zero, ModelChoice::Fixed(id));
    let square = Shape { width: 2, height: 2, format: PixelFormat::Grey8 };
    let corner = Image::new(square, vec![0, 0, 0, 0xC8]).unwrap();
    let shaded = vbc::encode(&corner, None, &encoding).unwrap();
    println!("{}\n{}\n{}", hex(&single), hex(&archive), hex(&shaded));
    assert!(spec().contains(&id.to_string()), "the id of the zero model is {id}");
    let model = Model::load(&zero_model()).unwrap();
    for (heading, file) in [("### A.1", single), ("### A.2", archive), ("### A.3", shaded)] {
        assert_eq!(hex(&example(heading)), hex(&file), "{heading}");
        vbc_refdec::decode(&file, std::slice::from_ref(&model)).unwrap();
    }
}

#[test]
fn vectors_of_the_specification() {
    let numbers = |text: &str| -> Vec<i64> {
        text.split(',').filter_map(|n| n.trim().replace('−', "-").parse().ok()).collect()
    };
    let spec = spec();
    let part = |heading: &str| spec.split(heading).nth(1).unwrap().split("###").next().unwrap();
    let mut rows = 0;
    for line in part("### B.1").lines().skip(4).filter(|l| l.starts_with('|')) {
        let cells: Vec<i64> = line.split('|').filter_map(|n| n.trim().parse().ok()).collect();
        let &[distance, weight] = cells.as_slice() else { panic!("{line}") };
        // All of the rest goes to the second of two, by its share of both weights.
        let scale = (65_534 << 16) / (65_536 + weight);
        let first = 1 + ((65_536 * scale) >> 16);
        assert_eq!(frequencies(&[distance, 0]), [first as u64, 65_536 - first as u64], "{line}");
        rows += 1;
    }
    assert_eq!(rows, 13);
    rows = 0;
    for line in part("### B.2").lines().filter(|l| l.contains(',')) {
        let cells: Vec<&str> = line.split('|').collect();
        let expected: Vec<i64> =
            frequencies(&numbers(cells[1])).iter().map(|&f| f as i64).collect();
        assert_eq!(numbers(cells[2]), expected);
        rows += 1;
    }
    assert_eq!(rows, 3);
    let streams = part("### B.3").split("The last one").next().unwrap();
    for line in streams.lines().filter(|l| l.contains("| (")) {
        let cells: Vec<&str> = line.split('|').collect();
        let digits = cells[2].replace(['`', 'e', 'm', 'p', 't', 'y'], "");
        let stream: Vec<u8> =
            digits.split_whitespace().map(|d| u8::from_str_radix(d, 16).unwrap()).collect();
        let mut decoder = vbc_refdec::Decoder::new(&stream);
        for symbol in cells[1].split('(').skip(1) {
            let pair = numbers(&symbol.replace(')', ""));
            let (start, frequency) = (pair[0] as u64, pair[1] as u64);
            let all = [start, frequency, 65_536 - start - frequency];
            assert_eq!(decoder.symbol(&all).unwrap(), 1, "{line}");
        }
        decoder.finish().unwrap();
        rows += 1;
    }
    assert_eq!(rows, 3 + 7);
}
