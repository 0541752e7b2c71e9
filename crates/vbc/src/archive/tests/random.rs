//! Random images, names, files and appends.

use proptest::prelude::*;

use super::*;
use crate::PixelFormat;

#[derive(Clone, Debug)]
enum Input {
    Image(Shape, u32, Option<String>),
    Idx(u32, String),
    Opaque(Vec<u8>, String),
    /// Finish, and open to append.
    Reopen,
}

fn shape() -> impl Strategy<Value = Shape> {
    let any = (1u32..9, 1u32..9, 0usize..8).prop_map(|(width, height, format)| Shape {
        width,
        height,
        format: PixelFormat::ALL[format],
    });
    prop_oneof![Just(toy::SHAPE), any]
}

fn input() -> impl Strategy<Value = Input> {
    let name = "[a-zäß/]{0,9}";
    prop_oneof![
        6 => (shape(), any::<u32>(), proptest::option::of(name))
            .prop_map(|(s, i, n)| Input::Image(s, i, n)),
        1 => (1u32..5, name).prop_map(|(n, name)| Input::Idx(n, name)),
        1 => (proptest::collection::vec(any::<u8>(), 0..40), name)
            .prop_map(|(b, n)| Input::Opaque(b, n)),
        1 => Just(Input::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_goes_in_comes_out(
        inputs in proptest::collection::vec(input(), 0..14),
        block_images in 1u32..6,
        lanes in 1u32..5,
        embed_model: bool,
        fixed: bool,
        threads in 1usize..3,
    ) {
        let model = if fixed { ModelChoice::Fixed(toy::id(2)) } else { ModelChoice::Auto };
        let options =
            EncodeOptions { block_images, lanes, embed_model, threads, model, ..encoding() };
        let mut writer = ArchiveWriter::new(Cursor::new(Vec::new()), options.clone()).unwrap();
        let mut images = Vec::new();
        let mut files = Vec::new();
        for input in &inputs {
            match input {
                Input::Image(shape, seed, name) => {
                    let image = image(*shape, seed % 100_000);
                    writer.add_image(&image, name.as_deref()).unwrap();
                    files.push((name.clone(), images.len() as u64, None));
                    images.push((name.clone(), image));
                }
                Input::Idx(n, name) => {
                    let (header, pixels) = idx(*n);
                    writer.begin_idx(name, &header).unwrap();
                    writer.add_pixels(&pixels).unwrap();
                    writer.end_idx().unwrap();
                    let bytes = [&header.to_bytes(), &pixels[..]].concat();
                    files.push((Some(name.clone()), images.len() as u64, Some(bytes)));
                    images.extend(pixels.chunks(784).map(|p| {
                        (None, Image::new(toy::SHAPE, p.to_vec()).unwrap())
                    }));
                }
                Input::Opaque(bytes, name) => {
                    writer.add_opaque(name, bytes).unwrap();
                    files.push((Some(name.clone()), images.len() as u64, Some(bytes.clone())));
                }
                Input::Reopen => {
                    let file = writer.finish().unwrap().0;
                    writer = ArchiveWriter::append(file, options.clone()).unwrap();
                }
            }
        }
        let file = writer.finish().unwrap().0.into_inner();
        let mut archive = open(&file);
        prop_assert!(archive.verify().is_ok());
        let back: Vec<_> = archive.images().map(|i| i.unwrap()).map(|i| (i.name, i.image)).collect();
        prop_assert_eq!(&back, &images);
        for (i, (name, image)) in images.iter().enumerate() {
            prop_assert_eq!(&archive.image(i as u64).unwrap(), image);
            prop_assert_eq!(&archive.name(i as u64).unwrap(), name);
        }
        let entries = archive.files().unwrap();
        prop_assert_eq!(entries.len(), files.len());
        for (entry, (name, first, bytes)) in entries.iter().zip(&files) {
            prop_assert_eq!((&entry.name, entry.first_image), (name, *first));
            if let Some(bytes) = bytes {
                let mut out = Vec::new();
                archive.read_file_into(entry, &mut out).unwrap();
                prop_assert_eq!(&out, bytes);
            }
        }
    }

    #[test]
    fn hostile_bytes_end_in_errors(
        spots in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6),
    ) {
        let mut file = mixed(toy_only());
        let n = file.len();
        for (at, byte) in spots {
            file[at % n] = byte;
        }
        if let Ok(mut archive) = Archive::open(Cursor::new(&file), decoding()) {
            let _ = archive.verify();
            let _ = archive.files();
            archive.images().for_each(drop);
        }
        let (mut archive, _) = match crate::archive::salvage(Cursor::new(&file), decoding()) {
            Ok(left) => left,
            Err(_) => return Ok(()),
        };
        archive.images().for_each(drop);
        let _ = archive.files();
        let _ = crate::archive::rebuild_index(&mut Cursor::new(file), &decoding());
    }
}
