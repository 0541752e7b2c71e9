//! Encodings of the sample images under every coder and option that may not change a byte, each as
//! one line: what it is, its length, and its CRC-32C. All machines must print the same lines.

use std::fmt::Write as _;

use vbc::{ArchiveWriter, EncodeOptions, IdxHeader, Image, Limits, ModelChoice, Registry, Shape};

use crate::synthetic::{self, Kind};

const SAMPLES: [(&str, &[u8]); 2] = [
    ("mnist", include_bytes!("images/mnist-100-images-idx3-ubyte")),
    ("fashion", include_bytes!("images/fashion-100-images-idx3-ubyte")),
];

/// A coder, by the name that stands in the lines.
struct Coder {
    name: String,
    model: ModelChoice,
    registry: Registry,
}

impl Coder {
    fn generic() -> Self {
        Coder { name: "generic".into(), model: ModelChoice::None, registry: Registry::empty() }
    }

    fn synthetic(kind: Kind, (width, height): (u32, u32)) -> Self {
        let mut registry = Registry::empty();
        let file = synthetic::model_of((width, height), kind, 1);
        let id = registry.add_file(&file, &Limits::default()).expect("the model is valid");
        let name = format!("synthetic-{kind:?}").to_lowercase();
        Coder { name, model: ModelChoice::Fixed(id), registry }
    }

    fn options(&self, block_images: u32, threads: usize) -> EncodeOptions {
        let mut options = EncodeOptions::default();
        options.model = self.model.clone();
        options.registry = self.registry.clone();
        options.block_images = block_images;
        options.threads = threads;
        options
    }
}

fn images(shape: Shape, pixels: &[u8]) -> Vec<Image> {
    let chunks = pixels.chunks_exact(shape.bytes() as usize);
    chunks.map(|p| Image::new(shape, p.to_vec()).expect("one image's bytes")).collect()
}

/// The lines of one coder and one set of images; the same for any number of threads.
fn set(lines: &mut String, coder: &Coder, set: &str, images: &[Image]) {
    let mut line = |what: &str, len: usize, crc: u32| {
        let _ = writeln!(lines, "{set} {} {what} {len} {crc:08x}", coder.name);
    };
    for block in [1, 64] {
        let archives = [1, 2].map(|threads| {
            let mut writer = ArchiveWriter::new(Vec::new(), coder.options(block, threads))
                .expect("options in range");
            images.iter().for_each(|i| writer.add_image(i, None).expect("within the limits"));
            writer.finish().expect("a buffer takes everything").0
        });
        assert!(archives[0] == archives[1], "the number of threads changes the bytes");
        line(&format!("block-{block}"), archives[0].len(), crc32c::crc32c(&archives[0]));
    }
    let options = coder.options(1, 1);
    let (mut len, mut crc) = (0, 0);
    for image in images {
        let file = vbc::encode(image, None, &options).expect("within the limits");
        len += file.len();
        crc = crc32c::crc32c_append(crc, &file);
    }
    line("single", len, crc);
}

/// Images of each sample.
pub const ALL: usize = 100;

/// All lines, made of the first `count` images of each sample.
pub fn lines(count: usize) -> String {
    let mut lines = String::new();
    for (name, file) in SAMPLES {
        let header = IdxHeader::parse(file).expect("a sample");
        let (shape, _) = header.image_shape().expect("a stack of images");
        let mut images = images(shape, &file[header.header_len() as usize..]);
        images.truncate(count);
        set(&mut lines, &Coder::generic(), name, &images);
        for model in Registry::embedded().iter() {
            let coder = Coder {
                name: model.name().to_owned(),
                model: ModelChoice::Fixed(model.id()),
                registry: Registry::embedded(),
            };
            set(&mut lines, &coder, name, &images);
        }
        // A synthetic model is slow for its size, and a tenth shows as much.
        let size = (shape.width, shape.height);
        for (kind, part) in [
            (Kind::NoLatent, 10),
            (Kind::Scans, 16),
            (Kind::RvbScans, 16),
            (Kind::Grids, 10),
            (Kind::Cells, 10),
            (Kind::ScanCells, 16),
            (Kind::Told, 10),
            (Kind::ToldCells, 10),
            (Kind::ToldScans, 16),
            (Kind::ToldValues, 10),
        ] {
            set(&mut lines, &Coder::synthetic(kind, size), name, &images[..count.div_ceil(part)]);
        }
    }
    let (width, height) = synthetic::SIZE;
    let shape = Shape { width, height, format: vbc::PixelFormat::Grey8 };
    let noise = images(shape, &synthetic::pixels(count * shape.bytes() as usize, 5));
    for kind in [Kind::Rvb, Kind::Nvb, Kind::NoLatent] {
        set(&mut lines, &Coder::synthetic(kind, synthetic::SIZE), "noise", &noise);
    }
    for format in vbc::PixelFormat::ALL {
        let image = crate::pattern(33, 17, format);
        set(&mut lines, &Coder::generic(), &format!("{format:?}").to_lowercase(), &[image]);
    }
    lines
}
