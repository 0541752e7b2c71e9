//! A scratch folder for one test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A temporary directory with short ways to fill it and to look at it.
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// An empty one.
    #[expect(clippy::new_without_default, reason = "makes a directory")]
    pub fn new() -> Self {
        Folder(tempfile::tempdir().expect("a temporary directory"))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, its parent directories included.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("made");
        std::fs::write(&path, bytes).expect("written");
        path
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// All files in it, hidden ones too, by their relative paths.
    pub fn files(&self, under: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        walk(&self.path().join(under), "", &mut files);
        files
    }

    /// The relative paths of all files in it.
    pub fn names(&self) -> Vec<String> {
        self.files("").into_keys().collect()
    }
}

fn walk(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            walk(&path, &format!("{name}/"), files);
        } else {
            files.insert(name, std::fs::read(&path).expect("readable"));
        }
    }
}
