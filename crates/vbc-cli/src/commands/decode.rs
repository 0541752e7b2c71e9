//! `vbc decode`

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use vbc::archive::{FileEntry, FileKind};
use vbc::{Archive, Image, ImageFileFormat};

use crate::args::Decode;
use crate::failure::{About, Failure, Outcome};
use crate::names::{self, Used};
use crate::opened::{self, Kind, Opened};
use crate::output::{self, Output, Target};
use crate::progress::{Progress, Watched};
use crate::settings::Settings;

/// Restores what the input holds.
pub fn run(args: &Decode, settings: &Settings) -> Outcome {
    let opened = Opened::open(&args.read, settings)?;
    let job = Job { args, settings, subject: &opened.subject };
    match opened.kind {
        Kind::Single(file) => {
            if args.image.is_some_and(|i| i > 0) {
                return Err(Failure::input("a single image has no other than image 0"))
                    .about_name(&opened.subject);
            }
            let image = vbc::decode(&file, &opened.options).about_name(&opened.subject)?;
            let name = vbc::single::inspect(&file, &opened.options)
                .about_name(&opened.subject)?
                .name
                .unwrap_or_else(|| opened::stem(&args.read.input));
            job.one_image(Some(&name), 0, &image)
        }
        Kind::Archive(mut archive) => {
            if let Some(index) = args.image {
                let image = archive.image(index).about_name(&opened.subject)?;
                let name = archive.name(index).about_name(&opened.subject)?;
                return job.one_image(name.as_deref(), index, &image);
            }
            let entries = archive.files().about_name(&opened.subject)?;
            job.entries(&mut archive, &entries)
        }
    }
}

struct Job<'a> {
    args: &'a Decode,
    settings: &'a Settings,
    subject: &'a str,
}

impl Job<'_> {
    /// Whether OUT is a directory by itself, whatever is stored.
    fn fills_directory(&self) -> bool {
        let out = &self.args.output;
        let slash = out.as_os_str().as_encoded_bytes().last().is_some_and(|&b| is_separator(b));
        out != Path::new("-") && (slash || out.is_dir())
    }

    /// One image, into a directory or a file.
    fn one_image(&self, name: Option<&str>, index: u64, image: &Image) -> Outcome {
        if self.fills_directory() {
            return self.image_into(&self.args.output, name, index, image, &mut Used::default());
        }
        let target = Target::of(&self.args.output);
        let format = match (&target, self.args.format) {
            (_, Some(format)) => format,
            (Target::Stdout, None) => ImageFileFormat::Png,
            (Target::File(path), None) => format_of(path)?,
        };
        let bytes = vbc::write_image(image, format).about_name(self.subject)?;
        output::write(&target, self.args.force, &bytes)
    }

    /// Everything that an archive holds.
    fn entries(&self, archive: &mut Archive<File>, entries: &[FileEntry]) -> Outcome {
        if let ([entry], false) = (entries, self.fills_directory()) {
            if let FileKind::Image = entry.kind {
                let image = archive.image(entry.first_image).about_name(self.subject)?;
                return self.one_image(entry.name.as_deref(), entry.first_image, &image);
            }
            let mut progress = Progress::images(self.settings, entry.images);
            return self.file(archive, entry, &Target::of(&self.args.output), &mut progress);
        }
        if self.args.output == Path::new("-") {
            return Err(Failure::input(format!(
                "{} files are stored, too many for standard output",
                entries.len()
            )))
            .about_name(self.subject);
        }
        self.fill(archive, entries, &self.args.output)
    }

    /// All entries as files in a directory, each of them whole or not there.
    fn fill(&self, archive: &mut Archive<File>, entries: &[FileEntry], folder: &Path) -> Outcome {
        std::fs::create_dir_all(folder).about(folder)?;
        let mut used = Used::default();
        let mut progress = Progress::images(self.settings, archive.len());
        let mut rest = entries;
        while let [entry, behind @ ..] = rest {
            if !matches!(entry.kind, FileKind::Image) {
                let name = entry.name.as_deref().unwrap_or("file");
                used.take(name).about_name(self.subject)?;
                let path = place(folder, name).about_name(self.subject)?;
                self.file(archive, entry, &Target::File(path), &mut progress)?;
                rest = behind;
                continue;
            }
            // A run of images is decoded block by block.
            let run = rest.iter().take_while(|e| matches!(e.kind, FileKind::Image)).count();
            let first = entry.first_image;
            for image in archive.images_in(first..first + run as u64) {
                let image = image.about_name(self.subject)?;
                let name = image.name.as_deref();
                self.image_into(folder, name, image.index, &image.image, &mut used)?;
                progress.add(1);
            }
            rest = &rest[run..];
        }
        Ok(())
    }

    fn image_into(
        &self,
        folder: &Path,
        name: Option<&str>,
        index: u64,
        image: &Image,
        used: &mut Used,
    ) -> Outcome {
        let (name, format) = names::of_picture(name, index, image.shape().format, self.args.format);
        used.take(&name).about_name(self.subject)?;
        let path = place(folder, &name).about_name(self.subject)?;
        let bytes = vbc::write_image(image, format).about(&path)?;
        output::write(&Target::File(path), self.args.force, &bytes)
    }

    /// An IDX or opaque file, byte for byte.
    fn file(
        &self,
        archive: &mut Archive<File>,
        entry: &FileEntry,
        target: &Target,
        progress: &mut Progress,
    ) -> Outcome {
        let output = Output::create(target, self.args.force, false)?;
        let buffered = io::BufWriter::with_capacity(1 << 20, output);
        let mut watched = Watched::new(buffered, progress, image_bytes(entry));
        archive.read_file_into(entry, &mut watched).about_name(self.subject)?;
        let mut buffered = watched.into_inner();
        buffered.flush().about_name(self.subject)?;
        buffered.into_inner().map_err(io::IntoInnerError::into_error)?.commit()
    }
}

/// Bytes of one image of an IDX file; those of a file without images count for none.
fn image_bytes(entry: &FileEntry) -> u64 {
    match &entry.kind {
        FileKind::Idx(header) => header.image_shape().map_or(u64::MAX, |(shape, _)| shape.bytes()),
        _ => u64::MAX,
    }
}

/// The path of a stored name, with its parent directories made.
fn place(folder: &Path, name: &str) -> Outcome<PathBuf> {
    let path = names::under(folder, name)?;
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).about(parent)?;
    }
    Ok(path)
}

fn format_of(path: &Path) -> Outcome<ImageFileFormat> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    ImageFileFormat::from_extension(extension).ok_or_else(|| {
        Failure::input(format!(
            "{}: the extension names no picture format that can be written; --format does",
            path.display()
        ))
    })
}

fn is_separator(byte: u8) -> bool {
    byte == b'/' || (cfg!(windows) && byte == b'\\')
}
