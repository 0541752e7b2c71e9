//! The checked-in samples, and archives of them.
#![allow(dead_code, reason = "each benchmark takes what it needs")]

use std::io::Cursor;

use vbc::{Archive, ArchiveWriter, DecodeOptions, EncodeOptions, IdxHeader, Image, ModelChoice};

/// A hundred images of one set, and the model that was made for it.
pub struct Set {
    /// Name of the set.
    pub name: &'static str,
    /// All images; they are of one shape.
    pub images: Vec<Image>,
    /// With the set's own model and one thread.
    pub encoding: EncodeOptions,
}

/// Every set that the repository has samples of.
pub fn sets() -> Vec<Set> {
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/images");
    ["mnist", "fashion"].map(|name| set(samples, name)).into()
}

fn set(samples: &str, name: &'static str) -> Set {
    let path = format!("{samples}/{name}-100-images-idx3-ubyte");
    let file = std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut rest = file.as_slice();
    let header = IdxHeader::read(&mut rest).expect("an IDX file");
    let (shape, _) = header.image_shape().expect("a stack of images");
    let size = usize::try_from(shape.bytes()).expect("a small image");
    let image = |pixels: &[u8]| Image::new(shape, pixels.to_vec()).expect("a whole image");
    let mut encoding = EncodeOptions::default();
    let model = encoding.registry.iter().find(|model| model.name().starts_with(name));
    encoding.model = ModelChoice::Fixed(model.expect("an embedded model").id());
    Set { name, images: rest.chunks_exact(size).map(image).collect(), encoding }
}

impl Set {
    /// The bytes of an archive of all images.
    pub fn archive(&self) -> Vec<u8> {
        let mut writer = ArchiveWriter::new(Vec::new(), self.encoding.clone()).expect("options");
        for image in &self.images {
            writer.add_image(image, None).expect("added");
        }
        writer.finish().expect("finished").0
    }
}

/// Opens the bytes of an archive.
pub fn open(file: &[u8]) -> Archive<Cursor<&[u8]>> {
    Archive::open(Cursor::new(file), DecodeOptions::default()).expect("an archive")
}
