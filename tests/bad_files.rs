//! Files that must be refused: one small file for each way to be bad, and what to say of it.
//!
//! `cargo xtask bad-files` writes them and their README; a test compares both with this list.

use vbc::{
    ArchiveWriter, EncodeOptions, IdxHeader, IdxType, Image, Limits, ModelChoice, PixelFormat,
    Registry, Section, Shape,
};

use crate::fixup::{self, BLOCK, FOOTER};
use crate::synthetic;

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As a single image.
    Single,
    /// As an archive: opened, its files listed, verified.
    Archive,
    /// As a model file.
    Model,
    /// As an IDX file.
    Idx,
}

/// The error that a file must give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `Error::Corrupt` in this section.
    Corrupt(Section),
    /// `Error::Unsupported`.
    Unsupported,
    /// `Error::UnknownModel`.
    UnknownModel,
    /// `Error::Limit`, under the default limits.
    Limit,
    /// `Error::Model` that names this tensor, key or part.
    Model(&'static str),
    /// `Error::Input`.
    Input,
}

/// A file that must be refused.
pub struct Bad {
    /// Its name under `tests/bad`.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How to read it.
    pub kind: Kind,
    /// The refusal.
    pub answer: Answer,
    /// What is special about it, for the README.
    pub why: &'static str,
}

/// The text of `tests/bad/README.md`.
pub fn readme(files: &[Bad]) -> String {
    let mut text = String::from(
        "# Bad files\n\nEach must be refused, with the error that `tests/bad_files.rs` names. \
         `cargo xtask bad-files` writes them all, and this list.\n\n| file | what is wrong |\n\
         | --- | --- |\n",
    );
    for file in files {
        text.push_str(&format!("| `{}` | {} |\n", file.name, file.why));
    }
    text
}

/// Options of an encoder with one synthetic model, which it uses or not.
pub fn encoding(with_model: bool) -> EncodeOptions {
    let mut options = EncodeOptions::default();
    options.registry = Registry::empty();
    let id = options
        .registry
        .add_file(&synthetic::model(1), &Limits::default())
        .expect("the synthetic model is valid");
    options.model = if with_model { ModelChoice::Fixed(id) } else { ModelChoice::None };
    options
}

/// Grey images of the synthetic model's size; the model makes less than raw bytes of them.
pub fn images(n: u8) -> Vec<Image> {
    let (width, height) = synthetic::SIZE;
    let shape = Shape { width, height, format: PixelFormat::Grey8 };
    let image = |i: u8| {
        let mut pixels = vec![0; 24];
        pixels[usize::from(i) % 24] = 255;
        Image::new(shape, pixels).expect("24 pixels")
    };
    (0..n).map(image).collect()
}

/// A single image coded with the model, with the generic coder, or not at all.
pub fn single(method: &str, name: Option<&str>) -> Vec<u8> {
    let options = encoding(method == "model");
    let image = match method {
        "model" => images(1).remove(0),
        "generic" => {
            let shape = Shape { width: 9, height: 9, format: PixelFormat::Grey8 };
            Image::new(shape, vec![7; 81]).expect("81 pixels")
        }
        _ => {
            let shape = Shape { width: 3, height: 2, format: PixelFormat::Grey8 };
            Image::new(shape, vec![1, 2, 3, 5, 8, 13]).expect("6 pixels")
        }
    };
    vbc::encode(&image, name, &options).expect("within the limits")
}

/// An archive of two blocks of images, an IDX file, an opaque file and a name.
pub fn archive(with_model: bool, embed_model: bool) -> Vec<u8> {
    let mut options = encoding(with_model);
    options.block_images = 2;
    options.embed_model = embed_model;
    let mut writer = ArchiveWriter::new(Vec::new(), options).expect("options in range");
    let images = images(5);
    writer.add_image(&images[0], Some("a name")).expect("within the limits");
    let (width, height) = synthetic::SIZE;
    let header = IdxHeader::new(IdxType::U8, vec![3, height, width]).expect("small");
    writer.begin_idx("digits", &header).expect("a stack");
    images[1..4].iter().for_each(|i| writer.add_pixels(i.data()).expect("three images"));
    writer.end_idx().expect("all are there");
    writer.add_opaque("labels", &[7, 2, 1]).expect("within the limits");
    writer.add_image(&images[4], None).expect("within the limits");
    writer.finish().expect("a buffer takes everything").0
}

/// `file` after `change`.
fn with(mut file: Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    change(&mut file);
    file
}

/// An archive after `change`, its checksums made right again.
fn hostile(with_model: bool, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut file = archive(with_model, false);
    change(&mut file);
    fixup::fix(&mut file);
    file
}

/// Puts `bytes` `at` bytes behind the start of the first section of type `ty`.
fn patch(file: &mut [u8], ty: u8, at: usize, bytes: &[u8]) {
    let start = fixup::first(file, ty).start + at;
    file[start..start + bytes.len()].copy_from_slice(bytes);
}

/// The synthetic model with `from` in its header replaced by as many other bytes.
fn model_header(from: &str, to: &str) -> Vec<u8> {
    let file = synthetic::model(1);
    assert_eq!(from.len(), to.len(), "offsets must not move");
    let at = file.windows(from.len()).position(|w| w == from.as_bytes());
    let at = at.expect("the header holds it");
    with(file, |f| f[at..at + to.len()].copy_from_slice(to.as_bytes()))
}

/// The synthetic model with the data of tensor `name` changed.
fn model_data(name: &str, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut file = synthetic::model(1);
    let header = u64::from_le_bytes(file[..8].try_into().expect("8 bytes")) as usize;
    let text = String::from_utf8_lossy(&file[8..8 + header]).into_owned();
    let entry = &text[text.find(&format!("\"{name}\"")).expect("the tensor is there")..];
    let offsets = &entry[entry.find("offsets\":[").expect("every tensor has them") + 10..];
    let numbers: Vec<usize> = offsets[..offsets.find(']').expect("a list")]
        .split(',')
        .map(|n| n.parse().expect("a number"))
        .collect();
    let data = 8 + header;
    change(&mut file[data + numbers[0]..data + numbers[1]]);
    file
}

/// A raw single image that states a shape, and no pixels.
fn shape(format: u8, width: &[u8], height: &[u8]) -> Vec<u8> {
    [b"VB\xA4", &[format][..], width, height, &[0; 4]].concat()
}

/// All bad files.
pub fn files() -> Vec<Bad> {
    let mut all = singles();
    all.extend(archives());
    all.extend(models());
    all.extend(idxs());
    all
}

fn list(
    kind: Kind,
    files: Vec<(&'static str, Vec<u8>, Answer, &'static str)>,
) -> impl Iterator<Item = Bad> {
    files.into_iter().map(move |(name, bytes, answer, why)| Bad { name, bytes, kind, answer, why })
}

fn singles() -> Vec<Bad> {
    use Answer::{Corrupt, Input, Limit, UnknownModel, Unsupported};
    use Section::{Header, Pixels, Residual};

    let raw = || single("raw", None);
    let huge = &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F];
    list(
        Kind::Single,
        vec![
            ("single-empty.vbc", vec![], Corrupt(Header), "No bytes at all."),
            ("single-magic.vbc", with(raw(), |f| f[1] = b'C'), Corrupt(Header), "Not the magic."),
            (
                "single-neither.vbc",
                with(raw(), |f| f[2] &= 0x7F),
                Corrupt(Header),
                "Neither an archive nor a single image.",
            ),
            (
                "single-archive.vbc",
                archive(false, false),
                Input,
                "An archive where a single image is expected.",
            ),
            (
                "single-version-2.vbc",
                with(raw(), |f| f[2] ^= 0x60),
                Unsupported,
                "A version of the future.",
            ),
            (
                "single-reserved-bit.vbc",
                with(raw(), |f| f[2] |= 1),
                Corrupt(Header),
                "The reserved bit is set.",
            ),
            (
                "single-method-3.vbc",
                with(raw(), |f| f[2] |= 0x18),
                Corrupt(Header),
                "The reserved method.",
            ),
            (
                "single-no-shape.vbc",
                with(raw(), |f| f[2] &= !4),
                Corrupt(Header),
                "A raw image without a shape.",
            ),
            (
                "single-model-with-shape.vbc",
                with(single("model", None), |f| {
                    f[2] |= 4;
                    f.splice(7..7, [0, 6, 4]);
                }),
                Corrupt(Header),
                "A shape where the model implies it.",
            ),
            (
                "single-format-8.vbc",
                shape(8, &[1], &[1]),
                Corrupt(Header),
                "A reserved pixel format.",
            ),
            (
                "single-width-0.vbc",
                shape(0, &[0], &[1]),
                Corrupt(Header),
                "An image without pixels.",
            ),
            (
                "single-long-varint.vbc",
                shape(0, &[0x81, 0], &[1]),
                Corrupt(Header),
                "A width that is not in its shortest form.",
            ),
            (
                "single-wide-varint.vbc",
                shape(0, &[0xFF; 11], &[1]),
                Corrupt(Header),
                "A width of more than 64 bits.",
            ),
            (
                "single-too-large.vbc",
                shape(7, huge, huge),
                Limit,
                "2⁶⁴ pixels: beyond every limit.",
            ),
            (
                "single-too-many-bytes.vbc",
                shape(7, &[0x80, 0x80, 1], &[0x80, 0x80, 1]),
                Limit,
                "Pixels within their limit, bytes beyond the memory's.",
            ),
            (
                "single-name-utf8.vbc",
                with(single("raw", Some("ab")), |f| f[7] = 0xFF),
                Corrupt(Header),
                "A name that is not UTF-8.",
            ),
            (
                "single-name-long.vbc",
                with(single("raw", Some("ab")), |f| {
                    f.splice(6..7, [0x81, 0x20]);
                }),
                Corrupt(Header),
                "A name of 4097 bytes.",
            ),
            (
                "single-unknown-model.vbc",
                with(single("model", None), |f| f[3] ^= 0x55),
                UnknownModel,
                "A model that nobody has.",
            ),
            (
                "single-raw-short.vbc",
                with(raw(), |f| f.truncate(f.len() - 1)),
                Corrupt(Residual),
                "A pixel is missing.",
            ),
            (
                "single-raw-long.vbc",
                with(raw(), |f| f.push(0)),
                Corrupt(Residual),
                "A byte that no pixel accounts for.",
            ),
            (
                "single-generic-flags.vbc",
                with(single("generic", None), |f| f[10] |= 0x80),
                Corrupt(Residual),
                "A reserved flag of the generic coder.",
            ),
            (
                "single-generic-green.vbc",
                with(single("generic", None), |f| f[10] = 3),
                Corrupt(Residual),
                "Green subtracted from a grey image.",
            ),
            (
                "single-model-tail.vbc",
                with(single("model", None), |f| f.push(0)),
                Corrupt(Residual),
                "A byte behind the coder's tail.",
            ),
            (
                "single-checksum.vbc",
                with(raw(), |f| f[6] ^= 1),
                Corrupt(Pixels),
                "A checksum of other pixels.",
            ),
        ],
    )
    .collect()
}

fn archives() -> Vec<Bad> {
    use Answer::{Corrupt, Limit, UnknownModel, Unsupported};
    use Section::{Block, File, Footer, Header, Index, Model, Names, Pixels};

    // Sections of the plain archive: block, FILE (IDX), block, block, FILE (opaque), block, page.
    list(
        Kind::Archive,
        vec![
            (
                "archive-short.vbc",
                archive(false, false)[..12].to_vec(),
                Corrupt(Header),
                "Ends inside its header.",
            ),
            (
                "archive-line-ends.vbc",
                with(archive(false, false), |f| _ = f.remove(4)),
                Corrupt(Header),
                "Carried through a text mode: a line end lost a byte.",
            ),
            (
                "archive-version-2.vbc",
                with(archive(false, false), |f| f[8] = 2),
                Unsupported,
                "A version of the future.",
            ),
            (
                "archive-flags.vbc",
                hostile(false, |f| f[9] = 1),
                Corrupt(Header),
                "A reserved flag of the header.",
            ),
            (
                "archive-lanes-0.vbc",
                hostile(false, |f| f[10] = 0),
                Corrupt(Header),
                "No coder lanes.",
            ),
            (
                "archive-lanes-65.vbc",
                hostile(false, |f| f[10] = 65),
                Corrupt(Header),
                "More lanes than allowed.",
            ),
            (
                "archive-block-images-0.vbc",
                hostile(false, |f| f[12] = 0),
                Corrupt(Header),
                "Blocks of no images.",
            ),
            (
                "archive-header-only.vbc",
                archive(false, false)[..20].to_vec(),
                Corrupt(Footer),
                "A header and nothing else.",
            ),
            (
                "archive-no-footer.vbc",
                with(archive(false, false), |f| f.truncate(f.len() - 1)),
                Corrupt(Footer),
                "The last byte is missing.",
            ),
            (
                "archive-torn.vbc",
                with(archive(false, false), |f| f.push(0x84)),
                Corrupt(Block),
                "A byte behind the footer: opened, but not verified.",
            ),
            (
                "archive-root-outside.vbc",
                hostile(false, |f| patch(f, FOOTER, 10, &[0xFF; 8])),
                Corrupt(Footer),
                "A root that reaches beyond the footer.",
            ),
            (
                "archive-totals.vbc",
                hostile(false, |f| patch(f, FOOTER, 18, &[99])),
                Corrupt(Index),
                "More images in the footer than in the index.",
            ),
            (
                "archive-many-images.vbc",
                hostile(false, many_images),
                Limit,
                "An index of 2⁴⁰ images.",
            ),
            (
                "archive-unknown-essential.vbc",
                hostile(false, |f| retype(f, 0xF0)),
                Unsupported,
                "An essential section of an unknown type.",
            ),
            (
                "archive-block-images.vbc",
                hostile(false, |f| patch(f, BLOCK, 3, &[3])),
                Corrupt(Block),
                "A block of more images than the header allows.",
            ),
            (
                "archive-block-no-images.vbc",
                hostile(false, |f| patch(f, BLOCK, 3, &[0])),
                Corrupt(Block),
                "A block of no images.",
            ),
            (
                "archive-block-index.vbc",
                hostile(false, |f| patch(f, BLOCK, 3, &[1])),
                Corrupt(Block),
                "A block of fewer images than the index says.",
            ),
            (
                "archive-block-flags.vbc",
                hostile(false, |f| patch(f, BLOCK, 4, &[7])),
                Corrupt(Block),
                "A reserved flag of a block.",
            ),
            (
                "archive-block-width.vbc",
                hostile(false, |f| patch(f, BLOCK, 6, &[7])),
                Corrupt(Section::Residual),
                "A block of wider images than its pixels fill.",
            ),
            (
                "archive-block-method.vbc",
                hostile(false, |f| patch(f, BLOCK, 2, &[9])),
                Corrupt(Block),
                "A method that is not in the table.",
            ),
            (
                "archive-block-lengths.vbc",
                hostile(false, |f| patch(f, BLOCK, 8, &[0x7F])),
                Corrupt(Block),
                "Names longer than their block.",
            ),
            (
                "archive-names-utf8.vbc",
                hostile(false, |f| names_utf8(f)),
                Corrupt(Names),
                "A name that is not UTF-8.",
            ),
            (
                "archive-pixels.vbc",
                hostile(false, |f| patch(f, BLOCK, 10, &[0, 0, 0, 0])),
                Corrupt(Pixels),
                "A checksum of other pixels.",
            ),
            (
                "archive-idx-images.vbc",
                hostile(false, |f| patch(f, 0x83, 15, &[0, 0, 0, 9])),
                Corrupt(File),
                "An IDX header of more images than the archive has.",
            ),
            (
                "archive-file-kind.vbc",
                hostile(false, |f| patch(f, 0x83, 2, &[2])),
                Corrupt(File),
                "A reserved kind of file.",
            ),
            (
                "archive-unknown-model.vbc",
                hostile(true, |f| unknown_model(f)),
                UnknownModel,
                "A model that nobody has and the archive does not hold.",
            ),
            (
                "archive-model-other.vbc",
                with(archive(true, true), |f| {
                    unknown_model(f);
                    fixup::fix(f);
                }),
                Corrupt(Model),
                "The embedded model is not the one that the table names.",
            ),
        ],
    )
    .collect()
}

/// Makes the first FILE section, and its entry in the root, of type `ty`.
fn retype(file: &mut [u8], ty: u8) {
    let section = fixup::first(file, 0x83);
    file[section.start] = ty;
    let root = fixup::first(file, 0x06);
    // The entry is type, offset, length; no other byte of the root is 83.
    let at = file[root.clone()].iter().position(|&b| b == 0x83).expect("the root lists it");
    file[root.start + at] = ty;
}

/// Lets page, root and footer speak of 2⁴⁰ images.
fn many_images(file: &mut Vec<u8>) {
    let (root, footer) = (fixup::first(file, 0x06), fixup::first(file, FOOTER));
    let images = [0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
    // Type, length, pages, blocks, then the images.
    file.splice(root.start + 4..root.start + 5, images);
    file[root.start + 1] += 5;
    let footer = footer.start + 5;
    let len = u64::from(file[footer + 10]) + 5;
    file[footer + 10..footer + 18].copy_from_slice(&len.to_le_bytes());
    file[footer + 18..footer + 26].copy_from_slice(&(1u64 << 40).to_le_bytes());
}

/// Spoils the first name of the first block, which is stored as it is.
fn names_utf8(file: &mut [u8]) {
    let block = fixup::first(file, BLOCK);
    let at = file[block.clone()].windows(6).position(|w| w == b"a name");
    file[block.start + at.expect("names are stored where zstd does not help")] = 0xFF;
}

/// Changes the id of the model wherever it stands.
fn unknown_model(file: &mut [u8]) {
    let id = encoding(true).registry.iter().next().expect("one model").id();
    for at in 0..file.len() - 32 {
        if file[at..at + 32] == *id.as_bytes() {
            file[at] ^= 0x55;
        }
    }
}

fn models() -> Vec<Bad> {
    use Answer::{Model, Unsupported};

    let whole = || synthetic::model(1);
    list(
        Kind::Model,
        vec![
            ("model-empty.safetensors", vec![], Model("model file"), "No bytes at all."),
            (
                "model-header-long.safetensors",
                with(whole(), |f| {
                    f.truncate(64);
                    f[..8].copy_from_slice(&[0xFF; 8]);
                }),
                Model("model file"),
                "A header of 2⁶⁴ − 1 bytes.",
            ),
            (
                "model-cut.safetensors",
                with(whole(), |f| f.truncate(f.len() - 1)),
                Model("model file"),
                "The last byte is missing.",
            ),
            (
                "model-longer.safetensors",
                with(whole(), |f| f.push(0)),
                Model("model file"),
                "A byte that no tensor accounts for.",
            ),
            (
                "model-version-2.safetensors",
                model_header("vbc-model-1", "vbc-model-2"),
                Unsupported,
                "A version of the future.",
            ),
            (
                "model-other-format.safetensors",
                model_header("vbc-model-1", "abc-model-1"),
                Model("format"),
                "A safetensors file of something else.",
            ),
            (
                "model-shape.safetensors",
                model_header("4x6x1", "0x6x1"),
                Model("shape"),
                "An image without rows.",
            ),
            (
                "model-colour.safetensors",
                model_header("4x6x1", "4x2x3"),
                Unsupported,
                "A model of colour images.",
            ),
            (
                "model-c.safetensors",
                model_header("\"c\":\"2\"", "\"c\":\"5\""),
                Model("c"),
                "Chunks that do not divide the image.",
            ),
            (
                "model-bottleneck.safetensors",
                model_header("\"rvb\"", "\"xyz\""),
                Model("bottleneck"),
                "An unknown bottleneck.",
            ),
            (
                "model-slope.safetensors",
                model_header("\"slope\":\"3\"", "\"slope\":\"x\""),
                Model("slope"),
                "A slope that is no number.",
            ),
            (
                "model-missing.safetensors",
                model_header("\"hidden.bias\"", "\"hidden.bia_\""),
                Model("hidden.bias"),
                "A tensor has another name.",
            ),
            (
                "model-type.safetensors",
                model_header(
                    "\"latent.step\":{\"dtype\":\"I32",
                    "\"latent.step\":{\"dtype\":\"F32",
                ),
                Model("latent.step"),
                "A tensor of floats.",
            ),
            (
                "model-overflow.safetensors",
                model_data("hidden.bias", |d| d[..4].copy_from_slice(&i32::MAX.to_le_bytes())),
                Model("hidden"),
                "A bias with which an accumulator can overflow.",
            ),
            (
                "model-shift.safetensors",
                model_data("row.shift", |d| d[1] = 25),
                Model("row"),
                "A shift beyond the accumulator's use.",
            ),
            (
                "model-step.safetensors",
                model_data("latent.step", |d| d[..4].fill(0)),
                Model("latent.step"),
                "A quantiser's step of 0.",
            ),
            (
                "model-chunks.safetensors",
                model_data("latent.chunks", |d| d.fill(0)),
                Model("chunks"),
                "Chunks that are no permutation.",
            ),
            (
                "model-split.safetensors",
                model_data("flow.0.split", |d| d[3] = 2),
                Model("flow.0"),
                "A coupling that neither keeps nor changes a position.",
            ),
            (
                "model-mask.safetensors",
                model_data("prior.hidden.weight", |d| d[11] = 1),
                Model("prior.hidden.weight"),
                "A prior that reads a symbol before it is decoded.",
            ),
        ],
    )
    .collect()
}

fn idxs() -> Vec<Bad> {
    use Answer::Corrupt;
    use Section::File;

    let idx = |dims: &[u32], payload: usize| {
        let mut file = vec![0, 0, 8, dims.len() as u8];
        dims.iter().for_each(|d| file.extend(d.to_be_bytes()));
        file.resize(file.len() + payload, 7);
        file
    };
    list(
        Kind::Idx,
        vec![
            ("idx-empty.idx", vec![], Corrupt(File), "No bytes at all."),
            (
                "idx-magic.idx",
                vec![0, 1, 8, 1, 0, 0, 0, 0],
                Corrupt(File),
                "Does not begin with two zeros.",
            ),
            (
                "idx-type.idx",
                vec![0, 0, 0x0A, 1, 0, 0, 0, 0],
                Corrupt(File),
                "An element type that there is not.",
            ),
            (
                "idx-counts-cut.idx",
                idx(&[1, 2, 3], 0)[..14].to_vec(),
                Corrupt(File),
                "Ends among its counts.",
            ),
            (
                "idx-counts-more.idx",
                idx(&[60_000, 28, 28], 28),
                Corrupt(File),
                "Counts of 47 million bytes over 28.",
            ),
            (
                "idx-counts-less.idx",
                idx(&[2, 2, 2], 9),
                Corrupt(File),
                "A byte more than the counts say.",
            ),
            (
                "idx-counts-overflow.idx",
                idx(&[u32::MAX; 3], 0),
                Corrupt(File),
                "Counts that multiply to more than 2⁶⁴.",
            ),
        ],
    )
    .collect()
}
