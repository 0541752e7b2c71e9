//! Adding to an archive, and appends that are cut short.

use super::*;
use crate::archive::rebuild_index;

fn append(file: Vec<u8>, fill: impl FnOnce(&mut ArchiveWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
    let mut writer = ArchiveWriter::append(Cursor::new(file), toy_only()).unwrap();
    fill(&mut writer);
    writer.finish().unwrap().0.into_inner()
}

#[test]
fn appends_follow_one_another() {
    let first = write(EncodeOptions { block_images: 4, ..toy_only() }, |w| some(w, 0..6)).0;
    let second = append(first.clone(), |w| some(w, 6..9));
    assert_eq!(second[..first.len()], first);
    let third = append(second.clone(), |w| {
        w.add_opaque("labels", b"0123").unwrap();
        some(w, 9..20);
    });
    let mut archive = open(&third);
    archive.verify().unwrap();
    assert_eq!(archive.len(), 20);
    assert_eq!(archive.info().unwrap().block_images, 4);
    for i in 0..20 {
        assert_eq!(archive.image(i).unwrap(), image(toy::SHAPE, i as u32));
    }
    assert_eq!(archive.files().unwrap()[9].name.as_deref(), Some("labels"));
    assert_eq!(archive.info().unwrap().methods.len(), 1);
}

#[test]
fn a_torn_append_leaves_the_old_archive() {
    let old = write(EncodeOptions { block_images: 4, ..toy_only() }, |w| some(w, 0..6)).0;
    let new = append(old.clone(), |w| some(w, 6..9));
    for len in old.len()..new.len() {
        let torn = &new[..len];
        let mut archive = open(torn);
        assert_eq!((archive.len(), archive.info().unwrap().torn), (6, (len - old.len()) as u64));
        assert_eq!(archive.image(5).unwrap(), image(toy::SHAPE, 5));
        assert_eq!(archive.verify().is_ok(), len == old.len());
        // An append over the torn tail is as if there had been none.
        assert!(append(torn.to_vec(), |w| some(w, 6..9)) == new, "{len}");
        // A rebuild takes in what is whole.
        let mut storage = Cursor::new(torn.to_vec());
        rebuild_index(&mut storage, &decoding()).unwrap();
        open(storage.get_ref()).verify().unwrap();
    }
    let mut far = old.clone();
    far.resize(old.len() + 200_000, 0xF5);
    assert_eq!(open(&far).len(), 6);
}

#[test]
fn an_archive_inside_an_archive_is_not_taken_for_its_end() {
    let inner = write(toy_only(), |w| some(w, 0..2)).0;
    let mut outer = ArchiveWriter::new(Vec::new(), toy_only()).unwrap();
    outer.add_opaque("inner.vbc", &inner).unwrap();
    let file = outer.finish().unwrap().0;
    assert_eq!(open(&file).len(), 0);
    assert!(Archive::open(Cursor::new(&file[..file.len() - 1]), decoding()).is_err());
}

#[test]
fn pages_stay_full_over_appends() {
    let small = Shape { width: 1, height: 1, format: crate::PixelFormat::Grey8 };
    let one = |i: u32| Image::new(small, vec![i as u8]).unwrap();
    let options = EncodeOptions { block_images: 1, ..encoding() };
    let mut file =
        write(options, |w| (0..1000).for_each(|i| w.add_image(&one(i), None).unwrap())).0;
    for end in [1024, 1025, 2100] {
        let start = open(&file).len() as u32;
        file = append(file, |w| (start..end).for_each(|i| w.add_image(&one(i), None).unwrap()));
        let mut archive = open(&file);
        archive.verify().unwrap();
        assert_eq!(archive.image(u64::from(end) - 1).unwrap(), one(end - 1));
        assert_eq!(archive.image(1000).unwrap(), one(1000));
    }
}
