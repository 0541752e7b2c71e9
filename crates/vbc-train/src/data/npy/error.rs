//! What can be wrong with a NumPy file.

use ndarray_npy::npy::header::ParseHeaderError;

use super::header::MAX_HEADER;

/// Why an array could not be taken as images.
#[derive(Debug, thiserror::Error)]
pub enum ArrayError {
    /// The system could not read it, or its compressed data is damaged.
    #[error("it cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// The first bytes are not those of a NumPy array.
    #[error("not a NumPy array: it starts with {0:02x?}, not with \\x93NUMPY")]
    Magic([u8; 6]),
    /// A version of the format that there was not when this was written.
    #[error("version {0}.{1} of the NumPy format; 1.0, 2.0 and 3.0 are accepted")]
    Version(u8, u8),
    /// The input ends inside the header.
    #[error("the input ends inside the header")]
    HeaderEnd,
    /// The header says that it is longer than any header of a plain array.
    #[error("a header of {0} bytes; at most {MAX_HEADER} are accepted")]
    HeaderLength(u32),
    /// The header has brackets or signs that no plain array's header has.
    #[error("the header is not that of a plain array: too many brackets, or a sign")]
    HeaderText,
    /// The header cannot be parsed.
    #[error("the header cannot be parsed: {0}")]
    Header(#[from] ParseHeaderError),
    /// The elements are not unsigned bytes.
    #[error("elements of type {0}; unsigned bytes (numpy.uint8, '|u1') are accepted")]
    Type(String),
    /// The array has another rank than images have.
    #[error(
        "shape {0:?}; (images, rows, columns) and (images, rows, columns, channels) are accepted"
    )]
    Rank(Vec<usize>),
    /// A size is 0 or has more than 32 bits, or the sizes multiply to more than memory can address.
    #[error("impossible sizes {0:?}")]
    Sizes(Vec<usize>),
    /// There are fewer or more pixels than the shape says.
    #[error("{found} bytes of pixels where the shape {shape:?} wants {wanted}")]
    Length {
        /// The shape in the header.
        shape: Vec<usize>,
        /// Its product.
        wanted: usize,
        /// Bytes there are; one too many stands for any number too many.
        found: u64,
    },
    /// The archive of arrays cannot be read.
    #[error("not a usable .npz file: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// The archive has no array of images.
    #[error("no array of images; there is {0}")]
    NoImages(String),
    /// The archive has more than one array of images.
    #[error("several arrays of images ({0}); choose one with --array NAME")]
    Several(String),
    /// The archive has no array of the name asked for.
    #[error("no array {wanted}; there is {found}")]
    NoArray {
        /// The name.
        wanted: String,
        /// The names there are.
        found: String,
    },
    /// An array was asked for by name, but not of a .npz file.
    #[error("--array {0}: only the arrays of a .npz file have names")]
    NoNames(String),
}
