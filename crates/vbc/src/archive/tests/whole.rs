//! Round trips, sizes, ranges.

use super::*;
use crate::archive::{ArchiveCore, FileKind, Need};
use crate::{Error, PixelFormat};

#[test]
fn everything_comes_back() {
    for embed_model in [false, true] {
        let file = mixed(EncodeOptions { embed_model, ..toy_only() });
        let mut archive = open(&file);
        if embed_model {
            let options = DecodeOptions { registry: toy::registry(&[]), ..decoding() };
            archive = Archive::open(Cursor::new(&file[..]), options).unwrap();
        }
        assert_eq!(archive.len(), 7);
        archive.verify().unwrap();
        let names: Vec<_> =
            archive.images().map(|i| i.unwrap()).map(|i| (i.index, i.name)).collect();
        assert_eq!(names[0], (0, Some("digit 0.png".into())));
        assert_eq!(names[4], (4, None));
        assert_eq!(names[6], (6, Some("colour".into())));
        for i in 0..3 {
            assert_eq!(archive.image(i).unwrap(), image(toy::SHAPE, i as u32));
        }
        let mut buffer = [0; 800];
        assert_eq!(archive.image_into(1, &mut buffer).unwrap(), toy::SHAPE);
        assert_eq!(buffer[..784], toy::picture(toy::SHAPE, 1));
        assert!(matches!(archive.image_into(1, &mut buffer[..783]), Err(Error::Input(_))));
        assert!(matches!(archive.image(7), Err(Error::Input(_))));

        let files = archive.files().unwrap();
        let kinds: Vec<_> = files.iter().map(|f| (f.first_image, f.images)).collect();
        assert_eq!(kinds, [(0, 1), (1, 1), (2, 1), (3, 3), (6, 0), (6, 1)]);
        let mut bytes = Vec::new();
        archive.read_file_into(&files[3], &mut bytes).unwrap();
        let (header, pixels) = idx(3);
        assert_eq!(bytes, [header.to_bytes(), pixels].concat());
        assert_eq!(files[3].kind, FileKind::Idx(header));
        bytes.clear();
        archive.read_file_into(&files[4], &mut bytes).unwrap();
        assert_eq!(bytes, [7, 2, 1, 0, 4, 1, 4, 9]);
        assert_eq!(archive.info().unwrap().methods[0].embedded, embed_model);
    }
}

#[test]
fn latents_are_read_without_the_residual() {
    let (file, _) = write(toy_only(), |w| some(w, 0..64));
    let mut core = ArchiveCore::new(file.len() as u64, decoding());
    let give = |core: &mut ArchiveCore, r: std::ops::Range<u64>| {
        core.supply(r.start, file[r.start as usize..r.end as usize].to_vec());
    };
    while let Need::Range(r) = core.open().unwrap() {
        give(&mut core, r);
    }
    // A core that has seen nothing but the index.
    let Ok(at) = core.locate_block(0) else { panic!("page not at hand") };
    let mut core = ArchiveCore::new(file.len() as u64, decoding());
    let mut last = 0;
    let open = |core: &mut ArchiveCore, last: &mut u64| loop {
        match core.latent(9) {
            Ok(Need::Ready(latent)) => return latent,
            Ok(Need::Range(r)) => {
                *last = r.end;
                give(core, r);
            }
            Err(_) => {
                while let Need::Range(r) = core.open().unwrap() {
                    give(core, r);
                }
            }
        }
    };
    let latent = open(&mut core, &mut last);
    assert!(last < at.range().end, "{last} {at:?}");
    let picture = toy::picture(toy::SHAPE, 9);
    let mean = picture[..8].iter().map(|b| i32::from(*b)).sum::<i32>() / 8;
    assert_eq!((latent.len(), latent[0]), (98, mean));
    let mut archive = super::open(&file);
    assert_eq!(archive.latent(9).unwrap(), latent);
    assert_eq!(i32::from(archive.preview(9).unwrap().data()[7]), mean);
}

#[test]
fn the_first_image_takes_two_ranges() {
    for (embed_model, images) in [(false, 5), (true, 300), (false, 40_000)] {
        let options = EncodeOptions { embed_model, block_images: 64, ..toy_only() };
        let file = if images < 1000 {
            write(options, |w| some(w, 0..images)).0
        } else {
            let shape = Shape { width: 500, height: 300, format: PixelFormat::Rgb8 };
            let noise = (0..450_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 20) as u8);
            let image = Image::new(shape, noise.collect()).unwrap();
            write(options, |w| w.add_image(&image, None).unwrap()).0
        };
        let mut core = ArchiveCore::new(file.len() as u64, decoding());
        let mut reads = 0;
        let first = loop {
            match core.first_image().unwrap() {
                Need::Ready(image) => break image,
                Need::Range(r) => {
                    reads += 1;
                    core.supply(r.start, file[r.start as usize..r.end as usize].to_vec());
                }
            }
        };
        assert!(reads <= 2, "{reads}");
        assert_eq!(first, open(&file).image(0).unwrap());
    }
}

#[test]
fn overhead_of_a_block_and_of_an_archive() {
    let images = 64 * 1500;
    let (header, pixels) = idx(64);
    let mut all = header.dims().to_vec();
    all[0] = images;
    let (file, summary) = write(toy_only(), |w| {
        w.begin_idx("x", &IdxHeader::new(IdxType::U8, all).unwrap()).unwrap();
        for _ in 0..images / 64 {
            w.add_pixels(&pixels).unwrap();
        }
        w.end_idx().unwrap();
    });
    let coded = (summary.latent_bits + summary.residual_bits).ceil().div_ceil(8);
    let overhead = file.len() as u64 - coded;
    let per_block = overhead * 100 / summary.blocks;
    println!("{overhead} bytes over {} blocks: {per_block} hundredths a block", summary.blocks);
    assert!(per_block <= 3000, "{per_block}");
    let (one, summary) = write(toy_only(), |w| some(w, 1..2));
    let coded = (summary.latent_bits + summary.residual_bits).ceil().div_ceil(8);
    println!("an archive of one image: {} bytes over its {coded}", one.len() as u64 - coded);
}

#[test]
fn threads_change_nothing() {
    let one = write(encoding(), |w| some(w, 0..300)).0;
    let many = write(EncodeOptions { threads: 3, ..encoding() }, |w| some(w, 0..300)).0;
    assert_eq!(one, many);
    let parallel = DecodeOptions { threads: 3, ..decoding() };
    let mut archive = Archive::open(Cursor::new(&one), parallel).unwrap();
    let images: Vec<_> = archive.images().map(|i| i.unwrap()).collect();
    assert_eq!(images.len(), 300);
    for (i, entry) in images.iter().enumerate() {
        assert_eq!(entry.image.data(), toy::picture(toy::SHAPE, i as u32));
        assert_eq!(entry.name.is_some(), i % 3 == 0);
    }
}

#[test]
fn pages_fill_and_images_are_found_in_them() {
    let small = Shape { width: 2, height: 1, format: PixelFormat::Grey8 };
    let options = EncodeOptions { block_images: 1, ..encoding() };
    let (file, summary) = write(options, |w| {
        for i in 0..2500u32 {
            let image = Image::new(small, vec![i as u8, (i >> 8) as u8]).unwrap();
            w.add_image(&image, None).unwrap();
        }
    });
    assert_eq!(summary.blocks, 2500);
    let mut archive = open(&file);
    for i in [0u64, 1, 1023, 1024, 1025, 2047, 2048, 2499] {
        assert_eq!(archive.image(i).unwrap().data(), [i as u8, (i >> 8) as u8]);
    }
    archive.verify().unwrap();
    assert_eq!(archive.images().count(), 2500);
}

#[test]
fn auto_takes_the_smallest_and_fixed_falls_back() {
    let flat = Image::new(toy::SHAPE, vec![0; 784]).unwrap();
    let (file, _) = write(encoding(), |w| w.add_image(&flat, None).unwrap());
    assert_eq!(open(&file).image(0).unwrap(), flat);
    let noise = (0..784u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let noise = Image::new(toy::SHAPE, noise).unwrap();
    let (file, summary) = write(toy_only(), |w| w.add_image(&noise, None).unwrap());
    assert_eq!(summary.blocks_without_model, 1, "raw is smaller than the toy's residual");
    assert_eq!(open(&file).image(0).unwrap(), noise);
    let unknown = ModelChoice::Fixed(toy::id(9));
    let mut writer =
        ArchiveWriter::new(Vec::new(), EncodeOptions { model: unknown, ..encoding() }).unwrap();
    writer.add_image(&noise, None).unwrap();
    assert!(matches!(writer.finish(), Err(Error::UnknownModel { .. })));
}

#[test]
fn misuse_of_the_writer_is_refused() {
    let mut writer = ArchiveWriter::new(Vec::new(), encoding()).unwrap();
    assert!(writer.end_idx().is_err());
    assert!(writer.add_pixels(&[0; 784]).is_err());
    assert!(writer.add_image(&image(toy::SHAPE, 0), Some(&"x".repeat(5000))).is_err());
    let (header, pixels) = idx(2);
    writer.begin_idx("a", &header).unwrap();
    assert!(writer.begin_idx("b", &header).is_err());
    assert!(writer.add_opaque("c", &[]).is_err());
    assert!(writer.add_image(&image(toy::SHAPE, 0), None).is_err());
    assert!(writer.add_pixels(&pixels[..783]).is_err());
    writer.add_pixels(&pixels[..784]).unwrap();
    assert!(writer.end_idx().is_err());
    assert!(writer.add_pixels(&pixels).is_err());
    writer.add_pixels(&pixels[784..]).unwrap();
    writer.end_idx().unwrap();
    assert_eq!(writer.finish().unwrap().1.images, 2);
    let lanes = EncodeOptions { lanes: 65, ..encoding() };
    assert!(ArchiveWriter::new(Vec::new(), lanes).is_err());
}

#[test]
fn limits_hold() {
    let file = mixed(encoding());
    let mut options = decoding();
    options.limits.images = 6;
    assert!(matches!(
        Archive::open(Cursor::new(&file), options.clone()),
        Err(Error::Limit { found: 7, .. })
    ));
    options.limits.images = 7;
    options.limits.pixels = 783;
    let mut archive = Archive::open(Cursor::new(&file[..]), options).unwrap();
    assert!(matches!(archive.image(0), Err(Error::Limit { .. })));
    assert!(archive.image(6).is_ok());
}
