//! `vbc verify`

use std::fs::File;

use serde_json::json;
use vbc::{Archive, DecodeOptions};

use super::{counted, print, print_json};
use crate::args::Read;
use crate::failure::{About, Outcome};
use crate::opened::{Kind, Opened};
use crate::progress::{Progress, Watched};
use crate::settings::Settings;

/// Decodes everything and compares every checksum.
pub fn run(args: &Read, settings: &Settings) -> Outcome {
    let opened = Opened::open(args, settings)?;
    let images = match opened.kind {
        Kind::Single(file) => {
            vbc::decode(&file, &opened.options).about_name(&opened.subject)?;
            1
        }
        Kind::Archive(archive) => {
            let file = archive.into_inner();
            self::archive(file, opened.options, settings).about_name(&opened.subject)?
        }
    };
    if settings.json {
        return print_json(&json!({ "ok": true, "images": images }));
    }
    if settings.quiet {
        return Ok(());
    }
    print(&format!("{}: {}, all as written", opened.subject, counted(images, "image")))
}

/// Checks an archive with a bar, and counts its images.
pub fn archive(file: File, options: DecodeOptions, settings: &Settings) -> Outcome<u64> {
    // Every section is read for its checksums, every block once more to be decoded.
    let total = file.metadata()?.len().saturating_mul(2);
    let mut progress = Progress::check(settings, total);
    let mut archive = Archive::open(Watched::new(file, &mut progress, 1), options)?;
    archive.verify()?;
    Ok(archive.len())
}
