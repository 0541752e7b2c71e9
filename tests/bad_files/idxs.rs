//! IDX files.

use super::{Answer, Bad, Kind, list};
use vbc::Section;

/// A file of each kind of fault.
pub fn idxs() -> Vec<Bad> {
    use Answer::Corrupt;
    use Section::File;

    let idx = |dims: &[u32], payload: usize| {
        let mut file = vec![0, 0, 8, dims.len() as u8];
        dims.iter().for_each(|d| file.extend(d.to_be_bytes()));
        file.resize(file.len() + payload, 7);
        file
    };
    list(
        Kind::Idx,
        vec![
            ("idx-empty.idx", vec![], Corrupt(File), "No bytes at all."),
            (
                "idx-magic.idx",
                vec![0, 1, 8, 1, 0, 0, 0, 0],
                Corrupt(File),
                "Does not begin with two zeros.",
            ),
            (
                "idx-type.idx",
                vec![0, 0, 0x0A, 1, 0, 0, 0, 0],
                Corrupt(File),
                "An element type that there is not.",
            ),
            (
                "idx-counts-cut.idx",
                idx(&[1, 2, 3], 0)[..14].to_vec(),
                Corrupt(File),
                "Ends among its counts.",
            ),
            (
                "idx-counts-more.idx",
                idx(&[60_000, 28, 28], 28),
                Corrupt(File),
                "Counts of 47 million bytes over 28.",
            ),
            (
                "idx-counts-less.idx",
                idx(&[2, 2, 2], 9),
                Corrupt(File),
                "A byte more than the counts say.",
            ),
            (
                "idx-counts-overflow.idx",
                idx(&[u32::MAX; 3], 0),
                Corrupt(File),
                "Counts that multiply to more than 2⁶⁴.",
            ),
        ],
    )
    .collect()
}
