//! What can go wrong in getting a data set.

use std::path::PathBuf;

/// Why a data set could not be had.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file or folder could not be read or written, or its gzip wrapper is damaged.
    #[error("{place}: {source}")]
    Io {
        /// Its path, or where it comes from.
        place: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is none of the known ones.
    #[error("{place}: not the known file: found SHA-256 {found}, expected {expected}")]
    Unknown {
        /// Its path, or where it comes from.
        place: String,
        /// Its sum, decompressed.
        found: String,
        /// The sum of the file looked for.
        expected: &'static str,
    },
    /// A file is longer than the known one.
    #[error(
        "{place}: not the known file: found more than {limit} bytes, expected {limit} with \
         SHA-256 {expected}"
    )]
    Long {
        /// Its path, or where it comes from.
        place: String,
        /// Bytes of the known file.
        limit: u64,
        /// The sum of the file looked for.
        expected: &'static str,
    },
    /// A file of that name, but of another known set.
    #[error("{0}: a file of another set: found the sum of one, expected that of the set asked for")]
    OtherSet(String),
    /// The file already in the output folder is not the right one.
    #[error("{0}; it is left as it is: move it away to have the right one put there")]
    InTheWay(#[source] Box<DatasetError>),
    /// Files are in none of the places looked at.
    #[error("not found: {files}; looked in {places}; {HELP}")]
    Missing {
        /// Their names.
        files: String,
        /// Where they were looked for.
        places: String,
    },
    /// The folder that was checked is not complete and right.
    #[error("{folder}: {wrong} of {all} files are wrong or missing")]
    NotRight {
        /// The folder.
        folder: PathBuf,
        /// Files that are wrong or missing.
        wrong: usize,
        /// Files looked for.
        all: usize,
    },
    /// The program is not on this machine.
    #[error("{program} cannot be run ({source}); --apt wants a system with apt, such as Debian")]
    NoProgram {
        /// Which one.
        program: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// A program failed.
    #[error("{command} failed: {status}")]
    Program {
        /// The program with its arguments.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// The programs did not leave what they are to leave.
    #[error("apt-get download left no .deb file in {0}")]
    NoPackage(PathBuf),
    /// The address is not one of a folder behind HTTPS.
    #[error("{0}: an address is wanted that starts with https:// and has neither ? nor #")]
    Address(String),
    /// One address stands for one set, as the sets' files have the same names.
    #[error("--url has the files of one set; say which with --set mnist or --set fashion")]
    WhichSet,
    /// The file could not be downloaded.
    #[error("{url}: {source}")]
    Download {
        /// Its address.
        url: String,
        /// What the client says.
        source: Box<ureq::Error>,
    },
    /// The server sends more than the file can have.
    #[error("{url}: found more than {limit} bytes, expected at most as many")]
    Endless {
        /// Its address.
        url: String,
        /// The most that is taken.
        limit: u64,
    },
}

const HELP: &str = "--from FOLDER, --url URL, or for Fashion-MNIST --apt name other places";
