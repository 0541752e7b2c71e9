//! `vbc preview`

use std::path::Path;

use vbc::{Error, Image, ImageFileFormat};

use super::counted;
use crate::args::Preview;
use crate::failure::{About, Failure, Outcome};
use crate::grid;
use crate::opened::{self, Kind, Opened};
use crate::output::{self, Target};
use crate::progress::Progress;
use crate::settings::Settings;

/// Shows images as their latents alone give them.
pub fn run(args: &Preview, settings: &Settings) -> Outcome {
    let opened = Opened::open(&args.read, settings)?;
    let subject = opened.subject;
    let mut previews = Vec::new();
    // Images without a latent are passed over and counted.
    let mut without = 0u64;
    let mut keep = |index: u64, preview: Result<Image, Error>| match preview {
        Ok(image) => {
            previews.push((index, image));
            Ok(())
        }
        Err(Error::Input(_)) => {
            without += 1;
            Ok(())
        }
        Err(e) => Err(e).about_name(&subject),
    };
    match opened.kind {
        Kind::Single(file) if args.rows == 0 => {
            keep(0, vbc::single::preview(&file, &opened.options))?;
        }
        Kind::Single(file) => {
            let begun = vbc::single::begun(&file, args.rows, &opened.options);
            if let Ok(begun) = &begun
                && begun.rows < args.rows.min(begun.image.shape().height)
                && !settings.quiet
            {
                let rows = counted(begun.rows.into(), "row");
                eprintln!("vbc: warning: {subject}: the file holds {rows} so far");
            }
            keep(0, begun.map(|begun| begun.image))?;
        }
        Kind::Archive(mut archive) => {
            if args.first >= archive.len() {
                let images = counted(archive.len(), "image");
                return Err(Failure::input(format!("--first {}: there are {images}", args.first)))
                    .about_name(&subject);
            }
            let end = args.first.saturating_add(args.count).min(archive.len());
            let mut progress = Progress::images(settings, end - args.first);
            for index in args.first..end {
                let preview = archive.preview(index);
                let shown = match args.rows {
                    0 => preview,
                    rows => preview.and_then(|p| with_rows(&p, &archive.image(index)?, rows)),
                };
                keep(index, shown)?;
                progress.add(1);
            }
        }
    }
    if previews.is_empty() {
        return Err(Failure::input("no image here has a latent to show")).about_name(&subject);
    }
    if without > 0 && !settings.quiet {
        eprintln!("vbc: warning: {subject}: {without} images without a latent are left out");
    }
    let out = &args.output;
    let slash = out.as_os_str().as_encoded_bytes().ends_with(b"/");
    if out != Path::new("-") && (slash || out.is_dir()) {
        std::fs::create_dir_all(out).about(out)?;
        return previews.iter().try_for_each(|(index, image)| {
            let path = out.join(format!("{}-{index:06}.png", opened::stem(&args.read.input)));
            let bytes = vbc::write_image(image, ImageFileFormat::Png)?;
            output::write(&Target::File(path), args.force, &bytes)
        });
    }
    let format = match out.extension().and_then(|e| e.to_str()) {
        Some(extension) => ImageFileFormat::from_extension(extension),
        None => Some(ImageFileFormat::Png),
    };
    let format =
        format.ok_or_else(|| Failure::input("the extension names no picture format")).about(out)?;
    let images: Vec<&Image> = previews.iter().map(|(_, image)| image).collect();
    let picture = grid::of(&images, &settings.limits).about_name(&subject)?;
    output::write(&Target::of(out), args.force, &vbc::write_image(&picture, format)?)
}

/// The first rows of an image, over its preview.
fn with_rows(preview: &Image, image: &Image, rows: u32) -> Result<Image, Error> {
    let height = preview.shape().height.max(1);
    let end = preview.data().len() / height as usize * rows.min(height) as usize;
    let pixels = [&image.data()[..end], &preview.data()[end..]].concat();
    Image::new(preview.shape(), pixels)
}
