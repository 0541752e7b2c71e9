//! What can be wrong with a data set.

use std::path::PathBuf;

use super::ArrayError;

/// Why a data set could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The file or folder could not be read.
    #[error("{path}: {source}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// An image file could not be decoded.
    #[error("{path}: {source}")]
    Decode {
        /// Which one.
        path: PathBuf,
        /// What the decoder says.
        source: image::ImageError,
    },
    /// The first four bytes are not those of unsigned bytes of rank 3 or 4.
    #[error("not an IDX file of unsigned bytes of rank 3 or 4: it starts with {0:02x?}")]
    Magic([u8; 4]),
    /// A size is 0 or the sizes multiply to more than memory can address.
    #[error("impossible sizes {0:?}")]
    Sizes(Vec<u32>),
    /// There are fewer or more pixels than the sizes say.
    #[error("{found} bytes of pixels where the sizes {sizes:?} want {wanted}")]
    Length {
        /// The sizes in the header.
        sizes: Vec<u32>,
        /// Their product.
        wanted: usize,
        /// Bytes there are; one too many stands for any number too many.
        found: usize,
    },
    /// The input ends inside the header.
    #[error("the input ends inside the header")]
    Header,
    /// The folder holds no image files.
    #[error("{0}: no image files")]
    Empty(PathBuf),
    /// An image is not like the first of its folder.
    #[error("{path}: {found}, but the images before it are {wanted}")]
    Unequal {
        /// Which one.
        path: PathBuf,
        /// Its size and channels.
        found: String,
        /// Those of the others.
        wanted: String,
    },
    /// A NumPy file is not what it says, or not what is taken.
    #[error("{place}: {source}")]
    Array {
        /// The file, and of an array in an archive its name.
        place: String,
        /// What is wrong.
        source: ArrayError,
    },
    /// An image has more than eight bits a channel.
    #[error("{0}: not 8 bits a channel")]
    Depth(PathBuf),
}
