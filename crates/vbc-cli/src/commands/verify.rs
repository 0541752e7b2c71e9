//! `vbc verify`

use serde_json::json;
use vbc::Archive;

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
            // Every section is read for its checksums, every block once more to be decoded.
            let length = file.metadata().about_name(&opened.subject)?.len();
            let progress = Progress::bytes(settings, length.saturating_mul(2));
            let file = Watched { inner: file, progress };
            let mut archive = Archive::open(file, opened.options).about_name(&opened.subject)?;
            archive.verify().about_name(&opened.subject)?;
            archive.len()
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
