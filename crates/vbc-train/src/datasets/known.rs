//! The files of MNIST and Fashion-MNIST, and how to know them.

use clap::ValueEnum;

/// A data set that is known by its sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Set {
    /// Handwritten digits.
    Mnist,
    /// Zalando's articles of clothing.
    Fashion,
}

impl Set {
    /// The set's folder in the output folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Mnist => "mnist",
            Self::Fashion => "fashion",
        }
    }

    /// Folders, under the one that is searched, in which its files may lie: ours, torchvision's,
    /// Debian's, and last the searched one itself.
    pub(super) fn places(self) -> &'static [&'static str] {
        match self {
            Self::Mnist => &["mnist", "MNIST/raw", "MNIST", ""],
            Self::Fashion => &["fashion", "FashionMNIST/raw", "FashionMNIST", "fashion-mnist", ""],
        }
    }
}

/// A file that is known by its sum.
#[derive(Debug)]
pub struct Known {
    /// The set it belongs to.
    pub set: Set,
    /// Its name, decompressed.
    pub name: &'static str,
    /// Its bytes, decompressed.
    pub len: u64,
    /// The SHA-256 of these bytes: compressed files differ between mirrors.
    pub sha256: &'static str,
}

const fn known(set: Set, name: &'static str, len: u64, sha256: &'static str) -> Known {
    Known { set, name, len, sha256 }
}

const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

const SIZES: [u64; 4] = [47_040_016, 60_008, 7_840_016, 10_008];

/// All of them.
pub const KNOWN: [Known; 8] = [
    known(
        Set::Mnist,
        NAMES[0],
        SIZES[0],
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    known(
        Set::Mnist,
        NAMES[1],
        SIZES[1],
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    known(
        Set::Mnist,
        NAMES[2],
        SIZES[2],
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    known(
        Set::Mnist,
        NAMES[3],
        SIZES[3],
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    known(
        Set::Fashion,
        NAMES[0],
        SIZES[0],
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    known(
        Set::Fashion,
        NAMES[1],
        SIZES[1],
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    known(
        Set::Fashion,
        NAMES[2],
        SIZES[2],
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    known(
        Set::Fashion,
        NAMES[3],
        SIZES[3],
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
];
