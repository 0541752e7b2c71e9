//! Archives as a whole, with a toy for a model.

mod append;
mod damage;
mod disk;
mod faults;
mod random;
mod whole;

use std::io::Cursor;

use super::{Archive, ArchiveWriter, Summary};
use crate::image::{IdxHeader, IdxType};
use crate::toy;
use crate::{DecodeOptions, EncodeOptions, Image, ModelChoice, Shape};

fn encoding() -> EncodeOptions {
    EncodeOptions { registry: toy::registry(&[1, 2]), ..EncodeOptions::default() }
}

fn toy_only() -> EncodeOptions {
    EncodeOptions { model: ModelChoice::Fixed(toy::id(1)), ..encoding() }
}

fn decoding() -> DecodeOptions {
    DecodeOptions { registry: toy::registry(&[1, 2]), ..DecodeOptions::default() }
}

fn image(shape: Shape, seed: u32) -> Image {
    Image::new(shape, toy::picture(shape, seed)).unwrap()
}

fn write(
    options: EncodeOptions,
    fill: impl FnOnce(&mut ArchiveWriter<Vec<u8>>),
) -> (Vec<u8>, Summary) {
    let mut writer = ArchiveWriter::new(Vec::new(), options).unwrap();
    fill(&mut writer);
    writer.finish().unwrap()
}

fn open(file: &[u8]) -> Archive<Cursor<&[u8]>> {
    Archive::open(Cursor::new(file), decoding()).unwrap()
}

/// `n` toy images, every third with a name.
fn some(writer: &mut ArchiveWriter<impl std::io::Write>, seeds: std::ops::Range<u32>) {
    for i in seeds {
        let name = i.is_multiple_of(3).then(|| format!("digit {i}.png"));
        writer.add_image(&image(toy::SHAPE, i), name.as_deref()).unwrap();
    }
}

/// An IDX stack as its header and its pixels.
fn idx(images: u32) -> (IdxHeader, Vec<u8>) {
    let header = IdxHeader::new(IdxType::U8, vec![images, 28, 28]).unwrap();
    let pixels = (0..images).flat_map(|i| toy::picture(toy::SHAPE, 1000 + i)).collect();
    (header, pixels)
}

/// A small archive with one of everything.
fn mixed(options: EncodeOptions) -> Vec<u8> {
    write(options, |w| {
        some(w, 0..3);
        let (header, pixels) = idx(3);
        w.begin_idx("t10k-images", &header).unwrap();
        w.add_pixels(&pixels).unwrap();
        w.end_idx().unwrap();
        w.add_opaque("t10k-labels", &[7, 2, 1, 0, 4, 1, 4, 9]).unwrap();
        let format = crate::PixelFormat::Rgb16;
        w.add_image(&image(Shape { width: 3, height: 2, format }, 5), Some("colour")).unwrap();
    })
    .0
}
