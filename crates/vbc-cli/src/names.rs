//! Names that stand in archives, and the paths that they may become.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use vbc::{Error, ImageFileFormat, PixelFormat, Place, Section};

use crate::failure::{Failure, Outcome};

/// The name under which a relative path is stored: its parts with `/` between them.
pub fn of_path(path: &Path) -> Outcome<String> {
    let mut parts = Vec::new();
    for part in path.components() {
        let Component::Normal(part) = part else { continue };
        let Some(part) = part.to_str() else {
            return Err(Failure::input(format!("{}: the name is not UTF-8", path.display())));
        };
        parts.push(part);
    }
    Ok(parts.join("/"))
}

/// The path under `folder` that a stored name stands for. A name is hostile until it is shown that
/// it leads nowhere else.
pub fn under(folder: &Path, name: &str) -> Outcome<PathBuf> {
    let refused = |why: &str| {
        let place = Place { section: Section::Names, ..Place::default() };
        let what = format!("the name {name:?} {why}; nothing is written for it");
        Err(Error::Corrupt { place, what }.into())
    };
    let mut path = folder.to_owned();
    for part in name.split('/') {
        match part {
            "" => return refused("has an empty part or is absolute"),
            "." | ".." => return refused("has a part that is a direction"),
            _ if part.contains('\0') => return refused("has a zero byte"),
            // What may be a separator or a drive on another system.
            _ if cfg!(windows) && part.contains(['\\', ':']) => return refused("is not portable"),
            _ => path.push(part),
        }
    }
    Ok(path)
}

/// The name of a restored picture and its format: the stored name where its extension is a format
/// that holds the pixels, else with `.png` behind it. A format that is asked for replaces the
/// extension.
pub fn of_picture(
    stored: Option<&str>,
    index: u64,
    pixels: PixelFormat,
    asked: Option<ImageFileFormat>,
) -> (String, ImageFileFormat) {
    let stored = stored.map_or_else(|| format!("image-{index:06}"), str::to_owned);
    let extension = extension_of(&stored);
    let own = extension.and_then(ImageFileFormat::from_extension);
    match (own, asked) {
        (Some(own), None) if own.holds(pixels) => (stored, own),
        (Some(own), Some(asked)) if own == asked => (stored, own),
        (Some(_), Some(asked)) => {
            let stem = &stored[..stored.len() - extension.map_or(0, |e| e.len() + 1)];
            (format!("{stem}.{}", asked.extension()), asked)
        }
        (_, asked) => {
            let format = asked.unwrap_or(ImageFileFormat::Png);
            (format!("{stored}.{}", format.extension()), format)
        }
    }
}

fn extension_of(name: &str) -> Option<&str> {
    let file = name.rsplit('/').next()?;
    file.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, extension)| extension)
}

/// Names that were used: two entries must not become one.
#[derive(Default)]
pub struct Used(BTreeSet<String>);

impl Used {
    /// Takes a name, or fails where it was taken before.
    pub fn take(&mut self, name: &str) -> Outcome {
        if self.0.insert(name.to_owned()) {
            Ok(())
        } else {
            Err(Failure::input(format!("the name {name:?} occurs twice")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        let folder = Path::new("out");
        assert_eq!(under(folder, "a/b.png").expect("fine"), Path::new("out/a/b.png"));
        assert_eq!(under(folder, "..a/...").expect("fine"), Path::new("out/..a/..."));
        for bad in ["", "/a", "a/", "a//b", "..", "a/../b", "../a", ".", "./a", "a\0b"] {
            assert_eq!(under(folder, bad).expect_err(bad).exit_code(), 3, "{bad:?}");
        }
    }

    #[test]
    fn pictures_get_an_extension_that_fits() {
        use ImageFileFormat as F;
        use PixelFormat as P;
        let name = |stored, pixels, asked| of_picture(stored, 7, pixels, asked);
        assert_eq!(name(Some("a/b.bmp"), P::Rgb8, None), ("a/b.bmp".into(), F::Bmp));
        assert_eq!(name(Some("b.webp"), P::Grey8, None), ("b.webp.png".into(), F::Png));
        assert_eq!(name(Some("b.gif"), P::Rgba8, None), ("b.gif.png".into(), F::Png));
        assert_eq!(name(Some("b.bmp"), P::Rgb8, Some(F::Qoi)), ("b.qoi".into(), F::Qoi));
        assert_eq!(name(Some(".png"), P::Rgb8, None), (".png.png".into(), F::Png));
        assert_eq!(name(None, P::Rgb8, None), ("image-000007.png".into(), F::Png));
        assert_eq!(name(Some("a.b/c"), P::Rgb8, None), ("a.b/c.png".into(), F::Png));
    }

    #[test]
    fn stored_names_use_slashes() {
        assert_eq!(of_path(Path::new("./a/b")).expect("UTF-8"), "a/b");
        assert_eq!(of_path(Path::new("/tmp/x.png")).expect("UTF-8"), "tmp/x.png");
    }
}
