//! Archives.

use super::{Answer, Bad, Kind, archive, encoding, list, with};
use crate::fixup::{self, BLOCK, FOOTER};
use vbc::Section;

/// A file of each kind of fault.
pub fn archives() -> Vec<Bad> {
    use Answer::{Corrupt, Limit, UnknownModel, Unsupported};
    use Section::{Block, File, Footer, Header, Index, Model, Names, Pixels};

    // Sections of the plain archive: block, FILE (IDX), block, block, FILE (opaque), block, page.
    list(
        Kind::Archive,
        vec![
            (
                "archive-short.vbc",
                archive(false, false)[..12].to_vec(),
                Corrupt(Header),
                "Ends inside its header.",
            ),
            (
                "archive-line-ends.vbc",
                with(archive(false, false), |f| _ = f.remove(4)),
                Corrupt(Header),
                "Carried through a text mode: a line end lost a byte.",
            ),
            (
                "archive-version-2.vbc",
                with(archive(false, false), |f| f[8] = 2),
                Unsupported,
                "A version of the future.",
            ),
            (
                "archive-flags.vbc",
                hostile(false, |f| f[9] = 1),
                Corrupt(Header),
                "A reserved flag of the header.",
            ),
            (
                "archive-lanes-0.vbc",
                hostile(false, |f| f[10] = 0),
                Corrupt(Header),
                "No coder lanes.",
            ),
            (
                "archive-lanes-65.vbc",
                hostile(false, |f| f[10] = 65),
                Corrupt(Header),
                "More lanes than allowed.",
            ),
            (
                "archive-block-images-0.vbc",
                hostile(false, |f| f[12] = 0),
                Corrupt(Header),
                "Blocks of no images.",
            ),
            (
                "archive-header-only.vbc",
                archive(false, false)[..20].to_vec(),
                Corrupt(Footer),
                "A header and nothing else.",
            ),
            (
                "archive-no-footer.vbc",
                with(archive(false, false), |f| f.truncate(f.len() - 1)),
                Corrupt(Footer),
                "The last byte is missing.",
            ),
            (
                "archive-torn.vbc",
                with(archive(false, false), |f| f.push(0x84)),
                Corrupt(Block),
                "A byte behind the footer: opened, but not verified.",
            ),
            (
                "archive-root-outside.vbc",
                hostile(false, |f| patch(f, FOOTER, 10, &[0xFF; 8])),
                Corrupt(Footer),
                "A root that reaches beyond the footer.",
            ),
            (
                "archive-totals.vbc",
                hostile(false, |f| patch(f, FOOTER, 18, &[99])),
                Corrupt(Index),
                "More images in the footer than in the index.",
            ),
            (
                "archive-many-images.vbc",
                hostile(false, many_images),
                Limit,
                "An index of 2⁴⁰ images.",
            ),
            (
                "archive-unknown-essential.vbc",
                hostile(false, |f| retype(f, 0xF0)),
                Unsupported,
                "An essential section of an unknown type.",
            ),
            (
                "archive-block-images.vbc",
                hostile(false, |f| patch(f, BLOCK, 3, &[3])),
                Corrupt(Block),
                "A block of more images than the header allows.",
            ),
            (
                "archive-block-no-images.vbc",
                hostile(false, |f| patch(f, BLOCK, 3, &[0])),
                Corrupt(Block),
                "A block of no images.",
            ),
            (
                "archive-block-index.vbc",
                hostile(false, |f| patch(f, BLOCK, 3, &[1])),
                Corrupt(Block),
                "A block of fewer images than the index says.",
            ),
            (
                "archive-block-flags.vbc",
                hostile(false, |f| patch(f, BLOCK, 4, &[7])),
                Corrupt(Block),
                "A reserved flag of a block.",
            ),
            (
                "archive-block-width.vbc",
                hostile(false, |f| patch(f, BLOCK, 6, &[7])),
                Corrupt(Section::Residual),
                "A block of wider images than its pixels fill.",
            ),
            (
                "archive-block-method.vbc",
                hostile(false, |f| patch(f, BLOCK, 2, &[9])),
                Corrupt(Block),
                "A method that is not in the table.",
            ),
            (
                "archive-block-lengths.vbc",
                hostile(false, |f| patch(f, BLOCK, 8, &[0x7F])),
                Corrupt(Block),
                "Names longer than their block.",
            ),
            (
                "archive-names-utf8.vbc",
                hostile(false, |f| names_utf8(f)),
                Corrupt(Names),
                "A name that is not UTF-8.",
            ),
            (
                "archive-pixels.vbc",
                hostile(false, |f| patch(f, BLOCK, 10, &[0, 0, 0, 0])),
                Corrupt(Pixels),
                "A checksum of other pixels.",
            ),
            (
                "archive-idx-images.vbc",
                hostile(false, |f| patch(f, 0x83, 15, &[0, 0, 0, 9])),
                Corrupt(File),
                "An IDX header of more images than the archive has.",
            ),
            (
                "archive-file-kind.vbc",
                hostile(false, |f| patch(f, 0x83, 2, &[2])),
                Corrupt(File),
                "A reserved kind of file.",
            ),
            (
                "archive-unknown-model.vbc",
                hostile(true, |f| unknown_model(f)),
                UnknownModel,
                "A model that nobody has and the archive does not hold.",
            ),
            (
                "archive-model-other.vbc",
                with(archive(true, true), |f| {
                    unknown_model(f);
                    fixup::fix(f);
                }),
                Corrupt(Model),
                "The embedded model is not the one that the table names.",
            ),
        ],
    )
    .collect()
}

/// Makes the first FILE section, and its entry in the root, of type `ty`.
fn retype(file: &mut [u8], ty: u8) {
    let section = fixup::first(file, 0x83);
    file[section.start] = ty;
    let root = fixup::first(file, 0x06);
    // The entry is type, offset, length; no other byte of the root is 83.
    let at = file[root.clone()].iter().position(|&b| b == 0x83).expect("the root lists it");
    file[root.start + at] = ty;
}

/// Lets page, root and footer speak of 2⁴⁰ images.
fn many_images(file: &mut Vec<u8>) {
    let (root, footer) = (fixup::first(file, 0x06), fixup::first(file, FOOTER));
    let images = [0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
    // Type, length, pages, blocks, then the images.
    file.splice(root.start + 4..root.start + 5, images);
    file[root.start + 1] += 5;
    let footer = footer.start + 5;
    let len = u64::from(file[footer + 10]) + 5;
    file[footer + 10..footer + 18].copy_from_slice(&len.to_le_bytes());
    file[footer + 18..footer + 26].copy_from_slice(&(1u64 << 40).to_le_bytes());
}

/// Spoils the first name of the first block, which is stored as it is.
fn names_utf8(file: &mut [u8]) {
    let block = fixup::first(file, BLOCK);
    let at = file[block.clone()].windows(6).position(|w| w == b"a name");
    file[block.start + at.expect("names are stored where zstd does not help")] = 0xFF;
}

/// Changes the id of the model wherever it stands.
fn unknown_model(file: &mut [u8]) {
    let id = encoding(true).registry.iter().next().expect("one model").id();
    for at in 0..file.len() - 32 {
        if file[at..at + 32] == *id.as_bytes() {
            file[at] ^= 0x55;
        }
    }
}

/// An archive after `change`, its checksums made right again.
fn hostile(with_model: bool, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut file = archive(with_model, false);
    change(&mut file);
    fixup::fix(&mut file);
    file
}

/// Puts `bytes` `at` bytes behind the start of the first section of type `ty`.
fn patch(file: &mut [u8], ty: u8, at: usize, bytes: &[u8]) {
    let start = fixup::first(file, ty).start + at;
    file[start..start + bytes.len()].copy_from_slice(bytes);
}
