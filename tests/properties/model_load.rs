//! Model files: whatever loads codes every image exactly, in every order of images.

use std::io::Cursor;

use vbc::{
    Archive, ArchiveWriter, DecodeOptions, EncodeOptions, Error, Image, Model, ModelChoice,
    Registry,
};

use super::small_limits;
use crate::synthetic;

/// The file is refused with a typed error, or a model comes of it that codes and decodes images of
/// its shape, with the same bytes for one thread and for two.
pub fn model_load(file: &[u8]) {
    let limits = small_limits();
    let (loaded, peak) = crate::meter::peak(|| Model::from_bytes(file, &limits));
    let bound = 16 * file.len() + (1 << 20);
    assert!(peak <= bound, "{peak} bytes of memory to load a model of {}", file.len());
    let mut registry = Registry::empty();
    let added = registry.add_file(file, &limits);
    let model = match loaded {
        Ok(model) => model,
        Err(error) => {
            assert!(
                matches!(error, Error::Model { .. } | Error::Unsupported(_) | Error::Limit { .. }),
                "{error}"
            );
            assert_eq!(added.expect_err("it did not load").to_string(), error.to_string());
            return;
        }
    };
    assert_eq!(added.ok(), Some(model.id()));
    let shape = model.shape();
    // Time is bounded by the shape; a fuzzer wants many small ones.
    if shape.bytes() > 1 << 10 {
        return;
    }
    let mut encoding = EncodeOptions::default();
    encoding.limits = limits.clone();
    encoding.registry = registry.clone();
    encoding.model = ModelChoice::Fixed(model.id());
    let mut decoding = DecodeOptions::default();
    decoding.limits = limits;
    decoding.registry = registry;
    let n = shape.bytes() as usize;
    let images: Vec<Image> = [synthetic::pixels(n, 3), vec![255; n], vec![0; n]]
        .into_iter()
        .map(|pixels| Image::new(shape, pixels).expect("as many bytes as the shape has"))
        .collect();
    for image in &images {
        let coded = vbc::encode(image, None, &encoding).expect("any image can be coded");
        assert_eq!(vbc::decode(&coded, &decoding).ok().as_ref(), Some(image));
    }
    encoding.block_images = 2;
    encoding.embed_model = true;
    let archives = [1, 2].map(|threads| {
        let mut options = encoding.clone();
        options.threads = threads;
        let mut writer = ArchiveWriter::new(Vec::new(), options).expect("options in range");
        images.iter().for_each(|i| writer.add_image(i, None).expect("any image can be coded"));
        writer.finish().expect("a buffer takes everything").0
    });
    assert!(archives[0] == archives[1], "threads change the bytes");
    decoding.registry = Registry::empty();
    let mut archive = Archive::open(Cursor::new(&archives[0]), decoding).expect("just written");
    archive.verify().expect("just written");
    for (i, image) in images.iter().enumerate() {
        assert_eq!(archive.image(i as u64).ok().as_ref(), Some(image));
    }
}
