//! `vbc-train eval --model`: a shipped model's figures on a whole data set, from real files.

use std::io::Cursor;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use vbc::archive::FileKind;
use vbc::training::{Transform, measure, picked_latents};
use vbc::{
    Archive, ArchiveWriter, Bits, DecodeOptions, EncodeOptions, IdxHeader, Image, Limits, Model,
    ModelChoice, Registry, Shape, decode, encode,
};

use super::chunks::{chunk_figures, psnr};
use crate::data::{Images, idx_file, read_idx, read_labels};

/// What to measure, on what.
#[derive(Clone, Copy, Debug)]
pub struct Measure<'a> {
    /// A folder with a set's four IDX files.
    pub data: &'a Path,
    /// The model file.
    pub model: &'a Path,
    /// Single-image files made of the test images.
    pub singles: usize,
    /// Training images, from the first, that neighbours are looked for among.
    pub references: usize,
    /// So many of the last training images stand in for the test images, and for all training images.
    pub validation: Option<usize>,
    /// How many integers of a latent the encoder changes to look for others. Where it does, the latent's
    /// figures are of those that it chose, and the training images, of which there are many, are not coded.
    pub latent_tries: u32,
}

/// Measures a model file: a JSON object.
///
/// # Errors
/// Those of the data and the codec; any image that does not come back as it was.
pub fn measure_file(args: &Measure) -> Result<Value> {
    let file =
        std::fs::read(args.model).with_context(|| format!("the model {}", args.model.display()))?;
    let model = Model::from_bytes(&file, &Limits::default())?;
    let file_of = |part: &str, kind: &str| idx_file(args.data, &format!("{part}-{kind}-ubyte"));
    let images = |part: &str| read_idx(&file_of(part, "images-idx3"));
    let labels = |part: &str| read_labels(&file_of(part, "labels-idx1"));
    let (mut train, mut train_labels) = (images("train")?, labels("train")?);
    let (test, test_labels) = match args.validation {
        None => (images("t10k")?, labels("t10k")?),
        Some(n) => {
            ensure!(n < train.n, "{n} images for validation of {}", train.n);
            let labels = train_labels.len();
            ensure!(labels == train.n, "{labels} labels of {} images", train.n);
            let (rest, last) = train.split_validation(n);
            train = rest;
            (last, train_labels.split_off(train.n))
        }
    };
    // The model and the untrained coders: an embedded model is not what is measured.
    let mut options = EncodeOptions::default();
    options.registry = Registry::empty();
    options.registry.add_file(&file, &Limits::default())?;
    options.latent_tries = args.latent_tries;
    let decoding = |o: &EncodeOptions| {
        let mut d = DecodeOptions::default();
        d.registry = o.registry.clone();
        d
    };

    // Their overhead is beyond what the usual encoder codes.
    let mut fixed = options.clone();
    fixed.latent_tries = 0;
    fixed.model = ModelChoice::Fixed(model.id());
    let mut report = json!({
        "model": model.name(),
        "id": model.id().to_string(),
        "model_bytes": file.len(),
        "latent_tries": args.latent_tries,
        "single_files": singles(&model, &test, args.singles, &fixed, &decoding(&fixed))?,
        "latent": Value::Null,
    });
    let archived = |images: &Images| packed(images, &options, &decoding(&options));
    let (figures, bytes) = archived(&test)?;
    report[if args.validation.is_some() { "validation_archive" } else { "test_archive" }] = figures;
    if args.validation.is_none() && args.latent_tries == 0 {
        report["train_archive"] = archived(&train)?.0;
    }
    if let Ok(transform) = Transform::from_bytes(&file) {
        let query = match args.latent_tries {
            0 => picked_latents(&model, &test.pixels),
            _ => latents(&bytes, test.n, decoding(&options))?,
        };
        report["latent"] = latent_figures(
            (&model, &transform),
            (&train, &train_labels),
            (&test, &test_labels, &query),
            args.references,
        )?;
    }
    Ok(report)
}

fn shape_of(images: &Images) -> Shape {
    Shape {
        width: images.width as u32,
        height: images.height as u32,
        format: vbc::PixelFormat::Grey8,
    }
}

fn bits(b: Bits) -> f64 {
    b.units() as f64 / Bits::ONE as f64
}

/// Packs images three times, once where they are many or the encoder takes its time, and decodes them again: sizes
/// and times.
pub(crate) fn archive(
    images: &Images,
    options: &EncodeOptions,
    decoding: &DecodeOptions,
) -> Result<Value> {
    Ok(packed(images, options, decoding)?.0)
}

/// The latents that an archive of so many images has.
fn latents(archive: &[u8], images: usize, decoding: DecodeOptions) -> Result<Vec<i32>> {
    let mut archive = Archive::open(Cursor::new(archive), decoding)?;
    let mut all = Vec::new();
    for i in 0..images as u64 {
        all.extend(archive.latent(i)?);
    }
    Ok(all)
}

/// As [`archive`], and the archive itself.
fn packed(
    images: &Images,
    options: &EncodeOptions,
    decoding: &DecodeOptions,
) -> Result<(Value, Vec<u8>)> {
    let header = IdxHeader::parse(&images.idx_header())?;
    let mut original = images.idx_header();
    original.extend_from_slice(&images.pixels);
    let (mut encode_s, mut decode_s) = (f64::INFINITY, f64::INFINITY);
    let mut last = None;
    for _ in 0..if images.n > 20_000 || options.latent_tries > 0 { 1 } else { 3 } {
        let started = Instant::now();
        let mut writer = ArchiveWriter::new(Vec::new(), options.clone())?;
        writer.begin_idx("images", &header)?;
        writer.add_pixels(&images.pixels)?;
        writer.end_idx()?;
        let (bytes, summary) = writer.finish()?;
        encode_s = encode_s.min(started.elapsed().as_secs_f64());

        let started = Instant::now();
        let mut archive = Archive::open(Cursor::new(&bytes), decoding.clone())?;
        let files = archive.files()?;
        let entry = files.first().context("no file in the archive")?;
        ensure!(matches!(entry.kind, FileKind::Idx(_)), "not an IDX file");
        let mut back = Vec::with_capacity(original.len());
        archive.read_file_into(entry, &mut back)?;
        decode_s = decode_s.min(started.elapsed().as_secs_f64());
        ensure!(back == original, "the archive gave other bytes");
        last = Some((bytes, summary));
    }
    let (packed, summary) = last.context("nothing was encoded")?;
    let bytes = packed.len() as f64;
    let n = images.n as f64;
    let d = n * images.image_len() as f64;
    let coded = bits(summary.latent_bits) + bits(summary.residual_bits);
    let figures = json!({
        "images": images.n,
        "bytes": bytes,
        "bits_per_dimension": 8.0 * bytes / d,
        "latent_bits_per_image": bits(summary.latent_bits) / n,
        "residual_bits_per_image": bits(summary.residual_bits) / n,
        "overhead_bytes_per_image": (bytes - coded / 8.0) / n,
        "blocks": summary.blocks,
        "blocks_without_model": summary.blocks_without_model,
        "encode_images_per_second": n / encode_s,
        "decode_images_per_second": n / decode_s,
        "round_trip": "identical",
    });
    Ok((figures, packed))
}

/// The first images as files of their own: what each costs beyond its coded bits.
fn singles(
    model: &Model,
    images: &Images,
    count: usize,
    options: &EncodeOptions,
    decoding: &DecodeOptions,
) -> Result<Value> {
    let count = count.min(images.n);
    let (mut bytes, mut coded, mut most) = (0.0, 0.0, 0.0f64);
    for i in 0..count {
        let image = Image::new(shape_of(images), images.image(i).to_vec())?;
        let file = encode(&image, None, options)?;
        ensure!(decode(&file, decoding)? == image, "image {i} came back different");
        let information: f64 = measure(model, images.image(i), 1)?.into_iter().map(bits).sum();
        bytes += file.len() as f64;
        coded += information / 8.0;
        most = most.max(file.len() as f64 - information / 8.0);
    }
    let n = count as f64;
    Ok(json!({
        "images": count,
        "mean_bytes": bytes / n,
        "mean_overhead_bytes": (bytes - coded) / n,
        "largest_overhead_bytes": most,
        "round_trip": "identical",
    }))
}

/// What the latent tells: its spread, the preview's quality on the test images, and how often the 5
/// nearest training latents name a test image's label.
fn latent_figures(
    (model, transform): (&Model, &Transform),
    (train, train_labels): (&Images, &[u8]),
    (test, test_labels, query): (&Images, &[u8], &[i32]),
    references: usize,
) -> Result<Value> {
    let len = test.image_len();
    let references = references.min(train.n);
    let reference = picked_latents(model, &train.pixels[..references * len]);
    let m = query.len() / test.n;
    let varies = |j: usize| {
        let mut values = query.chunks_exact(m).map(|z| z[j]);
        let first = values.next();
        values.any(|v| Some(v) != first)
    };
    let previews = transform.previews(query, len);
    let pairs = test.pixels.chunks_exact(len).zip(previews.chunks_exact(len));
    let total: f64 = pairs.map(|(x, preview)| psnr(x, preview)).sum();
    let correct = neighbours(
        &transform.values(&reference),
        &train_labels[..references],
        &transform.values(query),
        test_labels,
        m,
    );
    Ok(json!({
        "dimensions": m,
        "dimensions_not_constant": (0..m).filter(|&j| varies(j)).count(),
        "preview_psnr": total / test.n as f64,
        "five_nn_accuracy": correct as f64 / test.n as f64,
        "five_nn_references": references,
        "chunks": chunk_figures(transform, test),
    }))
}

/// How many queries get their own label from a majority of their 5 nearest references, a tie going
/// to the nearest. Euclidean distance.
fn neighbours(reference: &[i32], labels: &[u8], query: &[i32], truth: &[u8], m: usize) -> usize {
    let float = |v: &[i32]| -> Vec<f32> { v.iter().map(|&v| v as f32 / 4096.0).collect() };
    let (reference, query) = (float(reference), float(query));
    let mut correct = 0;
    for (q, &label) in query.chunks_exact(m).zip(truth) {
        let mut nearest = [(f32::INFINITY, 0u8); 5];
        for (r, &l) in reference.chunks_exact(m).zip(labels) {
            let mut lanes = [0f32; 8];
            let (a, b) = (q.as_chunks::<8>(), r.as_chunks::<8>());
            for (a, b) in a.0.iter().zip(b.0) {
                for k in 0..8 {
                    let d = a[k] - b[k];
                    lanes[k] += d * d;
                }
            }
            let rest: f32 = a.1.iter().zip(b.1).map(|(a, b)| (a - b) * (a - b)).sum();
            let distance = lanes.iter().sum::<f32>() + rest;
            if distance < nearest[4].0 {
                let at = nearest.partition_point(|n| n.0 <= distance);
                nearest[at..].rotate_right(1);
                nearest[at] = (distance, l);
            }
        }
        let votes = |l: u8| nearest.iter().filter(|n| n.1 == l).count();
        let most = nearest.iter().map(|n| votes(n.1)).max().unwrap_or(0);
        correct +=
            usize::from(nearest.iter().find(|n| votes(n.1) == most).is_some_and(|n| n.1 == label));
    }
    correct
}
