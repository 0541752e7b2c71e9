//! `vbc verify`

use serde_json::json;

use super::{counted, print, print_json};
use crate::args::Read;
use crate::failure::{About, Outcome};
use crate::opened::{Kind, Opened};
use crate::settings::Settings;

/// Decodes everything and compares every checksum.
pub fn run(args: &Read, settings: &Settings) -> Outcome {
    let opened = Opened::open(args, settings)?;
    let images = match opened.kind {
        Kind::Single(file) => {
            vbc::decode(&file, &opened.options).about_name(&opened.subject)?;
            1
        }
        Kind::Archive(mut archive) => {
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
