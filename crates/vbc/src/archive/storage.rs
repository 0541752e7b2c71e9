//! What an archive is appended to, and bytes by their place.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use crate::container::bytes::zeroed;
use crate::error::Error;
use crate::limits::Limits;

/// Storage of an archive that can grow, be cut, and be made durable.
pub trait Storage: Read + Write + Seek {
    /// Cuts everything from byte `len` on.
    fn truncate(&mut self, len: u64) -> io::Result<()>;

    /// Returns once all that was written will survive a crash of the machine.
    fn sync(&mut self) -> io::Result<()>;
}

impl Storage for File {
    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl Storage for Cursor<Vec<u8>> {
    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.get_mut().truncate(usize::try_from(len).unwrap_or(usize::MAX));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: Storage + ?Sized> Storage for &mut S {
    fn truncate(&mut self, len: u64) -> io::Result<()> {
        (**self).truncate(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        (**self).sync()
    }
}

/// A reader whose bytes are asked for by their place.
#[derive(Debug)]
pub(crate) struct Source<R> {
    reader: R,
    pub len: u64,
}

impl<R: Read + Seek> Source<R> {
    pub fn new(mut reader: R) -> Result<Self, Error> {
        let len = reader.seek(SeekFrom::End(0))?;
        Ok(Source { reader, len })
    }

    /// The bytes of `range`, which lies inside the file.
    pub fn read(&mut self, range: &Range<u64>, limits: &Limits) -> Result<Vec<u8>, Error> {
        let mut out = zeroed("bytes read at once", range.end.saturating_sub(range.start), limits)?;
        self.reader.seek(SeekFrom::Start(range.start))?;
        self.reader.read_exact(&mut out)?;
        Ok(out)
    }

    pub fn into_inner(self) -> R {
        self.reader
    }
}
