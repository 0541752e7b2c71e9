//! Checking every byte of an archive (SPEC.md section 8.13).

use std::io::{Read, Seek};

use super::files::FileKind;
use super::images::Blocks;
use super::reader::Archive;
use super::scan::{Replay, header_of, section_at};
use crate::container::header;
use crate::error::Error;

impl<R: Read + Seek> Archive<R> {
    /// Reads and decodes everything: all sections and their checksums, old indexes included, the
    /// index against what it lists, all images, all files, all embedded models. Fails where a
    /// single bit of the file is not as it was written, and where bytes follow the footer.
    ///
    /// # Errors
    /// That of the first fault, in particular [`Error::Corrupt`] with its place.
    pub fn verify(&mut self) -> Result<(), Error> {
        let limits = self.core.options().limits.clone();
        let header = header_of(&mut self.source, &limits)?;
        let mut replay = Replay::new(header);
        let mut at = header::LEN as u64;
        while at < self.source.len {
            let section = section_at(&mut self.source, at, &header, &limits)?;
            replay.take(&section, &limits)?;
            at = section.end();
        }
        replay.check_end(at)?;
        let images = self.len();
        for block in Blocks::new(self, 0..images) {
            block?;
        }
        for file in self.files()? {
            if matches!(file.kind, FileKind::Opaque) {
                self.read_file_into(&file, &mut std::io::sink())?;
            }
        }
        let methods: Vec<u64> = self.core.state()?.root.methods().map(|(m, _)| m).collect();
        for method in methods {
            if self.core.state()?.root.model(method).is_some() {
                self.ask(|core| core.coder(method).map(|_| ()))?;
            }
        }
        Ok(())
    }
}
