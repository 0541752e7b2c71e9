//! A .vbc file to read, of either kind.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use vbc::{Archive, DecodeOptions};

use crate::args;
use crate::failure::{About, Outcome};
use crate::inputs::read_at_most;
use crate::settings::Settings;

/// Bytes that a single image may have beside its coded pixels, which are never larger than raw.
const SINGLE_EXTRA: u64 = 1 << 16;

/// An input with what it takes to decode it.
pub struct Opened {
    /// Its name in messages.
    pub subject: String,
    /// Limits and models.
    pub options: DecodeOptions,
    /// The file itself.
    pub kind: Kind,
}

/// The two kinds of .vbc files.
pub enum Kind {
    /// A single image, in memory.
    Single(Vec<u8>),
    /// An archive.
    Archive(Box<Archive<File>>),
}

impl Opened {
    /// Opens a file or standard input, which is put aside in a nameless file first if it is an
    /// archive: archives are read from their end.
    pub fn open(args: &args::Read, settings: &Settings) -> Outcome<Self> {
        let options = settings.decode_options(&args.model)?;
        let (subject, kind) = if args.input == Path::new("-") {
            ("standard input".to_owned(), from_stream(io::stdin().lock(), &options))
        } else {
            (args.input.display().to_string(), from_file(&args.input, &options))
        };
        let kind = kind.about_name(&subject)?;
        Ok(Opened { subject, options, kind })
    }
}

/// The stem of the input's file name, as a name for what comes out of it.
pub fn stem(input: &Path) -> String {
    let stem = input.file_stem().filter(|_| input != Path::new("-"));
    stem.map_or_else(|| "image".into(), |s| s.to_string_lossy().into_owned())
}

fn from_file(path: &Path, options: &DecodeOptions) -> Outcome<Kind> {
    let mut file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return from_stream(file, options);
    }
    let mut first = Vec::new();
    file.by_ref().take(3).read_to_end(&mut first)?;
    file.rewind()?;
    if is_archive(&first) {
        return Ok(Kind::Archive(Box::new(Archive::open(file, options.clone())?)));
    }
    Ok(Kind::Single(single(file, options)?))
}

/// What cannot go back to its start is put aside, unless it fits in memory anyway.
fn from_stream(mut stream: impl Read, options: &DecodeOptions) -> Outcome<Kind> {
    let mut first = Vec::new();
    stream.by_ref().take(3).read_to_end(&mut first)?;
    let mut whole = first.as_slice().chain(stream);
    if !is_archive(&first) {
        return Ok(Kind::Single(single(whole, options)?));
    }
    let mut file = tempfile::tempfile()?;
    io::copy(&mut whole, &mut file)?;
    Ok(Kind::Archive(Box::new(Archive::open(file, options.clone())?)))
}

fn is_archive(first: &[u8]) -> bool {
    first == b"VBC"
}

fn single(reader: impl Read, options: &DecodeOptions) -> Outcome<Vec<u8>> {
    read_at_most(reader, options.limits.memory.saturating_add(SINGLE_EXTRA))
}
