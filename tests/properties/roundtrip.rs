//! Whatever a caller can ask for comes back: formats, sizes, names, files, options, appends.

use std::io::Cursor;

use arbitrary::{Result, Unstructured};
use vbc::archive::{FileKind, Storage};
use vbc::{
    Archive, ArchiveWriter, EncodeOptions, IdxHeader, IdxType, Image, ModelChoice, PixelFormat,
    Shape, decode, encode,
};

use super::{decoding, registry, small_limits};
use crate::synthetic;

/// Reads `bytes` as a list of wishes, writes an archive of them in several goes, and single images
/// beside it, and compares all that comes back.
pub fn roundtrip(bytes: &[u8]) {
    // Too few bytes for a choice give the first one; there is always a case.
    let _ = run(&mut Unstructured::new(bytes));
}

/// What went in.
enum Given {
    Image(Image, Option<String>),
    Idx(String, Vec<u8>),
    Opaque(String, Vec<u8>),
}

fn options(u: &mut Unstructured) -> Result<EncodeOptions> {
    let (models, ids) = registry();
    let mut options = EncodeOptions::default();
    options.model = match u.int_in_range(0..=5)? {
        0 => ModelChoice::None,
        n @ 1..=3 => ModelChoice::Fixed(ids[n - 1]),
        _ => ModelChoice::Auto,
    };
    options.block_images = u.int_in_range(1..=5)?;
    options.lanes = u.int_in_range(1..=4)?;
    options.embed_model = u.arbitrary()?;
    options.limits = small_limits();
    options.registry = models;
    Ok(options)
}

fn pixels(u: &mut Unstructured, shape: Shape) -> Result<Vec<u8>> {
    let n = shape.bytes() as usize;
    Ok(match u.int_in_range(0..=3)? {
        0 => vec![u.arbitrary()?; n],
        1 => synthetic::pixels(n, u.arbitrary()?),
        _ => {
            let some = u.bytes(n.min(u.len()))?;
            some.iter().copied().chain(std::iter::repeat(0)).take(n).collect()
        }
    })
}

fn shape(u: &mut Unstructured) -> Result<Shape> {
    // Every other one is the models'.
    let (width, height) = synthetic::SIZE;
    if u.arbitrary()? {
        return Ok(Shape { width, height, format: PixelFormat::Grey8 });
    }
    let format = *u.choose(&PixelFormat::ALL)?;
    Ok(Shape { width: u.int_in_range(1..=40)?, height: u.int_in_range(1..=9)?, format })
}

fn given(u: &mut Unstructured) -> Result<Given> {
    let name: String = u.arbitrary()?;
    Ok(match u.int_in_range(0..=7)? {
        0 => {
            let channels = u.int_in_range(1..=4)?;
            let mut dims = vec![u.int_in_range(1..=7)?, 4, 6];
            if channels > 1 || u.arbitrary()? {
                dims.push(channels);
            }
            let header = IdxHeader::new(IdxType::U8, dims).expect("small");
            let (shape, images) = header.image_shape().expect("bytes of rank 3 or 4");
            let mut file = header.to_bytes();
            for _ in 0..images {
                file.extend(pixels(u, shape)?);
            }
            Given::Idx(name, file)
        }
        1 => Given::Opaque(name, u.arbitrary()?),
        n => {
            let shape = shape(u)?;
            let image = Image::new(shape, pixels(u, shape)?).expect("as many bytes");
            Given::Image(image, (n > 4).then_some(name))
        }
    })
}

fn add(writer: &mut ArchiveWriter<impl std::io::Write>, item: &Given) {
    let added = match item {
        Given::Image(image, name) => writer.add_image(image, name.as_deref()),
        Given::Opaque(name, bytes) => writer.add_opaque(name, bytes),
        Given::Idx(name, file) => {
            let header = IdxHeader::parse(file).expect("made by given()");
            writer
                .begin_idx(name, &header)
                .and_then(|()| writer.add_pixels(&file[header.header_len() as usize..]))
                .and_then(|()| writer.end_idx())
        }
    };
    added.expect("nothing is beyond the limits");
}

fn run(u: &mut Unstructured) -> Result<()> {
    let mut items = Vec::new();
    let first = options(u)?;
    let twin = |threads| {
        let mut options = first.clone();
        options.threads = threads;
        ArchiveWriter::new(Cursor::new(Vec::new()), options).expect("options in range")
    };
    // Threads take time to start, so only some cases have them.
    let mut writers = vec![twin(1)];
    if u.ratio(1, 8)? {
        writers.push(twin(2));
    }
    for _ in 0..u.int_in_range(0..=6)? {
        let item = given(u)?;
        writers.iter_mut().for_each(|writer| add(writer, &item));
        items.push(item);
    }
    let finish = |w: ArchiveWriter<_>| w.finish().expect("a buffer takes everything").0;
    let mut written = writers.into_iter().map(finish);
    let mut storage: Cursor<Vec<u8>> = written.next().expect("one writer at least");
    assert!(written.all(|other| other == storage), "threads change the bytes");
    for _ in 0..u.int_in_range(0..=2)? {
        let options = options(u)?;
        if u.arbitrary()? {
            // An append that was cut short.
            let torn: Vec<u8> = u.arbitrary()?;
            storage.get_mut().extend(torn);
        }
        let mut writer = ArchiveWriter::append(storage, options).expect("just written");
        for _ in 0..u.int_in_range(0..=3)? {
            let item = given(u)?;
            add(&mut writer, &item);
            items.push(item);
        }
        storage = writer.finish().expect("a buffer takes everything").0;
        storage.sync().expect("a buffer is always durable");
    }
    check_archive(storage, &items);
    for item in &items {
        if let Given::Image(image, name) = item {
            let file = encode(image, name.as_deref(), &options(u)?).expect("within the limits");
            assert_eq!(decode(&file, &decoding()).ok().as_ref(), Some(image));
            let longest = image.data().len() + 16 + name.as_ref().map_or(0, |n| n.len() + 2);
            assert!(file.len() <= longest, "{} bytes, at most {longest} promised", file.len());
        }
    }
    Ok(())
}

fn check_archive(storage: Cursor<Vec<u8>>, items: &[Given]) {
    let mut archive = Archive::open(storage, decoding()).expect("just written");
    archive.verify().expect("just written");
    let entries = archive.files().expect("just written");
    assert_eq!(entries.len(), items.len());
    let mut images = 0;
    for (entry, item) in entries.iter().zip(items) {
        assert_eq!(entry.first_image, images);
        match (item, &entry.kind) {
            (Given::Image(image, name), FileKind::Image) => {
                assert_eq!(&entry.name, name);
                assert_eq!(archive.image(images).ok().as_ref(), Some(image));
            }
            (Given::Idx(name, file), FileKind::Idx(_))
            | (Given::Opaque(name, file), FileKind::Opaque) => {
                assert_eq!(entry.name.as_ref(), Some(name));
                let mut back = Vec::new();
                archive.read_file_into(entry, &mut back).expect("just written");
                assert!(&back == file, "other bytes came back");
            }
            _ => panic!("{:?} where something else was added", entry.kind),
        }
        images += entry.images;
    }
    assert_eq!(archive.len(), images);
}
