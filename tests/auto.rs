//! `auto` is never larger than the best single method by more than a byte an image.

use vbc::{ArchiveWriter, EncodeOptions, Image, ModelChoice, PixelFormat, Shape};

const SHAPE: Shape = Shape { width: 28, height: 28, format: PixelFormat::Grey8 };
const LEN: usize = 784;

fn pixels(name: &str) -> Vec<u8> {
    let idx = std::fs::read(vbc_tests::path(&format!("images/{name}-100-images-idx3-ubyte")));
    idx.expect("the sample is there").split_off(16)
}

/// Bytes of an archive of `pixels`.
fn archive(pixels: &[u8], model: ModelChoice) -> usize {
    let mut options = EncodeOptions::default();
    options.model = model;
    let mut writer = ArchiveWriter::new(Vec::new(), options).expect("options in range");
    for image in pixels.chunks_exact(LEN) {
        let image = Image::new(SHAPE, image.to_vec()).expect("one image's bytes");
        writer.add_image(&image, None).expect("within the limits");
    }
    writer.finish().expect("a buffer takes everything").0.len()
}

#[track_caller]
fn is_as_small_as_the_best(pixels: &[u8]) {
    let registry = EncodeOptions::default().registry;
    let mut methods: Vec<ModelChoice> =
        registry.iter().map(|model| ModelChoice::Fixed(model.id())).collect();
    assert!(methods.len() >= 2, "models are embedded");
    methods.push(ModelChoice::None);
    let best = methods.into_iter().map(|method| archive(pixels, method)).min();
    let (auto, best) = (archive(pixels, ModelChoice::Auto), best.unwrap_or(0));
    let images = pixels.len() / LEN;
    assert!(auto <= best + images, "{auto} bytes where {best} do, of {images} images");
}

#[test]
fn on_two_kinds_of_images_in_turn() {
    let both = [pixels("mnist"), pixels("fashion")];
    let [mnist, fashion] = both.each_ref().map(|set| set.chunks_exact(LEN));
    is_as_small_as_the_best(
        &mnist.zip(fashion).flat_map(|(a, b)| [a, b].concat()).collect::<Vec<_>>(),
    );
}

#[test]
fn on_two_kinds_of_images_one_after_the_other() {
    is_as_small_as_the_best(&[pixels("mnist"), pixels("fashion")].concat());
}

#[test]
fn on_blank_images() {
    is_as_small_as_the_best(&[0; 128 * LEN]);
    is_as_small_as_the_best(&[255; 128 * LEN]);
}

#[test]
fn on_inverted_images() {
    let inverted: Vec<u8> = pixels("mnist").iter().map(|v| 255 - v).collect();
    is_as_small_as_the_best(&inverted);
}
