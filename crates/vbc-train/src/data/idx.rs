//! The IDX format of MNIST and its kin, plain or in gzip.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::{DataError, Images};

/// The IDX file `name` of a folder: as it is if there is such a file, else in gzip.
pub fn idx_file(folder: &Path, name: &str) -> PathBuf {
    let plain = folder.join(name);
    if plain.exists() { plain } else { folder.join(format!("{name}.gz")) }
}

/// Reads an IDX file of unsigned bytes: rank 3 (images, rows, columns) or rank 4 (images, rows,
/// columns, channels). A gzip wrapper is recognised by its first bytes.
///
/// # Errors
/// Where the file cannot be read or is not what its header says.
pub fn read_idx(path: &Path) -> Result<Images, DataError> {
    let io = |source| DataError::Io { path: path.to_owned(), source };
    let mut input = BufReader::new(File::open(path).map_err(io)?);
    let zipped = input.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
    let images = if zipped { parse(MultiGzDecoder::new(input)) } else { parse(input) };
    images.map_err(|e| match e {
        Failure::Io(source) => io(source),
        Failure::Data(e) => e,
    })
}

/// Reads an IDX file of labels: unsigned bytes of rank 1, plain or in gzip.
///
/// # Errors
/// As [`read_idx`].
pub fn read_labels(path: &Path) -> Result<Vec<u8>, DataError> {
    let io = |source| DataError::Io { path: path.to_owned(), source };
    let mut input = BufReader::new(File::open(path).map_err(io)?);
    let zipped = input.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
    let mut bytes = Vec::new();
    if zipped {
        MultiGzDecoder::new(input).read_to_end(&mut bytes).map_err(io)?;
    } else {
        input.read_to_end(&mut bytes).map_err(io)?;
    }
    let Some((&[a, b, c, d, e, f, g, h], labels)) = bytes.split_first_chunk() else {
        return Err(DataError::Header);
    };
    if [a, b, c, d] != [0, 0, 8, 1] {
        return Err(DataError::Magic([a, b, c, d]));
    }
    let wanted = u32::from_be_bytes([e, f, g, h]) as usize;
    if labels.len() != wanted {
        return Err(DataError::Length { sizes: vec![wanted as u32], wanted, found: labels.len() });
    }
    Ok(labels.to_vec())
}

/// Reads images from an uncompressed IDX file's bytes, as [`read_idx`].
///
/// # Errors
/// Where the bytes are not what their header says.
pub fn parse_idx(bytes: &[u8]) -> Result<Images, DataError> {
    parse(bytes).map_err(|e| match e {
        Failure::Io(_) => DataError::Header,
        Failure::Data(e) => e,
    })
}

enum Failure {
    Io(std::io::Error),
    Data(DataError),
}

impl From<DataError> for Failure {
    fn from(e: DataError) -> Self {
        Self::Data(e)
    }
}

fn parse(mut input: impl Read) -> Result<Images, Failure> {
    let magic = word(&mut input)?;
    let rank = match magic {
        [0, 0, 8, rank @ 3..=4] => usize::from(rank),
        _ => return Err(DataError::Magic(magic).into()),
    };
    let sizes = (0..rank)
        .map(|_| word(&mut input).map(u32::from_be_bytes))
        .collect::<Result<Vec<u32>, Failure>>()?;
    let wanted = sizes.iter().try_fold(1usize, |all, &s| all.checked_mul(s as usize));
    let wanted = match wanted {
        Some(wanted) if wanted > 0 && wanted < isize::MAX as usize => wanted,
        _ => return Err(DataError::Sizes(sizes).into()),
    };
    // Grows with what is there: a false header must not reserve its sizes' product. One byte more
    // than wanted is read to see whether the input ends where it should.
    let mut pixels = Vec::new();
    input.take(wanted as u64 + 1).read_to_end(&mut pixels).map_err(Failure::Io)?;
    if pixels.len() != wanted {
        return Err(DataError::Length { sizes, wanted, found: pixels.len() }.into());
    }
    let channels = sizes.get(3).map_or(1, |&c| c as usize);
    let [n, height, width] = [0, 1, 2].map(|i| sizes[i] as usize);
    Ok(Images { n, height, width, channels, pixels })
}

fn word(input: &mut impl Read) -> Result<[u8; 4], Failure> {
    let mut bytes = [0; 4];
    input.read_exact(&mut bytes).map_err(|e| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => DataError::Header.into(),
        _ => Failure::Io(e),
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(rank: u8, sizes: &[u32], pixels: usize) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, rank];
        sizes.iter().for_each(|s| bytes.extend(s.to_be_bytes()));
        bytes.extend((0..pixels).map(|i| i as u8));
        bytes
    }

    #[test]
    fn ranks_3_and_4_plain_and_zipped() {
        let folder = tempfile::tempdir().unwrap();
        for (rank, sizes, channels) in [(3, &[2u32, 3, 4][..], 1), (4, &[2, 3, 4, 3], 3)] {
            let bytes = file(rank, sizes, 24 * channels);
            let path = folder.path().join("images");
            std::fs::write(&path, &bytes).unwrap();
            let images = read_idx(&path).unwrap();
            assert_eq!(
                (images.n, images.height, images.width, images.channels),
                (2, 3, 4, channels)
            );
            assert_eq!(images.image(1)[0] as usize, 12 * channels);
            assert_eq!(images.blake3(), blake3::hash(&bytes).to_hex().as_str());
            let mut gz = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
            gz.write_all(&bytes).unwrap();
            std::fs::write(&path, gz.finish().unwrap()).unwrap();
            assert_eq!(read_idx(&path).unwrap(), images);
            let (train, validation) = images.split_validation(1);
            assert_eq!((train.n, validation.n), (1, 1));
            assert_eq!(validation.pixels[0] as usize, 12 * channels);
        }
    }

    #[test]
    fn false_files_are_typed_errors() {
        let error = |bytes: &[u8]| parse_idx(bytes).unwrap_err();
        assert!(matches!(error(&[]), DataError::Header));
        assert!(matches!(error(&file(3, &[2, 3], 0)), DataError::Header));
        assert!(matches!(error(&file(1, &[2], 2)), DataError::Magic([0, 0, 8, 1])));
        assert!(matches!(error(&file(3, &[0, 3, 4], 0)), DataError::Sizes(_)));
        assert!(matches!(error(&file(4, &[u32::MAX; 4], 9)), DataError::Sizes(_)));
        for found in [23, 25] {
            let e = error(&file(3, &[2, 3, 4], found));
            assert!(matches!(e, DataError::Length { wanted: 24, found: f, .. } if f == found));
        }
        // Sizes that ask for terabytes must fail for want of input, not of memory.
        assert!(matches!(
            error(&file(3, &[1 << 20, 1 << 10, 1 << 10], 9)),
            DataError::Length { .. }
        ));
        assert!(matches!(read_idx(Path::new("/nonexistent")), Err(DataError::Io { .. })));
    }
}
