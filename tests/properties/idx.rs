//! IDX files: header and counts are believed only as far as the file bears them out, and what was
//! taken in comes back byte for byte.

use std::io::Cursor;

use vbc::{Archive, ArchiveWriter, EncodeOptions, Error, IdxHeader};

use super::{decoding, metered, registry, small_limits};

/// The header is parsed or refused with a place; if the length fits too, the file goes through an
/// archive, as a stack of images or as bytes, and comes back.
pub fn idx(file: &[u8]) {
    let parsed = metered(0, || IdxHeader::parse(file));
    let header = match parsed {
        Ok(header) => header,
        Err(Error::Corrupt { place, .. }) => {
            // What is missing lies behind the end, so only the start must be within the file.
            let bytes = place.bytes.expect("a place");
            assert!(bytes.start <= file.len() as u64 && bytes.start < bytes.end);
            return;
        }
        Err(other) => panic!("neither a header nor corrupt: {other}"),
    };
    let start = header.to_bytes();
    assert!(file.starts_with(&start), "a header is written as it was read");
    assert_eq!(start.len() as u64, header.header_len());
    assert_eq!(IdxHeader::new(header.ty(), header.dims().to_vec()).ok().as_ref(), Some(&header));
    let whole = header.header_len().checked_add(header.payload_len()) == Some(file.len() as u64);
    assert_eq!(header.check_file_len(file.len() as u64).is_ok(), whole);
    let pixels = &file[start.len()..];
    let mut options = EncodeOptions::default();
    options.limits = small_limits();
    options.registry = registry().0;
    let mut writer = ArchiveWriter::new(Vec::new(), options).expect("options in range");
    let stack = header.image_shape().is_some();
    let added = if stack {
        writer.begin_idx("data", &header).and_then(|()| {
            let added = writer.add_pixels(pixels).and_then(|()| writer.end_idx());
            assert_eq!(added.is_ok(), whole, "a stack of another length than its header says");
            added
        })
    } else {
        writer.add_opaque("data", file)
    };
    if let Err(error) = added {
        assert!(matches!(error, Error::Input(_) | Error::Limit { .. }), "{error}");
        return;
    }
    let (archive, _) = writer.finish().expect("a buffer takes everything");
    let mut archive = Archive::open(Cursor::new(archive), decoding()).expect("just written");
    let entry = archive.files().expect("just written").remove(0);
    let mut back = Vec::new();
    archive.read_file_into(&entry, &mut back).expect("just written");
    assert!(back == file, "other bytes came back");
}
