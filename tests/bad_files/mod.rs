//! Files that must be refused: one small file for each way to be bad, and what to say of it.
//!
//! `cargo xtask bad-files` writes them and their README; a test compares both with this list.

mod archives;
mod idxs;
mod models;
mod singles;

use vbc::{
    ArchiveWriter, EncodeOptions, IdxHeader, IdxType, Image, Limits, ModelChoice, PixelFormat,
    Registry, Section, Shape,
};

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
        "# Bad files\n\nEach must be refused, with the error that `tests/bad_files` names. \
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

/// All bad files.
pub fn files() -> Vec<Bad> {
    let mut all = singles::singles();
    all.extend(archives::archives());
    all.extend(models::models());
    all.extend(idxs::idxs());
    all
}

fn list(
    kind: Kind,
    files: Vec<(&'static str, Vec<u8>, Answer, &'static str)>,
) -> impl Iterator<Item = Bad> {
    files.into_iter().map(move |(name, bytes, answer, why)| Bad { name, bytes, kind, answer, why })
}
