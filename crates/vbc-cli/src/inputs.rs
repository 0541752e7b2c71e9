//! What there is to encode: files, directories in a fixed order, and standard input.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use vbc::Error;

use crate::failure::{About, Outcome};
use crate::names;

/// One thing to encode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The file; `None` is standard input.
    pub path: Option<PathBuf>,
    /// The name to store.
    pub name: String,
}

/// The inputs in their order, and whether they are one file, not a directory or several.
pub struct Inputs {
    /// In the order of the arguments; a directory's files by the bytes of their paths.
    pub list: Vec<Input>,
    /// One argument that is no directory.
    pub single: bool,
}

/// Lists what the arguments name. A file is stored under its file name, a directory's files under
/// their paths in it, behind the directory's own name where there are several arguments.
pub fn collect(arguments: &[PathBuf]) -> Outcome<Inputs> {
    let mut list = Vec::new();
    let mut single = arguments.len() == 1;
    for argument in arguments {
        if argument == Path::new("-") {
            list.push(Input { path: None, name: "stdin".into() });
        } else if std::fs::metadata(argument).about(argument)?.is_dir() {
            single = false;
            let prefix = match argument.file_name() {
                Some(name) if arguments.len() > 1 => PathBuf::from(name),
                _ => PathBuf::new(),
            };
            let mut files = Vec::new();
            walk(argument, &prefix, &mut files)?;
            files.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
            list.append(&mut files);
        } else {
            let name = names::of_path(Path::new(argument.file_name().unwrap_or_default()))?;
            list.push(Input { path: Some(argument.clone()), name });
        }
    }
    Ok(Inputs { list, single })
}

/// All files under `folder`. Links to files are followed, links to directories are not: they may
/// lead in a circle.
fn walk(folder: &Path, prefix: &Path, files: &mut Vec<Input>) -> Outcome {
    for entry in std::fs::read_dir(folder).about(folder)? {
        let entry = entry.about(folder)?;
        let path = entry.path();
        let stored = prefix.join(entry.file_name());
        let kind = entry.file_type().about(&path)?;
        if kind.is_dir() {
            walk(&path, &stored, files)?;
        } else if kind.is_file() || std::fs::metadata(&path).about(&path)?.is_file() {
            files.push(Input { name: names::of_path(&stored)?, path: Some(path) });
        }
    }
    Ok(())
}

/// The content of an input, by its first bytes.
pub enum Content {
    /// An IDX file, as a stream from its first byte.
    Idx(Box<dyn Read>),
    /// Whatever else: the bytes of a picture file, if anything.
    Picture(Vec<u8>),
}

/// Opens an input and looks at what it is. A `.gz` of an IDX gives the IDX, and its name loses the
/// ending.
pub fn open(input: &mut Input, limit: u64) -> Outcome<Content> {
    let reader: Box<dyn Read> = match &input.path {
        None => Box::new(io::stdin()),
        Some(path) => Box::new(File::open(path).about(path)?),
    };
    let name = input.name.clone();
    look(input, Box::new(BufReader::with_capacity(1 << 16, reader)), limit).about_name(&name)
}

fn look(input: &mut Input, reader: Box<dyn Read>, limit: u64) -> Outcome<Content> {
    let (first, reader) = peek(reader)?;
    if first.starts_with(&[0x1f, 0x8b]) {
        let gunzip = MultiGzDecoder::new(BufReader::with_capacity(1 << 16, reader));
        let (first, reader) = peek(Box::new(gunzip))?;
        if !is_idx(&first) {
            return Err(Error::Unsupported("a gzip file that holds no IDX".into()).into());
        }
        if let Some(stem) = input.name.strip_suffix(".gz").filter(|s| !s.is_empty()) {
            input.name = stem.to_owned();
        }
        return Ok(Content::Idx(reader));
    }
    if is_idx(&first) {
        return Ok(Content::Idx(reader));
    }
    if first.starts_with(b"VB") {
        return Err(Error::Unsupported("a .vbc file, which is compressed already".into()).into());
    }
    Ok(Content::Picture(read_at_most(reader, limit)?))
}

fn is_idx(first: &[u8]) -> bool {
    matches!(first, [0, 0, 0x08 | 0x09 | 0x0B | 0x0C | 0x0D | 0x0E, _, ..])
}

/// The first bytes, at most four, and a reader that still gives them.
fn peek(mut reader: Box<dyn Read>) -> io::Result<(Vec<u8>, Box<dyn Read>)> {
    let mut first = Vec::new();
    reader.by_ref().take(4).read_to_end(&mut first)?;
    let again = Cursor::new(first.clone()).chain(reader);
    Ok((first, Box::new(again)))
}

/// Everything that a reader gives, up to `limit` bytes.
pub fn read_at_most(reader: impl Read, limit: u64) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    let found = bytes.len() as u64;
    if found > limit {
        return Err(Error::Limit { what: "bytes of a file", found, limit }.into());
    }
    Ok(bytes)
}

/// A whole file, up to `limit` bytes.
pub fn read_file(path: &Path, limit: u64) -> Outcome<Vec<u8>> {
    let file = File::open(path).about(path)?;
    let found = file.metadata().about(path)?.len();
    if found > limit {
        return Err(Error::Limit { what: "bytes of a file", found, limit }).about(path);
    }
    read_at_most(file, limit).about(path)
}
